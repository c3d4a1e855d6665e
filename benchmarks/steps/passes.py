"""The passes beside the student's step that terms through the teacher's head name.

Written with the models' own modules, without ckd_mm, forward and backward. The maps
that go in are ones of the right size, with gradient, as the student's would have it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from .setting import Sample, Setting

__all__ = ['named_pass']

EPSILON = 1e-12


def named_pass(setting: Setting, connected: bool) -> Callable[[Sample], None]:
    """What runs forward and backward, by the kind of the detector.

    Args:
        setting: The models.
        connected: Whether the student's maps go through a trained 1 x 1 convolution.
    """
    teacher = setting.teacher
    if hasattr(teacher, 'decoder'):
        return partial(_decoder, setting.student)
    student_width, width = setting.neck_channels
    if hasattr(teacher, 'roi_head'):
        connector = _connector(student_width, width, setting) if connected else None
        return partial(_rois, teacher.roi_head, student_width, connector)
    head, theirs = teacher.bbox_head, setting.student.bbox_head
    connector = (
        _connector(theirs.feat_channels, head.feat_channels, setting)
        if connected
        else None
    )
    return partial(_dense, head, theirs.feat_channels, connector)


def _connector(student: int, teacher: int, setting: Setting) -> nn.Conv2d:
    return nn.Conv2d(student, teacher, kernel_size=1).to(setting.device)


def _rois(heads: Any, width: int, connector: nn.Module | None, sample: Sample) -> None:
    """The student's maps through the teacher's RoI head."""
    maps = _leaves(sample, width)[: heads.bbox_roi_extractor.num_inputs]
    if connector is not None:
        maps = [connector(level) for level in maps]
    _backward([heads._bbox_forward(maps, sample.rois)['cls_score']], connector)


def _dense(head: Any, width: int, connector: nn.Module | None, sample: Sample) -> None:
    """Maps behind the last but one convolution of the head through the rest of it.

    Each channel gets a mean and a standard deviation. With a connector, which is one
    for classes, the branch of boxes has its last maps of the teacher.
    """

    def rest(level: Tensor, convolutions: Any) -> Tensor:
        x = level if connector is None else connector(level)
        variance, mean = torch.var_mean(x, dim=(0, 2, 3), keepdim=True)
        x = (x - mean) / (variance + EPSILON).sqrt() * variance + mean
        return convolutions[-1](convolutions[-2].activate(x))

    logits = [head.gfl_cls(rest(x, head.cls_convs)) for x in _leaves(sample, width)]
    for x in _leaves(sample, head.feat_channels):
        head.gfl_reg(x.detach() if connector else rest(x, head.reg_convs))
    _backward(logits, connector)


def _decoder(student: Any, sample: Sample) -> None:
    """The student's decoder and head once more, for other queries."""
    memory = sample.decoder['key'].detach().requires_grad_()
    answers = student.decoder(**{**sample.decoder, 'key': memory})
    logits, _ = student.bbox_head(*answers)
    _backward([logits[-1]], student.decoder, student.bbox_head)


def _leaves(sample: Sample, width: int) -> list[Tensor]:
    """Maps of the sizes of the student's, whose gradient is wanted."""
    return [
        level.new_ones(len(level), width, *level.shape[-2:]).requires_grad_()
        for level in sample.maps
    ]


def _backward(values: Sequence[Tensor], *trained: nn.Module | None) -> None:
    torch.stack([value.sum() for value in values]).sum().backward()
    for module in trained:
        if module is not None:
            module.zero_grad()
