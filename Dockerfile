# docker build -t ckd_mm .
# docker run --rm --gpus all --shm-size 8g -v "$PWD/work_dirs:/ckd_mm/work_dirs" ckd_mm make demo
# The toolkit must have the CUDA version of the pinned torch. docs/install.md says what was tried.
FROM nvidia/cuda:12.8.1-devel-ubuntu22.04

RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        ca-certificates g++ git make python3-dev python3-venv \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /ckd_mm
COPY . .

# A100; A10, RTX 30; L4, L40, RTX 40; H100. Fewer compile faster.
ARG TORCH_CUDA_ARCH_LIST="8.0;8.6;8.9;9.0"
# There is no GPU while an image is built.
RUN FORCE_CUDA=1 TORCH_CUDA_ARCH_LIST="$TORCH_CUDA_ARCH_LIST" PIP_NO_CACHE_DIR=1 make setup

ENV PATH="/ckd_mm/.venv/bin:$PATH"
CMD ["ckd_mm", "--help"]
