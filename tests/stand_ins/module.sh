# Stand-in for environment modules, as BASH_ENV brings them to non-interactive shells (Lmod and Environment
# Modules both do): `module load NAME...` puts <modules>/NAME/bin first on PATH.
_modules=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

module() {
    local name
    [[ $1 == load ]] || { echo "module: cannot $1" >&2; return 1; }
    for name in "${@:2}"; do
        [[ -d $_modules/$name ]] || { echo "module: no module '$name'" >&2; return 1; }
        export PATH="$_modules/$name/bin:$PATH"
    done
}
