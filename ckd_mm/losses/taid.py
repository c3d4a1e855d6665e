"""TAID as a registered loss."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from ckd_mm.checks import fraction, non_negative, unit_interval
from ckd_mm.distributed import sum_over_ranks
from ckd_mm.functional import taid_loss
from ckd_mm.functional._rows import Reduction
from ckd_mm.losses._takes import Takes
from ckd_mm.registry import LOSSES

__all__ = ['TAIDLoss']


@LOSSES.register_module()
class TAIDLoss(nn.Module):
    r"""A target that moves to the teacher, see :func:`ckd_mm.functional.taid_loss`.

    The teacher's share of the target begins at `start`. After each step it becomes

    .. math::
        \tau \leftarrow \min \bigl( e, \max ( \tau_0 + (e - \tau_0) r, \;
            \tau + \alpha \, \sigma(m) (1 - \tau) ) \bigr), \qquad
        m \leftarrow \beta m + (1 - \beta) \frac{L' - L}{L' + 10^{-15}}

    with r the share of the run that is done, L the loss of this step and L' that of the
    step before: where the loss falls, the share rises faster. The first step only notes
    its loss. L is the mean over the rows of all ranks; the authors' code takes that of
    each rank. Shares and losses are in a checkpoint, so a resumed run goes on.

    Args:
        start: The teacher's share in the first step. The authors: 0.4, in one script
            0.2.
        end: The largest share.
        rate: Alpha, how much of what is missing to 1 a step may add.
        momentum: Beta, how much of the running mean a step keeps.
        loss_weight: Multiplies the loss. 0 only monitors.

    Raises:
        ValueError: An argument is out of its range.

    Examples:
        >>> import torch
        >>> from ckd_mm.losses import TAIDLoss
        >>> loss = TAIDLoss(start=0.5)
        >>> student, teacher = torch.zeros(1, 2), torch.tensor([[8.0, 0.0]])
        >>> [round(loss(student, teacher, done).item(), 4) for done in (0.0, 0.5)]
        [0.6931, 0.6931]
        >>> loss.statistics(student, teacher)
        {'teacher_share': tensor(0.7500)}
    """

    takes: ClassVar[Takes] = 'distribution'
    share: Tensor
    mean_change: Tensor
    last_loss: Tensor

    def __init__(
        self,
        start: float = 0.4,
        end: float = 1.0,
        rate: float = 5e-4,
        momentum: float = 0.99,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        self.start, self.end = unit_interval('start', start), unit_interval('end', end)
        if self.start > self.end:
            raise ValueError(
                f'start must be a number from 0 to end={end!r}, got {start!r}'
            )
        self.rate = unit_interval('rate', rate)
        self.momentum = fraction('momentum', momentum)
        self.loss_weight = non_negative('loss_weight', loss_weight)
        # double, so that a step of the size of `rate` is not rounded away
        for name, value in (
            ('share', start),
            ('mean_change', 0.0),
            ('last_loss', -1.0),
        ):
            self.register_buffer(name, torch.tensor(value, dtype=torch.float64))

    def forward(
        self,
        student: Tensor,
        teacher: Tensor,
        progress: float,
        reduction: Reduction = 'mean',
    ) -> Tensor:
        """The weighted loss, of shape (), or of each row."""
        values = taid_loss(student, teacher, self.share, reduction=reduction)
        mean = values.detach().sum() / max(values.numel(), 1)
        self._move(mean, len(student), progress)
        return self.loss_weight * values

    def statistics(self, student: Tensor, teacher: Tensor) -> dict[str, Tensor]:
        """The teacher's share of the next target, to log beside the loss."""
        return {'teacher_share': self.share.float()}

    @torch.no_grad()
    def _move(self, loss: Tensor, num_rows: int, progress: float) -> None:
        """Set the share of the next step; a step without rows leaves it."""
        rows = torch.full_like(loss, num_rows, dtype=torch.float64)
        total, count = sum_over_ranks(torch.stack([loss * rows, rows]))
        mean = total / count.clamp_min(1)
        change = (self.last_loss - mean) / (self.last_loss + 1e-15)
        moved = self.momentum * self.mean_change + (1 - self.momentum) * change
        linear = self.start + (self.end - self.start) * progress
        step = self.rate * moved.sigmoid() * (1 - self.share)
        share = (self.share + step).clamp_min(linear).clamp_max(self.end)
        is_later, has_rows = self.last_loss >= 0, count > 0
        self.mean_change.copy_(
            torch.where(is_later & has_rows, moved, self.mean_change)
        )
        self.share.copy_(torch.where(is_later & has_rows, share, self.share))
        self.last_loss.copy_(torch.where(has_rows, mean, self.last_loss))
