"""Start several processes on the CPU, with what `torchrun` tells each of them.

Not by `torchrun` itself, which `tools/dist_train.sh` starts in test_tools.py.
"""

from __future__ import annotations

import socket
from typing import Any

from ..processes import ROOT, run_scripts

__all__ = ['ROOT', 'start_ranks']


def start_ranks(num_ranks: int, *command: Any) -> None:
    """Run a Python script in `num_ranks` processes, or as it is if that is 1."""
    with socket.socket() as found:
        found.bind(('127.0.0.1', 0))
        port = found.getsockname()[1]
    every = dict(
        MASTER_ADDR='127.0.0.1',
        MASTER_PORT=str(port),
        WORLD_SIZE=str(num_ranks),
        LOCAL_WORLD_SIZE=str(num_ranks),
    )
    ranks = [
        dict(every, RANK=str(rank), LOCAL_RANK=str(rank)) for rank in range(num_ranks)
    ]
    for done in run_scripts([*command], ranks if num_ranks > 1 else [{}]):
        assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
