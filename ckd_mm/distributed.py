"""Gather uneven numbers of rows from all ranks, with gradients, and sum over ranks.

Without a process group, or in one of a single rank, nothing is communicated. Shape
suffixes: B rows on this rank, G rows on all ranks, D columns.
"""

from __future__ import annotations

import gc
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

__all__ = [
    'equal_on_all_ranks',
    'gather_rows',
    'last_of_each',
    'leave_process_group',
    'mean_over_all_rows',
    'sum_over_ranks',
    'world_size',
]


def world_size() -> int:
    """The number of ranks; 1 without a process group."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def leave_process_group() -> None:
    """Destroy the process group, if there is one; for the last line of a script.

    A process that exits with a process group can abort in a thread of gloo
    (https://github.com/pytorch/pytorch/issues/190489). The threads live as long as
    anything refers to the group. A DistributedDataParallel model does, and MMEngine's
    Runner, which is in reference cycles, refers to the model until garbage is
    collected. So the caller must no longer refer to the runner.
    """
    if dist.is_available() and dist.is_initialized():
        gc.collect()
        dist.destroy_process_group()


@torch.no_grad()
def equal_on_all_ranks(module: nn.Module) -> None:
    """Copy the first rank's parameters and buffers to all others."""
    if world_size() > 1:
        for value in [*module.parameters(), *module.buffers()]:
            dist.broadcast(value, src=0)


def gather_rows(rows_BD: Tensor) -> tuple[Tensor, int]:
    """Gather the rows of all ranks, in order of rank.

    The gradient of a row is the sum of what all ranks pass back for it, so every rank
    must run the backward pass, even one without rows. The forward pass costs two
    collectives: the numbers of rows, which the host waits for, and the rows, padded to
    the largest number. The backward pass costs one.

    Args:
        rows_BD: This rank's rows (B, D); B may differ between ranks and be 0.

    Returns:
        The rows (G, D), and the index of this rank's first row.
    """
    if world_size() == 1:
        return rows_BD, 0
    # Not `torch.tensor`, which copies from the host and waits for the device.
    count = torch.full((), len(rows_BD), device=rows_BD.device)
    counts = [torch.zeros_like(count) for _ in range(world_size())]
    dist.all_gather(counts, count)
    sizes = torch.stack(counts).tolist()
    first = sum(sizes[: dist.get_rank()])
    return _GatherRows.apply(rows_BD, sizes), first


def last_of_each(index_G: Tensor) -> Tensor:
    """For each position (G,), the last position with the same number.

    Samplers pad the last batch, so an image can be among the rows of all ranks twice.
    """
    order_G = torch.arange(1, 1 + len(index_G), device=index_G.device)
    return ((index_G[:, None] == index_G) * order_G).argmax(dim=1)


def mean_over_all_rows(sum_of_rows: Tensor, num_rows: int) -> Tensor:
    """The mean over all ranks' rows, from the sum over this rank's rows.

    The value is the same on all ranks. The gradient is scaled so that its mean over
    ranks, which DistributedDataParallel takes, is the gradient of that value.

    Args:
        sum_of_rows: The sum over this rank's rows, of shape ().
        num_rows: The number of rows of all ranks.
    """
    share = sum_of_rows * (world_size() / max(num_rows, 1))
    if world_size() == 1:
        return share
    mean = share.detach().clone()
    dist.all_reduce(mean)
    return share + (mean / world_size() - share.detach())


def sum_over_ranks(values: Tensor) -> Tensor:
    """The sum over all ranks of tensors of one shape, without a graph."""
    if world_size() == 1:
        return values.detach()
    total = values.detach().clone()
    dist.all_reduce(total)
    return total


class _GatherRows(torch.autograd.Function):
    """An all-gather of uneven parts; backward sums the gradients of all ranks."""

    @staticmethod
    def forward(ctx: Any, rows_BD: Tensor, sizes: list[int]) -> Tensor:
        ctx.sizes = sizes
        padded = rows_BD.new_zeros(max(sizes), *rows_BD.shape[1:])
        padded[: len(rows_BD)] = rows_BD
        parts = [torch.empty_like(padded) for _ in sizes]
        dist.all_gather(parts, padded)
        return torch.cat([part[:n] for part, n in zip(parts, sizes, strict=True)])

    @staticmethod
    def backward(ctx: Any, grad_GD: Tensor) -> tuple[Tensor, None]:
        grad_GD = grad_GD.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(grad_GD)
        return grad_GD.split(ctx.sizes)[dist.get_rank()], None
