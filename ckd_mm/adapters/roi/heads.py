"""Why the RoI heads of two models cannot be compared, if so."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from mmengine.model import BaseModel
from torch import nn

from ckd_mm.adapters.core.pair_spec import Unavailable

__all__ = [
    'BESIDE',
    'has_box_heads',
    'why_no_logits',
    'why_no_masks',
    'why_no_rois',
]

BESIDE = {'semantic_head': 'semantic_feat', 'glbctx_head': 'glbctx_feat'}
"""Heads whose outputs RoIs are pooled from, and the arguments that take these."""


def has_box_heads(model: BaseModel) -> bool:
    """Whether the model has a RoI head with a box head."""
    roi_head = getattr(model, 'roi_head', None)
    names = ('_bbox_forward', 'bbox_roi_extractor', 'bbox_head')
    return all(getattr(roi_head, name, None) is not None for name in names)


def why_no_rois(*models: tuple[str, BaseModel]) -> Unavailable | None:
    """Why a model cannot score the RoIs of another model, if so.

    Args:
        models: Each with the word for it, student or teacher.
    """
    for whose, model in models:
        if has_box_heads(model) and (names := _needed(model.roi_head)):
            return Unavailable(
                f'the {type(model.roi_head).__name__} of the {whose} needs '
                f'{" and ".join(names)} with a RoI, which RoIs of another model lack; '
                "compare feature maps with on='neck'"
            )
    return None


def why_no_logits(student: Sequence[Any], teacher: Sequence[Any]) -> Unavailable | None:
    """Why these box heads do not have one row of class logits per RoI, if so."""
    for whose, heads in (('student', student), ('teacher', teacher)):
        for head in heads:
            name = type(head).__name__
            if not getattr(head, 'with_cls', True):
                return Unavailable(f'the {name} of the {whose} gives no class logits')
            if getattr(head, 'num_instance', 1) > 1:
                return Unavailable(
                    f'the {name} of the {whose} makes {head.num_instance} predictions '
                    'of a RoI in no fixed order, so that those of two models are not '
                    "of the same object; compare on='rpn_logits' or on='neck'"
                )
    return None


def why_no_masks(student: Any, teacher: Any) -> Unavailable | None:
    """Why the masks of these RoI heads cannot be compared, if so."""
    if getattr(student, 'interleaved', False):
        start = f'the {type(student).__name__} of the student draws RoIs for masks, '
        if _first(student.mask_head).class_agnostic:
            return Unavailable(f'{start}whose classes class-agnostic heads do not tell')
        if student.share_roi_extractor:
            return Unavailable(f'{start}which cannot be told from those of boxes')
    sizes = [_mask_size(roi_head) for roi_head in (student, teacher)]
    if None not in sizes and sizes[0] != sizes[1]:
        return Unavailable(
            f"the student's masks have {sizes[0]} and the teacher's {sizes[1]} pixels "
            'in a row; take a teacher with the same'
        )
    return None


def _mask_size(roi_head: Any) -> int | None:
    """Pixels in a row of its masks; None if only a run of it would tell."""
    head = _first(roi_head.mask_head)
    if hasattr(head, 'output_size'):  # PointRend's coarse masks
        return head.output_size[0]
    layers = getattr(_first(roi_head.mask_roi_extractor), 'roi_layers', None)
    stride = _stride(roi_head.shared_head) if roi_head.with_shared_head else 1
    if layers is None or stride is None:
        return None
    scale = head.scale_factor if getattr(head, 'upsample_method', None) else 1
    return -(-layers[0].output_size[0] // stride) * scale


def _stride(shared_head: nn.Module) -> int | None:
    """Of the last stage of a ResNet that a C4 detector runs on each RoI."""
    if type(shared_head).__name__ != 'ResLayer':
        return None
    convs = [one for one in shared_head.modules() if isinstance(one, nn.Conv2d)]
    return max(int(conv.stride[0]) for conv in convs)


def _first(heads: Any) -> Any:
    return heads[0] if isinstance(heads, nn.ModuleList) else heads


def _needed(roi_head: Any) -> list[str]:
    """What a box head needs beside feature maps, RoIs and the number of a stage."""
    is_cascade = isinstance(roi_head.bbox_head, nn.ModuleList)
    parameters = inspect.signature(roi_head._bbox_forward).parameters.values()
    required = [one.name for one in parameters if one.default is one.empty]
    return required[3 if is_cascade else 2 :]
