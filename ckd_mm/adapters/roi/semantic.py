"""Semantic maps: the class of each pixel, of Panoptic FPN, HTC and SCNet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmengine.model import BaseModel
from torch import Tensor

from ckd_mm.adapters.core.class_names import ClassNames
from ckd_mm.adapters.core.pair_spec import PairSpec, Part, Readout, Unavailable
from ckd_mm.adapters.core.recorder import Tap
from ckd_mm.adapters.core.step import Step

__all__ = ['semantic_logits']

_PATHS = ('semantic_head', 'roi_head.semantic_head')


def semantic_logits(
    student: BaseModel, teacher: BaseModel, names: ClassNames | None = None
) -> Part:
    """The pair spec of their maps of class logits (N, C, H, W), or why there is none.

    These classes are not the detector's, and nothing names them. So their number is
    compared, and the names of the two data sets must be the same where they are known.
    """
    if names is not None and names.differ:
        return Unavailable(
            'the training data of student and teacher name other classes, and nothing '
            'names those of the semantic maps, so their columns cannot be matched'
        )
    paths = [_path(model) for model in (student, teacher)]
    lacking = Unavailable.where_lacking(
        'semantic head', student=not paths[0], teacher=not paths[1]
    )
    if lacking is not None:
        return lacking
    heads = [
        model.get_submodule(path)
        for model, path in zip((student, teacher), paths, strict=True)
    ]
    kinds = [f'a {type(head).__name__} of {_number(head)} classes' for head in heads]
    if kinds[0] != kinds[1]:
        return Unavailable(
            f'the student has {kinds[0]} and the teacher {kinds[1]}; take a teacher '
            'with the same'
        )
    student_readout, teacher_readout = (Readout((Tap(path),), _map) for path in paths)
    return PairSpec(student_readout, teacher_readout, levels=True)


def _path(model: BaseModel) -> str:
    names = dict(model.named_modules())
    return next((path for path in _PATHS if path in names), '')


def _number(head: Any) -> int:
    return head.conv_logits.out_channels


def _map(values: list[Any], step: Step) -> Tensor:
    """Panoptic FPN's head returns a dict; HTC's and SCNet's the map and features."""
    (output,) = values
    return output['seg_preds'] if isinstance(output, Mapping) else output[0]
