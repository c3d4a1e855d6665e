"""Run by `test_gather.py` in each rank: the losses of this rank's rows."""

from __future__ import annotations

import sys
from pathlib import Path

import torch
import torch.distributed as dist

from ckd_mm.distributed import leave_process_group
from ckd_mm.functional import ckd_loss


def main() -> None:
    dist.init_process_group('gloo')
    folder, rank = Path(sys.argv[1]), dist.get_rank()
    results = []
    for case in torch.load(folder / 'cases.pt'):
        own = {
            name: rows.split(case['sizes'])[rank].clone()
            for name, rows in case['rows'].items()
        }
        own['student'].requires_grad_()
        value = ckd_loss(**own, gather_distributed=True, **case['kwargs'])
        value.backward()
        results.append((value.detach(), own['student'].grad))
    torch.save(results, folder / f'rank{rank}.pt')


if __name__ == '__main__':
    main()
    leave_process_group()
