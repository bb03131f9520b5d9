# Stand-in for environment modules, as BASH_ENV brings them to non-interactive shells (Lmod and Environment
# Modules both do): `module load NAME` puts <modules>/NAME/bin first on PATH.
_modules=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

module() {
    [[ $1 == load && -d $_modules/$2 ]] || { echo "module: cannot $1 '$2'" >&2; return 1; }
    export PATH="$_modules/$2/bin:$PATH"
}
