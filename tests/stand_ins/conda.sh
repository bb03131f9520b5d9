# Stand-in for <base>/etc/profile.d/conda.sh: `conda activate NAME` puts an environment first on PATH.
_conda_base=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

conda() {
    if [[ $1 != activate ]]; then command conda "$@"; return; fi
    [[ -d $_conda_base/envs/$2 ]] || { echo "EnvironmentNameNotFound: $2" >&2; return 1; }
    export PATH="$_conda_base/envs/$2/bin:$PATH"
}
