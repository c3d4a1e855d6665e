#!/usr/bin/env bash
# Tries one way of installing from nothing, and says how long each step takes:
#
#   benchmarks/installs/try.sh make|onedl|openmmlab|container|dist FOLDER > LOG
#
# FOLDER must not exist; it takes 8 GB, and details.log in it has all output. `make`
# and `onedl` take mmcv's wheel from where `make setup` keeps it. `container` needs
# root and debootstrap: an empty Debian stands for NVIDIA's image, without CUDA.
# `dist` needs a checkout that is set up, whose packages it borrows.
set -euo pipefail
way=${1:?which way} folder=${2:?an empty folder}
checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
python=${PYTHON:-python3.11}
export OMP_NUM_THREADS=1 PIP_DISABLE_PIP_VERSION_CHECK=1
mkdir "$folder" && cd "$folder"
began=$SECONDS

# Runs a command, and prints it with its time. Its output goes to details.log.
step() {
    local start=$SECONDS
    local shown="${*//$checkout/CHECKOUT}"
    printf '$ %s\n' "${shown//$python/python3}" | tee -a details.log
    if ! "$@" >>details.log 2>&1 </dev/null; then
        echo "failed after $((SECONDS - start)) s:" && tail -n 20 details.log
        exit 1
    fi
    echo "  $((SECONDS - start)) s"
}

demo() {
    mkdir -p elsewhere
    (cd elsewhere && step "$@" demo --task classification)
    cat elsewhere/details.log >>details.log
    grep -v '^$' elsewhere/work_dirs/demo/digits_classification.md
}

# What pip changed besides ckd_mm, which must be nothing.
install_beside() {
    "$1" -m pip freeze >before.txt
    step "$1" -m pip install --no-deps ./ckd_mm
    "$1" -m pip freeze | grep -v '^ckd_mm' | diff before.txt - >&2
    echo "  pip freeze: one new line, ckd_mm"
}

# The container has its own.
version_said() { [ "$way" = container ] || echo " $("$python" --version),"; }

source "$checkout/benchmarks/installs/ways.sh"
echo "$way, $(date -u +%F), commit $(git -C "$checkout" rev-parse --short HEAD)," \
    "$(. /etc/os-release && echo "$PRETTY_NAME"),$(version_said) $(nproc --all) cores"
[ "$way" = dist ] || step git clone --quiet "$checkout" ckd_mm
"try_$way"
echo "all: $((SECONDS - began)) s"
