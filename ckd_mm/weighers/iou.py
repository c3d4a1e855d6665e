"""RoIs by how well they lie on an object."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ckd_mm.checks import boolean, fraction, non_negative
from ckd_mm.registry import WEIGHERS

__all__ = ['IoUWeight']


@WEIGHERS.register_module()
class IoUWeight(nn.Module):
    r"""RoIs by their IoU with the ground truth.

    .. math::
        w_i = \max(\mathrm{IoU}_i, m)^\gamma

    with the largest IoU with a box of the ground truth of the same image.

    Args:
        power: The power, gamma; a finite number >= 0.
        minimum: m, from 0 to below 1: background RoIs do not count less than by this.
        normalize: Whether all weights are divided by their mean.

    Raises:
        ValueError: An argument is out of its range.

    Examples:
        >>> import torch
        >>> from ckd_mm.weighers import IoUWeight
        >>> rows = torch.zeros(2, 3)
        >>> IoUWeight(power=2.0, minimum=0.1)(rows, rows, torch.tensor([0.5, 0.0]))
        tensor([0.2500, 0.0100])
    """

    def __init__(
        self, power: float = 1.0, minimum: float = 0.0, normalize: bool = False
    ) -> None:
        super().__init__()
        self.power = non_negative('power', power)
        self.minimum = fraction('minimum', minimum)
        self.normalize = boolean('normalize', normalize)

    @torch.no_grad()
    def forward(self, student: Tensor, teacher: Tensor, ious: Tensor) -> Tensor:
        """The weights (R,) of RoIs."""
        return ious.clamp_min(self.minimum) ** self.power
