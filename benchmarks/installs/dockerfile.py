"""Print the RUN instructions of the Dockerfile, one a line, for a machine without CUDA.

python benchmarks/installs/dockerfile.py

There is no CUDA compiler in an empty Debian, so `FORCE_CUDA=1` is left out. Arguments
of the build have their default.
"""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ['instructions', 'run_lines']

DOCKERFILE = Path(__file__).resolve().parents[2] / 'Dockerfile'


def instructions(text: str) -> list[tuple[str, str]]:
    """Each instruction and what follows it, on one line."""
    lines = [line for line in text.splitlines() if not line.startswith('#')]
    joined = re.sub(r'\\\n\s*', '', '\n'.join(lines))
    found = (line.partition(' ') for line in joined.splitlines() if line)
    return [(name, rest) for name, _, rest in found]


def run_lines(text: str) -> list[str]:
    """The shell commands of RUN, with the defaults of ARG and without FORCE_CUDA."""
    found = instructions(text)
    arguments = dict(rest.split('=', 1) for name, rest in found if name == 'ARG')
    lines = [rest.replace('FORCE_CUDA=1 ', '') for name, rest in found if name == 'RUN']
    for name, value in arguments.items():
        lines = [line.replace(f'"${name}"', value) for line in lines]
    return lines


if __name__ == '__main__':
    print('\n'.join(run_lines(DOCKERFILE.read_text(encoding='utf-8'))))
