"""A trained layer between the student's maps and the teacher's modules behind them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from torch import Tensor, nn

from ckd_mm.checks import boolean

__all__ = ['Connector', 'MapConnector', 'connector_of', 'reset']

Connector: TypeAlias = bool | nn.Module
"""The option of a part: whether there is one, or the one that is trained."""


class MapConnector(nn.Module):
    """1 x 1 convolutions that bring the student's maps to the teacher's width.

    Maps that go through the same module of the teacher share a convolution.

    Args:
        widths: For each convolution, the channels of the student and of the teacher.
        bias: Whether they have one.
    """

    def __init__(self, widths: Sequence[tuple[int, int]], bias: bool = True) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(
            nn.Conv2d(student, teacher, kernel_size=1, bias=bias)
            for student, teacher in widths
        )

    def forward(self, groups: Sequence[Sequence[Tensor]]) -> list[list[Tensor]]:
        """Maps (N, C, H, W) of the teacher's width.

        Args:
            groups: For each convolution, the student's maps.
        """
        return [
            [convolution(one.to(next(convolution.parameters()).dtype)) for one in group]
            for convolution, group in zip(self.convolutions, groups, strict=True)
        ]


def connector_of(
    option: Connector, widths: Sequence[tuple[int, int]], bias: bool = True
) -> nn.Module | None:
    """The connector that an option of a part means; `None` is none.

    Args:
        option: `True` makes one; a module is the one that the run trains.
        widths: As for :class:`MapConnector`.
        bias: As there.

    Raises:
        ValueError: It is something else.
    """
    if isinstance(option, nn.Module):
        return option
    return MapConnector(widths, bias) if boolean('connector', option) else None


def reset(connector: nn.Module) -> None:
    """Draw the weights again."""
    for module in connector.modules():
        if isinstance(module, nn.Conv2d):
            module.reset_parameters()
