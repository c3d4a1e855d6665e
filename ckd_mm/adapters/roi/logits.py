"""What the class logits of a RoI head are.

Most heads end in a softmax over the classes and background. Some are trained with a
sigmoid per class. Heads with the Seesaw loss (LVIS) have two groups: a softmax over the
classes, trained on objects alone, and two columns that tell object from background.

Shape suffixes: R RoIs, C classes.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ckd_mm.adapters.core.class_logits import ClassLogits
from ckd_mm.adapters.core.class_match import Kept

__all__ = ['class_rows', 'objectness_rows', 'roi_class_logits', 'why_unknown']


def roi_class_logits(head: Any) -> ClassLogits:
    """What the class logits of a box head are.

    Raises:
        ValueError: Its loss gives the columns a meaning that is not known here.
    """
    if reason := why_unknown(head):
        raise ValueError(reason)
    number = head.num_classes
    if 'SeesawLoss' in _losses(head):
        return ClassLogits(number, 'softmax', background=False, is_apart=True)
    width = getattr(getattr(head, 'fc_cls', None), 'out_features', number + 1)
    is_sigmoid = getattr(head.loss_cls, 'use_sigmoid', False)
    activation = 'sigmoid' if is_sigmoid else 'softmax'
    return ClassLogits(number, activation, background=width > number)  # type: ignore[arg-type]


def why_unknown(head: Any) -> str:
    """What keeps the columns of a box head from being known; empty if nothing does.

    V3Det's loss says that it has columns of its own, and has the usual ones.
    """
    if not getattr(head, 'custom_cls_channels', False):
        return ''
    if {'SeesawLoss', 'CrossEntropyCustomLoss'} & _losses(head):
        return ''
    return (
        f'the columns of class logits mean what {type(head.loss_cls).__name__} says '
        "(custom_cls_channels), which is not known here; compare on='neck' or "
        "on='embedding'"
    )


def class_rows(logits: ClassLogits, rows: Tensor) -> Tensor:
    """The columns of classes of what a head returned (R, C, C + 1 or C + 2)."""
    return rows[:, : logits.num_classes] if logits.is_apart else rows


def objectness_rows(rows: Tensor, kept: Kept) -> Tensor:
    """Object or background (R, 2), of a head with the Seesaw loss.

    An object of a class that is not kept is background. Its probability goes there.

    Args:
        rows: What the head returned (R, C + 2).
        kept: The classes in common.
    """
    if not kept.leaves:
        return rows[:, kept.number :]
    rows = rows.to(torch.promote_types(rows.dtype, torch.float32))
    classes = rows[:, : kept.number].log_softmax(1)
    is_object, is_none = rows[:, kept.number :].log_softmax(1).unbind(1)
    common = is_object + kept.of(classes).logsumexp(1)
    others = is_object + kept.others(classes).logsumexp(1)
    return torch.stack([common, torch.logaddexp(is_none, others)], 1)


def _losses(head: Any) -> set[str]:
    return {cls.__name__ for cls in type(head.loss_cls).__mro__}
