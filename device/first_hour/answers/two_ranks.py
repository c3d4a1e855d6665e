"""Two processes on one device: gloo carries CUDA tensors, NCCL wants a GPU each.

Run as a script it is one of the ranks.
"""

from __future__ import annotations

import torch
import torch.distributed as dist

from ckd_mm.distributed import leave_process_group
from ckd_mm.engine.connectors import averaged_over_ranks
from ckd_mm.functional import ckd_loss
from ckd_mm.losses import FitNetLoss
from device.first_hour.answers.calls import python
from device.first_hour.places import Run

__all__ = ['two_ranks']

SIZES = ((4, 5), (9, 0), (0, 0))


def two_ranks(run: Run) -> str:
    """Rows of two ranks, gathered, give the loss and gradients of one process."""
    command = ['-m', 'torch.distributed.run', '--standalone']
    command += ['--nproc-per-node', '2', '-m']
    command += ['device.first_hour.answers.two_ranks']
    python(command)
    rows = ', '.join(map(str, SIZES))
    return f'loss and gradient of {rows} rows; one gradient of a connector'


def rank() -> None:
    """What one rank does."""
    dist.init_process_group('gloo')
    device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
    torch.manual_seed(0)
    student, teacher = torch.randn(2, 9, 5, dtype=torch.float64).unbind()
    for sizes in SIZES:
        _compare(student, teacher, sizes, device)
    _connector(device)


def _compare(
    student: torch.Tensor,
    teacher: torch.Tensor,
    sizes: tuple[int, int],
    device: torch.device,
) -> None:
    number, total = dist.get_rank(), sum(sizes)
    whole = student[:total].clone().requires_grad_()
    wanted = ckd_loss(whole, teacher[:total], temperature=0.1)
    wanted.backward()
    start = sum(sizes[:number])
    mine = slice(start, start + sizes[number])
    own = student[mine].to(device, copy=True).requires_grad_()
    value = ckd_loss(
        own, teacher[mine].to(device), temperature=0.1, gather_distributed=True
    )
    value.backward()
    mean = value.detach().clone()
    dist.all_reduce(mean)
    torch.testing.assert_close(mean.cpu() / 2, wanted.detach())
    assert own.grad is not None and whole.grad is not None
    # DDP averages gradients, so that of a rank is twice its share
    torch.testing.assert_close(own.grad.cpu() / 2, whole.grad[mine])


def _connector(device: torch.device) -> None:
    """Each rank has its own images, and all have the same gradient."""
    torch.manual_seed(0)
    loss = averaged_over_ranks(FitNetLoss(3, 4).to(device))
    torch.manual_seed(1 + dist.get_rank())
    student, teacher = torch.randn(1, 3, 4, 4), torch.randn(1, 4, 4, 4)
    loss(student=student.to(device), teacher=teacher.to(device)).backward()
    gradient = next(loss.parameters()).grad
    assert gradient is not None
    every = [torch.empty_like(gradient) for _ in range(2)]
    dist.all_gather(every, gradient)
    torch.testing.assert_close(*every, rtol=0, atol=0)


if __name__ == '__main__':
    rank()
    leave_process_group()
