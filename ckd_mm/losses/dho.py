"""DHO as a registered loss."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, ClassVar

from mmengine.registry import MODELS
from torch import Tensor, nn

from ckd_mm.checks import positive, unit_interval
from ckd_mm.functional._dual_head import second_logits
from ckd_mm.losses.linearkd import LinearKDLoss
from ckd_mm.random_state import preserved_random_state
from ckd_mm.registry import LOSSES

__all__ = ['DHOLoss']

HEADS = ('LinearClsHead', 'VisionTransformerClsHead', 'StackedLinearClsHead')
"""Heads of MMPretrain that are one linear layer on what `pre_logits` returns."""


@LOSSES.register_module()
class DHOLoss(LinearKDLoss):
    r"""A second head that learns from the teacher, mixed with the first at inference.

    .. math::
        L = T^2 \frac{1}{B} \sum_i \mathrm{KL}(\mathrm{softmax}(t_i / T) \,\|\,
            \mathrm{softmax}(v_i / T)), \qquad v_i = W f_i + b

    with the student's embedding f and the teacher's logits t, as in
    :class:`LinearKDLoss`. The labels train the student's own head, with logits u. The
    probabilities of both heads are mixed at inference:

    .. math::
        p = a \, \mathrm{softmax}(u) + (1 - a) \, \mathrm{softmax}(v / \tau)

    "Simple yet Effective Semi-supervised Knowledge Distillation from Vision-Language
    Models via Dual-Head Optimization", arXiv:2505.07675. The public code has no
    licence: the formulas were taken, and no code. The paper has the loss on labelled
    and on unlabelled images, by one head: `data='both'` of the term.

    The hook puts :func:`ckd_mm.models.dual_head` in place of the student's head while
    it validates; `tools/export_student.py` writes it into a config and a checkpoint.

    Args:
        student_channels: D, the width of the student's embeddings.
        teacher_channels: C, the number of the teacher's classes, which are those of the
            student in their order.
        temperature: T, divides the logits of the second head and of the teacher; > 0.
        mixture: a, the share of the student's own head at inference, from 0 to 1. The
            authors: 0.5 for ImageNet, chosen on validation images for other data.
        mixture_temperature: tau, divides the logits of the second head at inference;
            > 0. The authors: as for `mixture`.
        scale: With a number, the second head gets the embedding divided by its length,
            and its output is multiplied by the number. The authors: 100 for students of
            CLIP. `None` takes the embedding as it is.
        loss_weight: Multiplies the loss. With 0 it only monitors, and the student keeps
            its own head alone.

    Raises:
        ValueError: An argument is out of its range.

    Examples:
        >>> import torch
        >>> from ckd_mm.losses import DHOLoss
        >>> loss = DHOLoss(student_channels=8, teacher_channels=3)
        >>> loss(torch.randn(2, 8), torch.randn(2, 3)).shape
        torch.Size([])
    """

    inference_modules: ClassVar[tuple[str, ...]] = ('embedding',)
    """What it may read of the student: what the second head gets at inference."""
    inference_parts: ClassVar[Mapping[str, tuple[str, ...]]] = {'head': ()}

    def __init__(
        self,
        student_channels: int,
        teacher_channels: int,
        temperature: float = 2.0,
        mixture: float = 0.5,
        mixture_temperature: float = 0.5,
        scale: float | None = None,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__(student_channels, teacher_channels, temperature, loss_weight)
        self.mixture = unit_interval('mixture', mixture)
        self.mixture_temperature = positive('mixture_temperature', mixture_temperature)
        self.scale = None if scale is None else positive('scale', scale)

    def at_inference(
        self, student: Any, config: Any
    ) -> dict[str, tuple[dict[str, Any], nn.Module]]:
        """What takes the place of the student's head outside of training steps.

        Args:
            student: The student, a classifier of MMPretrain.
            config: The config of its model.

        Returns:
            By child of the student, its config and the module with its weights.

        Raises:
            ValueError: The student's head is not linear, or has other classes.
        """
        head: Any = getattr(student, 'head', None)
        _check_head(head, self.linear.out_features)
        _check_config(config)
        settings = dict(
            type='DualHead',
            head=copy.deepcopy(config['head']),
            in_channels=self.linear.in_features,
            num_classes=self.linear.out_features,
            mixture=self.mixture,
            mixture_temperature=self.mixture_temperature,
            scale=self.scale,
            topk=tuple(head.topk),
        )
        with preserved_random_state():
            both = MODELS.build({**settings, 'head': head})
        both.linear = self.linear
        return {'head': (settings, both)}

    def _apply_layer(self, rows_BD: Tensor) -> Tensor:
        return second_logits(self.linear, rows_BD, self.scale)


def _check_head(head: Any, num_classes: int) -> None:
    """Check that the student has a linear head of the teacher's classes.

    Raises:
        ValueError: It has not.
    """
    if type(head).__name__ not in HEADS:
        raise ValueError(
            'DHOLoss puts a second head beside that of the student, which must be '
            f"MMPretrain's {', '.join(HEADS[:-1])} or {HEADS[-1]}, got a "
            f'{type(head).__name__}; take such a head, or LinearKDLoss, which leaves '
            'the student as it is at inference'
        )
    if head.num_classes != num_classes:
        raise ValueError(
            'DHOLoss mixes two heads, which must have the same classes, got '
            f'{head.num_classes} of the student and {num_classes} of the teacher; take '
            'a teacher of these classes, or LinearKDLoss, whose layer may have others'
        )


def _check_config(config: Mapping[str, Any]) -> None:
    """Check that the config of the student has its head.

    Raises:
        ValueError: It has none, as the class of the model makes one by itself.
    """
    if not isinstance(config.get('head'), Mapping):
        raise ValueError(
            'DHOLoss writes the head of the student inside of its own, and needs its '
            f'config, model=dict(head=dict(...)), got head={config.get("head")!r}; '
            'write the head into the config'
        )
