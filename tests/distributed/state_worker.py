"""Run by `test_state.py` in each rank, or alone: steps of losses that keep a state."""

from __future__ import annotations

import inspect
import os
import sys
from pathlib import Path

import torch
import torch.distributed as dist

import ckd_mm.losses  # noqa: F401 (registers)
from ckd_mm.distributed import leave_process_group
from ckd_mm.engine.connectors import averaged_over_ranks
from ckd_mm.registry import LOSSES, build


def main() -> None:
    rank = int(os.environ.get('RANK', 0))
    if 'WORLD_SIZE' in os.environ:
        dist.init_process_group('gloo')
    folder = Path(sys.argv[1])
    results = []
    for case in torch.load(folder / 'cases.pt', weights_only=False):
        torch.manual_seed(rank)  # as with `diff_rank_seed=True`
        loss = build(LOSSES, case['config'])
        parallel = averaged_over_ranks(loss)
        values = []
        for step in case['steps']:
            sizes = step['sizes'] if dist.is_initialized() else [sum(step['sizes'])]
            own = {
                name: value.split(sizes)[rank].clone()
                for name, value in step.items()
                if name in inspect.signature(loss.forward).parameters
            }
            own['student'].requires_grad_()
            value = parallel(**own)
            value.backward()
            values.append(value.detach())
        results.append((loss.state_dict(), values))
    torch.save(results, folder / f'{os.environ.get("WORLD_SIZE", 1)}-{rank}.pt')


if __name__ == '__main__':
    main()
    leave_process_group()
