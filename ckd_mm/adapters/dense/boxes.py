"""Boxes of a dense head, each in the units of its anchor or point.

The IoU of two boxes of one anchor is the same in these units as in pixels, so that no
anchor is made. Shape suffixes: K rows, B bins of a distribution.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ckd_mm.adapters.core.pair_spec import Unavailable
from ckd_mm.adapters.dense.head import DenseHead
from ckd_mm.adapters.dense.priors import rows_of

__all__ = ['box_rows', 'why_no_boxes']

OF_HEADS = {
    'FoveaHead': 'log distances',
    'RepPointsHead': 'corners',  # in eval mode, as it runs here
    'YOLOXHead': 'sizes',
}
"""How heads give their boxes that do so in another way than their coder says."""


def box_rows(head: DenseHead, values: list[Any], rows: Tensor | None) -> Tensor:
    """Boxes (K, 4): x1, y1, x2, y2 around an anchor or point at 0.

    Args:
        head: The head.
        values: What its taps noted.
        rows: Which anchors or points; `None` is all.
    """
    maps, module = values[0][1], head.module
    if hasattr(module, 'integral'):
        bins = 4 * (module.reg_max + 1)
        return _around_point(module.integral(rows_of(maps, bins, rows).float()))
    found_K4 = rows_of(maps, 4, rows).float()
    kind = _kind(module)
    if kind == 'deltas':
        # not `new_tensor` of four numbers, which copies and waits for the device
        half_K2 = torch.full_like(found_K4[:, :2], 0.5)
        return module.bbox_coder.decode(torch.cat([-half_K2, half_K2], 1), found_K4)
    if kind == 'corners':
        return found_K4
    if kind == 'distances':
        return _around_point(found_K4)
    if kind == 'log distances':
        return _around_point(found_K4.exp())
    center_K2, half_K2 = found_K4[:, :2], found_K4[:, 2:].exp() / 2
    return torch.cat([center_K2 - half_K2, center_K2 + half_K2], 1)


def why_no_boxes(head: DenseHead) -> Unavailable | None:
    """Why the boxes of a head cannot be told, if so."""
    if not head.has_fixed_anchors:
        return Unavailable(
            'the head makes its own anchors, so that boxes in their units are of '
            "other anchors for the maps of each model; compare on='cross_logits'"
        )
    if _kind(head.module):
        return None
    coder = type(getattr(head.module, 'bbox_coder', None)).__name__
    return Unavailable(
        f'the {type(head.module).__name__} of the teacher has a {coder}, and boxes are '
        'known of deltas (DeltaXYWHBBoxCoder), distances (DistancePointBBoxCoder) and '
        f"of {', '.join(OF_HEADS)}; compare on='cross_logits'"
    )


def _kind(module: Any) -> str:
    """How a head gives its boxes; empty if that is not known."""
    coder = type(getattr(module, 'bbox_coder', None)).__name__
    known = {'DeltaXYWHBBoxCoder': 'deltas', 'DistancePointBBoxCoder': 'distances'}
    names = [cls.__name__ for cls in type(module).__mro__]
    of_head = (OF_HEADS[name] for name in names if name in OF_HEADS)
    return next(of_head, known.get(coder, ''))


def _around_point(distances_K4: Tensor) -> Tensor:
    """Left, top, right and bottom as x1, y1, x2, y2."""
    return torch.cat([-distances_K4[:, :2], distances_K4[:, 2:]], 1)
