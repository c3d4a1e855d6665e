# The ways of installing; try.sh runs one of them.

try_make() {
    step make -C ckd_mm setup PYTHON="$python"
    steps_of_set_up
    step make -C ckd_mm setup PYTHON="$python"
    demo ../ckd_mm/.venv/bin/ckd_mm
}

# Path 2: OneDL's MMDetection and MMPretrain are there already.
try_onedl() {
    local constraints=(--constraint ckd_mm/requirements/constraints.txt)
    local pip=(env/bin/python -m pip install --quiet "${constraints[@]}")
    step "$python" -m venv env
    step "${pip[@]}" --upgrade setuptools wheel
    step "${pip[@]}" torch torchvision numpy
    cp "$(kept_wheel)" .
    step "${pip[@]}" ./onedl_mmcv-*.whl
    step "${pip[@]}" onedl-mmengine onedl-mmdetection onedl-mmpretrain
    step "${pip[@]}" --force-reinstall --no-deps opencv-python-headless
    install_beside env/bin/python
    step "${pip[@]}" 'ckd_mm[demo]'
    demo ../env/bin/ckd_mm
}

# Path 3: OpenMMLab's own packages. mmcv-lite has no operators, and needs no compiler.
try_openmmlab() {
    local pip=(env/bin/python -m pip install --quiet)
    step "$python" -m venv env
    step "${pip[@]}" 'numpy<2' 'setuptools<81' torch==2.4.1 torchvision==0.19.1
    step "${pip[@]}" 'numpy<2' 'opencv-python<4.12' 'opencv-python-headless<4.12' \
        mmcv-lite==2.1.0 mmengine==0.10.7 mmpretrain==1.2.0
    install_beside env/bin/python
    step "${pip[@]}" 'ckd_mm[demo]'
    demo ../env/bin/ckd_mm
}

# The Dockerfile's own RUN lines, in an empty Debian without CUDA.
try_container() {
    local root=$PWD/root
    step empty_debian root
    network_of_this_machine root
    mount --bind /dev root/dev && mount -t proc proc root/proc
    trap "umount '$root/dev' '$root/proc'" EXIT
    mv ckd_mm root/ckd_mm
    "$checkout/.venv/bin/python" "$checkout/benchmarks/installs/dockerfile.py" >lines
    while IFS= read -r line; do
        step inside "$line"
        network_of_this_machine root
    done <lines
    steps_of_set_up
    step inside '.venv/bin/python --version'
    tail -n 1 details.log
    step inside '.venv/bin/ckd_mm demo --task classification'
    cat root/ckd_mm/work_dirs/demo/digits_classification.md
}

inside() {
    chroot "$PWD/root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root OMP_NUM_THREADS=1 \
        http_proxy="${http_proxy-}" https_proxy="${https_proxy-}" \
        PIP_INDEX_URL="${PIP_INDEX_URL-}" PIP_CERT=/etc/ssl/certs/ca-certificates.crt \
        sh -ec "cd /ckd_mm; $1"
}

# The sdist and the wheel, outside the checkout, in environments that borrow its packages.
try_dist() {
    local borrowed name
    borrowed=$("$checkout/.venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    git clone --quiet "$checkout" source
    step "$python" -m venv tools
    step tools/bin/python -m pip install --quiet pipx
    step tools/bin/pipx run build --outdir dist source
    for name in dist/*; do
        rm -rf env elsewhere
        "$python" -m venv env
        # After its own packages, and without the editable ckd_mm.
        echo "import sys; sys.path.append('$borrowed')" \
            >"$(env/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/borrowed.pth"
        step env/bin/python -m pip install --quiet --no-deps "$name"
        demo ../env/bin/ckd_mm
    done
}

kept_wheel() {
    ls "${XDG_CACHE_HOME:-$HOME/.cache}"/ckd_mm/wheels/*/onedl_mmcv-*.whl | head -n 1
}

empty_debian() {
    local mirror release
    mirror=$(awk '/^URIs:/{print $2; exit} /^deb /{print $2; exit}' \
        /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null || true)
    release=$(. /etc/os-release && echo "$VERSION_CODENAME")
    debootstrap --variant=minbase "$release" "$1" "$mirror"
}

# Mirrors, proxies and certificates, without which a closed network has no packages.
network_of_this_machine() {
    cp -L /etc/resolv.conf /etc/hosts "$1/etc/"
    cp -r /etc/apt/sources.list* /etc/apt/apt.conf.d "$1/etc/apt/"
    if [ -f /etc/pip.conf ]; then cp /etc/pip.conf "$1/etc/"; fi
    mkdir -p "$1/etc/ssl/certs"
    cp -L --remove-destination /etc/ssl/certs/ca-certificates.crt "$1/etc/ssl/certs/"
}

# What `make setup` printed, without the folders.
steps_of_set_up() {
    grep '^\[setup\]' details.log | grep -vE 'to do:|\[[0-9]+/' |
        sed -E 's#(^| )/[^ ]*/#\1#g' | cut -c1-90
}
