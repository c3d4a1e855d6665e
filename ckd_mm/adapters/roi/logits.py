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
from ckd_mm.adapters.core.class_match import ClassSubset

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
        return ClassLogits(number, 'softmax', background=False, has_objectness=True)
    width = getattr(getattr(head, 'fc_cls', None), 'out_features', number + 1)
    is_sigmoid = getattr(head.loss_cls, 'use_sigmoid', False)
    activation = 'sigmoid' if is_sigmoid else 'softmax'
    return ClassLogits(number, activation, background=width > number)  # type: ignore[arg-type]


def why_unknown(head: Any) -> str:
    """Why the columns of a box head are not known; empty if they are.

    V3Det's loss says that it has columns of its own, but it has the usual ones.
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
    return rows[:, : logits.num_classes] if logits.has_objectness else rows


def objectness_rows(rows: Tensor, common: ClassSubset) -> Tensor:
    """Object or background (R, 2), of a head with the Seesaw loss.

    An object of another class counts as background. Its probability goes there.

    Args:
        rows: What the head returned (R, C + 2).
        common: The classes in common.
    """
    if not common.is_partial:
        return rows[:, common.num_classes :]
    rows = rows.to(torch.promote_types(rows.dtype, torch.float32))
    classes = rows[:, : common.num_classes].log_softmax(1)
    is_object, is_none = rows[:, common.num_classes :].log_softmax(1).unbind(1)
    of_common = is_object + common.of(classes).logsumexp(1)
    of_others = is_object + common.left_out(classes).logsumexp(1)
    return torch.stack([of_common, torch.logaddexp(is_none, of_others)], 1)


def _losses(head: Any) -> set[str]:
    return {cls.__name__ for cls in type(head.loss_cls).__mro__}
