"""Start several processes on the CPU, as `torchrun` and `tools/dist_train.sh` do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

__all__ = ['ROOT', 'torchrun']

ROOT = Path(__file__).parents[2]


def torchrun(num_ranks: int, *command: Any, status: int = 0, **environ: str) -> str:
    """Run a Python script in `num_ranks` processes and return what they print."""
    arguments = ['--standalone', '--nproc-per-node', str(num_ranks)]
    done = subprocess.run(
        [
            sys.executable,
            '-m',
            'torch.distributed.run',
            *arguments,
            *map(str, command),
        ],
        cwd=ROOT,
        env=dict(os.environ, OMP_NUM_THREADS='1', **environ),
        capture_output=True,
        text=True,
        timeout=600,
    )
    out = done.stdout + done.stderr
    assert (done.returncode == 0) == (status == 0), out[-4000:]
    return out
