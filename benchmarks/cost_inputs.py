"""What losses compare in `map_cost.py`: tensors of COCO's and of ImageNet's size."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor

import ckd_mm.losses  # noqa: F401 (registers)
from ckd_mm.registry import LOSSES

__all__ = ['CASES', 'READ_INDICES', 'Case', 'arguments', 'build', 'cases_of']

Shape: TypeAlias = tuple[int, ...]
Shapes: TypeAlias = Shape | list[Shape]
"""Of one tensor, or of a list with one per level."""


@dataclass(frozen=True)
class Case:
    """What both models give.

    Args:
        says: What it is, for the report.
        student: The shapes of what the student gives.
        teacher: The same for the teacher.
        padded: Height and width of the padded batch.
        image: Height and width of each image in it.
    """

    says: str
    student: Shapes
    teacher: Shapes
    padded: tuple[int, int] = (800, 1344)
    image: tuple[int, int] = (800, 1333)

    @property
    def levels(self) -> list[Shape]:
        """The student's shapes, as a list."""
        return self.student if isinstance(self.student, list) else [self.student]


def _fpn(*strides: int) -> Case:
    sizes = [(-(-800 // stride), -(-1344 // stride)) for stride in strides]
    maps: list[Shape] = [(2, 256, *size) for size in sizes]
    return Case('2 images of 800 x 1333, 256 channels at all levels', maps, maps)


def _same(says: str, *shape: int) -> Case:
    return Case(says, shape, shape)


def _classifier(says: str, student: Shapes, teacher: Shapes) -> Case:
    return Case(f'32 images of 224 x 224, {says}', student, teacher, *[(224, 224)] * 2)


_FINE, _COARSE = 'FPN, strides 4 to 64', 'FPN, strides 8 to 128'
_ROIS, _LAST, _CAM = 'RoI features', 'last map', 'class activation maps'
_STAGE, _MIDDLE = 'map of stage 1 and logits', 'logits and a middle map'
_LOGITS, _EMBEDDINGS, _BOTH = 'RoI logits', 'embeddings', 'embeddings and logits'
_SCORES, _BOXES = 'dense logits', 'boxes'
CASES = {
    _FINE: _fpn(4, 8, 16, 32, 64),
    _COARSE: _fpn(8, 16, 32, 64, 128),
    _ROIS: _same('1024 RoIs of 256 x 7 x 7', 1024, 256, 7, 7),
    _LAST: _classifier(
        'the maps of ResNet-18 (512 x 7 x 7) and of ResNet-50 (2048 x 7 x 7)',
        (32, 512, 7, 7),
        (32, 2048, 7, 7),
    ),
    _CAM: _classifier('1000 x 7 x 7 in both models', *[(32, 1000, 7, 7)] * 2),
    _STAGE: _classifier(
        "ResNet-18's first stage (64 x 56 x 56), and 1000 logits of the teacher",
        (32, 64, 56, 56),
        (32, 1000),
    ),
    _MIDDLE: _classifier(
        '1000 logits and 256 x 14 x 14 of the student',
        [(32, 1000), (32, 256, 14, 14)],
        [],
    ),
    _LOGITS: _same('1024 RoIs, 81 classes', 1024, 81),
    _SCORES: _same('2 images, 22,400 positions, 80 classes', 44800, 80),
    _EMBEDDINGS: _same('1024 rows of 1024 channels', 1024, 1024),
    _BOTH: Case('1024 rows: 1024 channels, 81 classes', (1024, 1024), (1024, 81)),
    _BOXES: _same('1024 boxes', 1024, 4),
}
_BY_WHAT_IT_TAKES = {
    'distribution': (_LOGITS,),
    'sigmoid': (_SCORES,),
    'boxes': (_BOXES,),
    'box deltas': (_BOXES,),
    'rows': (_EMBEDDINGS,),
    'maps': (_FINE, _COARSE),
    'rows or maps': (_FINE, _COARSE),
    'map and logits': (_STAGE,),
    'logits and layer': (_MIDDLE,),
}
_BY_LOSS = {
    'CKDLoss': (_LOGITS,),
    'DHOLoss': (_BOTH,),
    'LinearKDLoss': (_BOTH,),
    'CATKDLoss': (_CAM,),
    'GLDLoss': (_CAM,),
    'SDDLoss': (_CAM,),
    'DETRDistillLoss': (_COARSE,),
    'MimicLoss': (_ROIS,),
    'ICKDLoss': (_FINE, _COARSE, _LAST),
    'WKDFLoss': (_FINE, _COARSE, _LAST),
    'ScaleKDLoss': (_LAST,),
    'SimKDLoss': (_LAST,),
    'TaTLoss': (_LAST,),
}
_ARGUMENTS: dict[str, dict[str, Any]] = {
    'CRDLoss': dict(num_samples=50000),
    'MaKDLoss': dict(table=[[0.5] * 50] * 1024),
    'NDLoss': dict(num_classes=81, student_channels=None),
    'OFABranchLoss': dict(stage=1, width=512),
}
READ_INDICES = ('CRDLoss', 'MaKDLoss', 'NDLoss')
"""They check the values of indices, which only tensors with numbers have."""


def cases_of(loss: str) -> tuple[str, ...]:
    """The names of the cases in which a registered loss is measured."""
    return _BY_LOSS.get(loss, _BY_WHAT_IT_TAKES[LOSSES.module_dict[loss].takes])


def build(name: str, case: Case) -> Any:
    """The registered loss for the channels of a case."""
    cls = LOSSES.module_dict[name]
    takes = inspect.signature(cls).parameters
    both = dict(student_channels=case.student, teacher_channels=case.teacher)
    channels = {
        key: [shape[1] for shape in shapes] if isinstance(shapes, list) else shapes[1]
        for key, shapes in both.items()
        if key in takes
    }
    return cls(**{**channels, **_ARGUMENTS.get(name, {})})


def arguments(loss: Any, case: Case, dtype: torch.dtype, device: str) -> dict[str, Any]:
    """What the loss takes, by name: both models, and what else it asks for."""

    def draw(shapes: Shapes, *, learns: bool) -> Any:
        if isinstance(shapes, list):
            return [draw(shape, learns=learns) for shape in shapes]
        return torch.randn(shapes, device=device).to(dtype).requires_grad_(learns)

    found = {
        'student': draw(case.student, learns=True),
        'teacher': draw(case.teacher, learns=False),
        **_of_rows(case.levels[0][0], device),
        **_of_images(case, device),
    }
    takes = inspect.signature(loss.forward).parameters
    return {name: found[name] for name in takes if name in found}


def _of_rows(rows: int, device: str) -> dict[str, Any]:
    numbers = torch.arange(rows, device=device)
    return {
        'target': numbers % 81,
        'image_index': numbers * 2 // rows,
        'sample_index': numbers,
        'assigned': numbers % 4 == 0,
        'scores': torch.rand(rows, device=device),
        'box_target': torch.randn(rows, 4, device=device),
        'teacher_classifier': torch.randn(81, 1024, device=device),
    }


def _of_images(case: Case, device: str) -> dict[str, Any]:
    """Seven boxes, anchors at each position, and the teacher's queries."""
    images = case.levels[0][0]
    corners = torch.rand(7, 2, device=device) * 400
    positions = [shape[2] * shape[3] for shape in case.levels if len(shape) == 4]
    return {
        'epoch': 2.5,
        'progress': 0.25,
        'boxes': [torch.cat([corners, corners + 90], dim=1)] * images,
        'image_size': case.padded,
        'image_shapes': [case.image] * images,
        'anchors': [_anchors(3 * count, device) for count in positions],
        'queries': torch.randn(6, images, 300, 256, device=device),
        'quality': torch.rand(6, images, 300, device=device),
    }


def _anchors(count: int, device: str) -> Tensor:
    return torch.rand(count, 4, device=device)
