"""What the losses of feature maps add to a step stays what it is: bytes and launches.

Two levels of 32 channels on fake tensors, which have sizes and no numbers. The bounds
are a tenth above what was measured; `benchmarks/map_cost.py` has the sizes of COCO.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from benchmarks.live_memory import Cost, cost
from ckd_mm.registry import LOSSES, build

from .battery import LOSSES as ROWS

SIZES, WIDTH, IMAGES = [(64, 96), (32, 48)], 32, 2
SMALL, OF_FEW_POSITIONS = [(32, 48), (16, 24)], ('ScaleKDLoss', 'TaTLoss')
"""Sizes for losses that refuse the others."""
BYTES = 4 * IMAGES * WIDTH * sum(height * width for height, width in SIZES)
CHANNELS = {'student_channels': [WIDTH] * 2, 'teacher_channels': [WIDTH] * 2}
# Peak in float32 and under AMP, in float32 bytes of the student's maps; launches.
BOUNDS: dict[str, tuple[float, float, int]] = {
    'ACAMKDLoss': (59.3, 60.0, 400),  # blocks of attention, at any size of maps
    'ATLoss': (1.2, 1.5, 107),
    'CanKDLoss': (3.1, 3.45, 336),
    'CATKDLoss': (1.1, 1.8, 28),
    'CIRKDLoss': (48.7, 49.7, 355),  # blocks of cosines, at any size of maps
    'CosineMapLoss': (2.95, 3.7, 111),
    'CWDLoss': (2.0, 2.8, 37),
    'DETRDistillLoss': (1.15, 1.65, 96),
    'FDLoss': (3.75, 3.65, 39),
    'FGDLoss': (3.0, 3.9, 259),
    'FGFILoss': (2.1, 2.8, 87),
    'FitNetLoss': (3.75, 4.6, 51),
    'FreeKDLoss': (4.6, 6.4, 344),
    'GLDLoss': (2.9, 2.8, 503),
    'GramLoss': (3.9, 4.65, 166),
    'HCLLoss': (1.1, 1.5, 70),
    'ICKDLoss': (2.0, 2.35, 296),
    'MGDLoss': (3.9, 4.5, 48),
    'MimicLoss': (2.0, 2.75, 34),
    'NSTLoss': (3.8, 4.6, 144),
    'OFDLoss': (3.3, 4.5, 79),
    'OFABranchLoss': (3.3, 4.05, 89),
    'PairwiseLoss': (2.0, 1.0, 127),
    'PKDLoss': (2.9, 3.2, 129),
    'ReviewKDLoss': (5.2, 5.9, 168),
    'ScaleKDLoss': (48.0, 48.0, 652),  # of maps a quarter as large
    'SDDLoss': (2.9, 2.8, 94),
    'SimKDLoss': (5.5, 5.4, 72),
    'TaTLoss': (32.5, 32.7, 61),  # of maps a quarter as large
    'VIDLoss': (3.8, 4.5, 87),
    'WKDFLoss': (6.4, 6.3, 400),
}


def measured(name: str, *, half: bool) -> Cost:
    """Forward and backward of the loss, beyond its inputs and parameters."""
    dtype = torch.bfloat16 if half else torch.float32
    config: dict[str, Any] = {**CHANNELS} if name in CONNECTORS else {}
    if name == 'ReviewKDLoss':
        config['mid_channels'] = WIDTH
    if name in OF_LOGITS:
        config.update(OF_LOGITS[name])
    with FakeTensorMode():
        loss = build(LOSSES, {'type': name, **config})
        sizes = SMALL if name in OF_FEW_POSITIONS else SIZES
        both: Any = [
            [torch.randn(IMAGES, WIDTH, *size).to(dtype) for size in sizes]
            for _ in range(2)
        ]
        for level in both[0]:
            level.requires_grad_()
        if name in OF_LOGITS:
            both = [both[0][0], torch.randn(IMAGES, 10).to(dtype)]
        others = [OTHERS[need]() for need in NEEDS.get(name, ())]

        def step() -> None:
            with torch.autocast('cpu', dtype=torch.bfloat16, enabled=half):
                value = loss(*both, *others)
            value.backward()

        return cost(step, known=[both, others, list(loss.parameters())])


def boxes() -> list[torch.Tensor]:
    return [torch.rand(3, 4), torch.rand(2, 4)]


def anchors() -> list[torch.Tensor]:
    return [torch.rand(height * width, 4) for height, width in SIZES]


OTHERS: dict[str, Any] = {
    'boxes': boxes,
    'anchors': anchors,
    'queries': lambda: torch.randn(6, IMAGES, 100, WIDTH),
    'quality': lambda: torch.rand(6, IMAGES, 100),
    'target': lambda: torch.zeros(IMAGES, dtype=torch.long),
    'image_size': lambda: (256, 384),
    'image_shapes': lambda: [(256, 384), (200, 384)],
}
OF_LOGITS = {
    'OFABranchLoss': dict(student_channels=WIDTH, teacher_channels=10, stage=1)
}
"""Losses of the finer map alone, beside the teacher's logits."""
PADDING = ('image_shapes', 'image_size')
NEEDS = {
    'CIRKDLoss': PADDING,
    'CosineMapLoss': PADDING,
    'DETRDistillLoss': ('queries', 'quality', *PADDING),
    'FDLoss': PADDING,
    'FGDLoss': ('boxes', 'image_size'),
    'FGFILoss': ('boxes', 'anchors'),
    'GramLoss': PADDING,
    'OFABranchLoss': ('target',),
    'PairwiseLoss': PADDING,
    'ScaleKDLoss': PADDING,
    'SDDLoss': ('target',),
}
CONNECTORS = (
    *('FitNetLoss', 'ReviewKDLoss', 'VIDLoss', 'OFDLoss', 'MGDLoss'),
    *('FGDLoss', 'FGFILoss', 'CosineMapLoss', 'FDLoss', 'ScaleKDLoss'),
    *('SimKDLoss', 'MimicLoss', 'ACAMKDLoss', 'FreeKDLoss'),
    *('CanKDLoss', 'ICKDLoss', 'TaTLoss', 'WKDFLoss'),
)


@pytest.mark.parametrize('name', BOUNDS)
def test_memory_and_launches_stay_below_their_bounds(name: str) -> None:
    wide, narrow, launches = BOUNDS[name]
    assert measured(name, half=False).peak / BYTES < wide
    assert measured(name, half=True).peak / BYTES < narrow
    assert measured(name, half=False).launches <= launches


def test_every_loss_of_maps_has_bounds() -> None:
    of_maps = {row.class_name for row in ROWS if len(row.rest) == 3}
    assert of_maps == set(BOUNDS)
