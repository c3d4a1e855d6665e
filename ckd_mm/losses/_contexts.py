"""FGD's context blocks (GcBlock), those of all levels and both models at once.

Shape suffixes beside the package's: K blocks of one width, M their middle width, P the
H W positions.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ['Context', 'transformed']


class Context(nn.Module):
    """Adds the transformed weighted mean of all positions to each position."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        middle = max(channels // 2, 1)
        self.attend = nn.Conv2d(channels, 1, kernel_size=1, bias=False)
        last = nn.Conv2d(middle, channels, kernel_size=1)
        self.transform = nn.Sequential(
            nn.Conv2d(channels, middle, kernel_size=1),
            nn.LayerNorm([middle, 1, 1]),
            nn.ReLU(),
            last,
        )
        nn.init.kaiming_normal_(self.attend.weight)
        for parameter in last.parameters():
            nn.init.zeros_(parameter)

    def gather(self, maps_NCHW: Tensor) -> Tensor:
        """The weighted mean of all positions (N, C)."""
        weights_NP = self.attend(maps_NCHW).flatten(1).softmax(dim=1)
        return (maps_NCHW.flatten(2) @ weights_NP[:, :, None]).squeeze(2)


def transformed(blocks: Sequence[Context], gathered: Sequence[Tensor]) -> list[Tensor]:
    """What each block adds to each position (N, C), of what it gathered (N, C)."""
    by_width: dict[int, list[int]] = {}
    for number, context_NC in enumerate(gathered):
        by_width.setdefault(context_NC.shape[1], []).append(number)
    added: dict[int, Tensor] = {}
    for numbers in by_width.values():
        context_KNC = torch.stack([gathered[number] for number in numbers])
        added_KNC = _transformed([blocks[number] for number in numbers], context_KNC)
        added.update(zip(numbers, added_KNC.unbind(), strict=True))
    return [added[number] for number in range(len(gathered))]


def _transformed(blocks: Sequence[Context], context_KNC: Tensor) -> Tensor:
    """All blocks have one width: 1 x 1 convolutions of one position as products."""
    weight_KMC, bias_KM, scale_KM, shift_KM, weight_KCM, bias_KC = (
        torch.stack([_as_matrix(parameter) for parameter in of_blocks])
        for of_blocks in zip(
            *(list(block.transform.parameters()) for block in blocks), strict=True
        )
    )
    middle_KNM = torch.baddbmm(bias_KM[:, None], context_KNC, weight_KMC.mT)
    middle_KNM = F.layer_norm(middle_KNM, middle_KNM.shape[2:])
    middle_KNM = (shift_KM[:, None] + middle_KNM * scale_KM[:, None]).relu()
    return torch.baddbmm(bias_KC[:, None], middle_KNM, weight_KCM.mT)


def _as_matrix(parameter: Tensor) -> Tensor:
    """A weight (M, C, 1, 1) as (M, C), the others as (M,)."""
    return parameter.flatten(1) if parameter.ndim == 4 else parameter.flatten()
