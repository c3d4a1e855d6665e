#!/usr/bin/env bash
# Which packages have wheels for which Python, on Linux with x86-64, by what uv finds:
#
#   benchmarks/installs/wheels.sh > LOG        # needs uv on PATH; half a minute
set -euo pipefail
packages=(torch==2.10.0 torch==2.4.1 onedl-mmcv==2.3.6 mmcv==2.2.0 mmcv==2.1.0
    mmcv-lite==2.1.0 onedl-mmdetection==3.5.1 onedl-mmpretrain==1.3.6
    pycocotools==2.0.11 opencv-python==4.12.0.88 numpy==2.2.6 numpy==1.26.4
    imaug==0.4.3 tokenizers==0.20.3)
target=$(mktemp -d)
trap 'rm -r "$target"' EXIT
for version in 3.10 3.11 3.12 3.13; do
    for package in "${packages[@]}"; do
        if uv pip install --quiet --dry-run --no-deps --only-binary :all: \
            --python-version "$version" --target "$target" "$package" 2>/dev/null; then
            echo "$version $package wheel"
        else
            echo "$version $package no wheel"
        fi
    done
done
