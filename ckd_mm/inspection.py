"""What can be distilled between two models: found by trying, on one random batch.

For `tools/inspect_distillation.py`, and for whoever wants to know it in Python.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from mmengine.config import Config
from mmengine.hub import get_config
from mmengine.model import BaseModel
from mmengine.registry import MODELS, DefaultScope
from torch import Tensor, nn

from ckd_mm.adapters import Missing, find_adapter
from ckd_mm.adapters.parts import options_of
from ckd_mm.distiller import Distiller
from ckd_mm.random_state import preserved_random_state
from ckd_mm.schedules import Schedule
from ckd_mm.teachers import Teacher
from ckd_mm.terms import Term

__all__ = [
    'Finding',
    'build_untrained',
    'find_parts',
    'forward_seconds',
    'random_batch',
]


@dataclass(frozen=True)
class Finding:
    """One part of two models.

    Args:
        on: Its name.
        student: The shapes of the student's value, by level for feature maps.
        teacher: The teacher's.
        extras: What a loss can ask for by name.
        options: The options of the part, with their defaults.
        reason: Why it cannot be compared; empty if it can.
    """

    on: str
    student: tuple[tuple[int, ...], ...] = ()
    teacher: tuple[tuple[int, ...], ...] = ()
    extras: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    reason: str = ''

    @property
    def is_maps(self) -> bool:
        """Whether it is feature maps rather than rows."""
        return any(len(shape) == 4 for shape in self.student)

    @property
    def widths(self) -> tuple[list[int], list[int]]:
        """Channels, or columns, of both by level."""
        own, other = (
            [shape[1] for shape in side] for side in (self.student, self.teacher)
        )
        return own, other

    @property
    def connectors(self) -> str:
        """What stands between the two."""
        own, other = self.widths
        if len(own) != len(other):
            return f'{len(own)} and {len(other)} levels: name modules of one size'
        notes = []
        if own != other:
            notes.append(f'student_channels={own}, teacher_channels={other}')
        sizes = [[shape[2:] for shape in side] for side in (self.student, self.teacher)]
        if sizes[0] != sizes[1]:
            notes.append('other sizes: a loss that pools')
        return '; '.join(notes) or 'none'


def build_untrained(config: str) -> tuple[Config, BaseModel]:
    """A config, and its model with random weights; nothing is downloaded.

    Args:
        config: A path or a zoo name, such as
            `mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py`.
    """
    cfg = get_config(config) if '::' in config else Config.fromfile(config)
    model = _without_pretrained(cfg.model)
    if cfg.get('data_preprocessor') is not None:
        model.setdefault('data_preprocessor', cfg.data_preprocessor)
    with DefaultScope.overwrite_default_scope(cfg.get('default_scope')):
        built = MODELS.build(model)
    built.init_weights()
    return cfg, built


def random_batch(
    model: BaseModel, shape: tuple[int, int] = (256, 320), num_images: int = 2
) -> dict[str, Any]:
    """Random images, with random ground truth, for a detector or a classifier.

    Args:
        model: The student, whose number of classes and kind of ground truth count.
        shape: Height and width.
        num_images: How many.
    """
    if hasattr(model, 'head'):  # MMPretrain
        from mmpretrain.structures import DataSample

        images = torch.randint(256, (num_images, 3, *shape), dtype=torch.uint8)
        labels = range(num_images)
        return dict(
            inputs=images,
            data_samples=[DataSample().set_gt_label(label) for label in labels],
        )
    from mmdet.testing import demo_mm_inputs

    return demo_mm_inputs(
        num_images,
        [(3, *shape)] * num_images,
        num_items=[4] * num_images,
        num_classes=_num_classes(model),
        with_mask=getattr(model, 'with_mask', False),
    )


def find_parts(
    student: BaseModel, teacher: BaseModel, batch: dict[str, Any]
) -> list[Finding]:
    """All parts that the student's adapter knows, tried one by one.

    The student's weights stay; the statistics of its normalisation layers move.
    """
    adapter = find_adapter(student)(student, teacher, {})
    return [
        Finding(on, reason=part.reason)
        if isinstance(part, Missing)
        else _tried(on, options_of(part), student, teacher, batch)
        for on, part in adapter.comparisons().items()
    ]


def forward_seconds(model: BaseModel, batch: dict[str, Any], repeats: int = 3) -> float:
    """The median time of a prediction, post-processing included.

    Without it, a model with masks would make one for each of its proposals.
    """
    model.eval()
    data = model.data_preprocessor(batch, False)
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        with torch.no_grad():
            model(data['inputs'], data['data_samples'], mode='predict')
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


class _Probe(nn.Module):
    """A loss that keeps what it is given."""

    def forward(self, student: Any, teacher: Any) -> Tensor:
        self.shapes = tuple(_shapes(side) for side in (student, teacher))
        return torch.zeros(())


def _tried(
    on: str,
    options: dict[str, Any],
    student: BaseModel,
    teacher: BaseModel,
    batch: dict[str, Any],
) -> Finding:
    probe = _Probe()
    try:
        term = Term(on, on, probe, Schedule())
        distiller = Distiller(student, [Teacher(teacher)], [term])
        _step(distiller, student, batch)
    except ValueError as error:
        return Finding(on, options=options, reason=str(error))
    extras = distiller.sources[0].adapter.offers(on)
    student_shapes, teacher_shapes = probe.shapes
    return Finding(on, student_shapes, teacher_shapes, tuple(extras), options)


def _step(distiller: Distiller, student: BaseModel, batch: dict[str, Any]) -> None:
    distiller.attach()
    try:
        with preserved_random_state():
            data = student.train().data_preprocessor(batch, True)
            student(**data, mode='loss')
    finally:
        distiller.detach()


def _shapes(value: Tensor | Sequence[Tensor]) -> tuple[tuple[int, ...], ...]:
    levels = [value] if isinstance(value, Tensor) else value
    return tuple(tuple(level.shape) for level in levels)


def _num_classes(model: BaseModel) -> int:
    heads = [
        module
        for name, module in model.named_modules()
        if isinstance(getattr(module, 'num_classes', None), int)
        and name.startswith(('roi_head.bbox_head', 'bbox_head'))
    ]
    return heads[0].num_classes if heads else 1


def _without_pretrained(config: Any) -> Any:
    """The same config, whose models start from random weights."""
    if isinstance(config, dict):
        for key, value in list(config.items()):
            if key == 'init_cfg' and 'Pretrained' in str(value):
                config[key] = None
            else:
                _without_pretrained(value)
    elif isinstance(config, (list, tuple)):
        for value in config:
            _without_pretrained(value)
    return config
