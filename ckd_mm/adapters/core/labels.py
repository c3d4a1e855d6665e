"""The classes that a student's assigner gave, as its class loss got them.

Shape suffixes: N images, P anchors, points or queries of an image.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

__all__ = ['assigned_labels']


def assigned_labels(
    calls: Sequence[tuple[Any, ...]], num_priors: Sequence[int], num_images: int
) -> Tensor:
    """The class that a head's assigner gave, (N, P), as its class loss got it.

    Args:
        calls: Positional arguments of each call of the class loss: logits, labels, ...;
            one call per level, or one for all levels, level by level.
        num_priors: By level, the number of anchors, points or queries of an image.
        num_images: N.

    Raises:
        ValueError: The class loss does not get one label for each of them.
    """
    given = [
        call[1][0] if isinstance(call[1], (tuple, list)) else call[1] for call in calls
    ]
    sizes = [number * num_images for number in num_priors]
    if len(given) == 1:
        given = list(given[0].split(sizes)) if len(given[0]) == sum(sizes) else given
    shapes = [tuple(labels.shape) for labels in given]
    flat = [labels.numel() for labels in given]
    if flat != sizes or any(labels.is_floating_point() for labels in given):
        raise ValueError(
            f"the student's class loss must get one label for each of {sizes} anchors "
            'or points, by level, to tell which are assigned to an object; it got '
            f'{shapes}; '
            "compare with rows='confident' and a loss that needs no target"
        )
    return torch.cat([labels.reshape(num_images, -1) for labels in given], dim=1)
