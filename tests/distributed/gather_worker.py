"""Run by `test_gather.py` in each rank: the losses of this rank's rows."""

from __future__ import annotations

import sys
from pathlib import Path

import torch
import torch.distributed as dist

from ckd_mm.functional import ckd_loss


def main() -> None:
    dist.init_process_group('gloo')
    folder, rank = Path(sys.argv[1]), dist.get_rank()
    results = []
    for case in torch.load(folder / 'cases.pt'):
        student_BC = case['student'].split(case['sizes'])[rank].clone()
        teacher_BC = case['teacher'].split(case['sizes'])[rank]
        student_BC.requires_grad_()
        value = ckd_loss(
            student_BC, teacher_BC, gather_distributed=True, **case['kwargs']
        )
        value.backward()
        results.append((value.detach(), student_BC.grad))
    torch.save(results, folder / f'rank{rank}.pt')
    dist.destroy_process_group()  # else gloo may abort the process at its exit


if __name__ == '__main__':
    main()
