"""The largest maps whose positions are compared with each other all at once."""

from __future__ import annotations

from torch import Tensor

__all__ = ['MOST_POSITIONS', 'check_positions']

MOST_POSITIONS = 4096
"""Of one map: the matrix of all pairs of two has 64 MiB an image in float32."""


def check_positions(loss: str, *maps: Tensor) -> None:
    """Refuse maps whose matrix of all pairs of positions would be too large.

    Args:
        loss: The name of the loss that compares them.
        maps: Maps (N, C, H, W).

    Raises:
        ValueError: One of them has more than 4096 positions.
    """
    for one in maps:
        height, width = one.shape[2:]
        if height * width > MOST_POSITIONS:
            raise ValueError(
                f'{loss} compares all pairs of positions, of maps of at most '
                f'{MOST_POSITIONS} positions, got maps of {height} x {width}; compare '
                "a coarser layer, such as on='module:backbone.layer4'"
            )
