"""Shared code of the losses that use the target class.

Shape suffixes beside the package's: O the C - 1 classes other than the target.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = [
    'check_class_indices',
    'check_two_classes',
    'class_indices',
    'label_weights',
    'other_classes',
    'soft_cross_entropy',
]


def class_indices(target: Tensor, student: Tensor) -> Tensor:
    """The class of each row (B,): `target`, or the class with the largest soft label.

    Raises:
        ValueError: `target` is neither of the two forms for these logits.
    """
    if _are_indices(target, len(student)):
        return target.long()
    if target.shape == student.shape and target.is_floating_point():
        return target.argmax(dim=1)
    raise ValueError(
        'target must be class indices (B,) of an integer type or soft labels (B, C) of '
        f'a floating type for logits {tuple(student.shape)}, '
        f'got {tuple(target.shape)} of {target.dtype}; check what the labels are'
    )


def label_weights(target: Tensor, num_rows: int, num_classes: int) -> Tensor:
    """The share of each class in each row (B, C): soft labels, or ones and zeros.

    Raises:
        ValueError: `target` is neither of the two forms.
    """
    if _are_indices(target, num_rows):
        zeros = torch.zeros(num_rows, num_classes, device=target.device)
        return zeros.scatter(1, target.long()[:, None], 1.0)
    if target.shape == (num_rows, num_classes) and target.is_floating_point():
        return target
    raise ValueError(
        'target must be class indices (B,) of an integer type or soft labels (B, C) of '
        f'a floating type for {num_rows} rows and {num_classes} classes, got '
        f'{tuple(target.shape)} of {target.dtype}; check what the labels are'
    )


def soft_cross_entropy(logits_BC: Tensor, share_BC: Tensor) -> Tensor:
    """The cross-entropy of each row (B,) with the share of each class."""
    return -(share_BC * logits_BC.log_softmax(dim=1)).sum(dim=1)


def check_class_indices(target: Tensor, student: Tensor, loss: str) -> None:
    """Check that each row has one class.

    Args:
        loss: Name of the loss, for the message.

    Raises:
        ValueError: `target` has another form, for example soft labels.
    """
    if not _are_indices(target, len(student)):
        raise ValueError(
            f'{loss} needs class indices (B,) of an integer type for '
            f'{len(student)} rows, got {tuple(target.shape)} of {target.dtype}; if '
            'these are soft labels of mixup or cutmix, remove train_cfg.augments from '
            'the config of the student'
        )


def check_two_classes(student: Tensor, method: str) -> None:
    """Check that there is a class other than the target.

    Raises:
        ValueError: There is no other class.
    """
    if student.shape[1] < 2:
        raise ValueError(
            f'{method} needs logits (B, C) of at least 2 classes, '
            f'got {tuple(student.shape)}; use another loss for a one-class head'
        )


def other_classes(target_B1: Tensor, num_classes: int) -> Tensor:
    """The indices (B, O) of all classes but the target of each row, in order."""
    class_O = torch.arange(num_classes - 1, device=target_B1.device)
    return class_O + (class_O >= target_B1)  # skips the target of each row


def _are_indices(target: Tensor, num_rows: int) -> bool:
    is_whole = not (target.is_floating_point() or target.is_complex())
    return target.shape == (num_rows,) and is_whole and target.dtype != torch.bool
