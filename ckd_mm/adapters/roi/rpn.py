"""RPNs: which of their heads has logits, and how a teacher's RPN is run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmengine.model import BaseModel
from torch import Tensor, nn

from ckd_mm.adapters.core.pair_spec import Unavailable
from ckd_mm.adapters.dense.head import DenseHead

__all__ = ['rpn_path', 'run_rpn', 'why_no_rpn']


def rpn_path(model: BaseModel) -> str:
    """The name of the head with logits; of Cascade RPN's stages the last has some."""
    stages = getattr(model.rpn_head, 'stages', None)
    if isinstance(stages, nn.ModuleList):
        return f'rpn_head.stages.{len(stages) - 1}'
    return 'rpn_head'


def why_no_rpn(student: BaseModel, teacher: BaseModel) -> Unavailable | None:
    """Why two RPNs cannot be compared, if so; anchors are checked elsewhere."""
    for whose, model in (('student', student), ('teacher', teacher)):
        rpn_head = getattr(model, 'rpn_head', None)
        if rpn_head is None:
            return Unavailable(
                f'the {whose} has none, as its proposals come with the data; compare '
                "on='roi_logits'"
            )
        if rpn_path(model) == 'rpn_head' and not DenseHead.fits(model, 'rpn_head'):
            return Unavailable(
                f'the {type(rpn_head).__name__} of the {whose} gives no logits of '
                'anchors by level'
            )
    if rpn_path(student) != rpn_path(teacher):
        names = ' and '.join(type(one.rpn_head).__name__ for one in (student, teacher))
        return Unavailable(f'{names} do not have the same stages')
    return None


def run_rpn(
    model: BaseModel, features: Sequence[Tensor], data_samples: Sequence[Any]
) -> Any:
    """What a teacher's RPN makes of its feature maps, by level.

    Raises:
        ValueError: It is of a kind that is not known here.
    """
    if rpn_path(model) != 'rpn_head':
        return _run_stages(model.rpn_head.stages, features, data_samples)
    if not DenseHead.fits(model, 'rpn_head'):
        raise ValueError(
            f'a {type(model.rpn_head).__name__} is not run as a teacher; compare '
            "feature maps with on='neck'"
        )
    return DenseHead(model, 'rpn_head').run(features)


def _run_stages(
    stages: Any, features: Sequence[Tensor], data_samples: Sequence[Any]
) -> Any:
    """As in Cascade RPN's test, but for its NMS: each stage moves the anchors."""
    sizes = [level.shape[-2:] for level in features]
    metas = [sample.metainfo for sample in data_samples]
    anchors, _ = stages[0].get_anchors(sizes, metas, device=features[0].device)
    maps: Any = features
    for number, stage in enumerate(stages):
        offsets = None
        if stage.adapt_cfg['type'] == 'offset':
            offsets = stage.anchor_offset(anchors, stage.anchor_strides, sizes)
        maps, logits, deltas = stage(maps, offsets)
        if number < len(stages) - 1:
            anchors = stage.refine_bboxes(anchors, deltas, metas)
    return logits, deltas
