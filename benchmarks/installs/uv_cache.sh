#!/usr/bin/env bash
# Does uv take a kept wheel that was built for something else? And does it go on with
# an interrupted build? Asks with a tiny package, whose build says what it saw.
#
#   benchmarks/installs/uv_cache.sh FOLDER     # must not exist; needs uv on PATH
set -euo pipefail
mkdir "${1:?an empty folder}" && cd "$1"
export UV_CACHE_DIR=$PWD/cache
unset VIRTUAL_ENV

mkdir probe-1.0
printf 'Metadata-Version: 2.4\nName: probe\nVersion: 1.0\n' >probe-1.0/PKG-INFO
printf '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n' \
    >probe-1.0/pyproject.toml
cat >probe-1.0/setup.py <<'PY'
import importlib.metadata, os, pathlib, sys
from setuptools import setup
half = pathlib.Path('build/half')
if 'bdist_wheel' in sys.argv and not half.exists():
    half.parent.mkdir(exist_ok=True)
    half.touch()
    sys.exit('interrupted')
version = importlib.metadata.version('packaging')
seen = f"CFLAGS {os.environ['CFLAGS']}, packaging {version}"
pathlib.Path('probe.py').write_text(f'seen = {seen!r}\n')
setup(name='probe', version='1.0', py_modules=['probe'])
PY
tar czf probe-1.0.tar.gz probe-1.0

# CFLAGS and the version of packaging, which stands for torch's.
with_pip() {
    rm -rf pip-env && uv venv --quiet pip-env
    uv pip install --quiet --python pip-env setuptools packaging=="$2"
    CFLAGS=$1 uv pip install --quiet --python pip-env --no-build-isolation \
        ./probe-1.0.tar.gz 2>pip.log || grep -q interrupted pip.log
    say "uv pip, $*" pip-env
}

with_sync() {
    rm -rf project/.venv
    mkdir -p project && cat >project/pyproject.toml <<TOML
[project]
name = "project"
version = "1"
requires-python = ">=3.10"
dependencies = ["probe", "packaging==$2"]
[tool.uv.sources]
probe = { path = "../probe-1.0.tar.gz" }
[tool.uv.extra-build-dependencies]
probe = [{ requirement = "packaging", match-runtime = true }]
TOML
    CFLAGS=$1 uv sync --quiet --project project 2>sync.log || grep -q interrupted sync.log
    say "uv sync, $*" project/.venv
}

say() {
    printf '%-32s' "$1"
    "$2/bin/python" -c 'import probe; print("wheel built with", probe.seen)' 2>/dev/null ||
        echo 'no wheel: interrupted'
}

uv --version
for way in with_pip with_sync; do
    $way -O3 25.0 # is interrupted
    $way -O3 25.0 # goes on
    $way -O0 25.0
    $way -O3 24.2
done
