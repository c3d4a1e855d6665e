"""Options of a teacher that depend on the device: folded BatchNorms, compilation."""

from __future__ import annotations

import copy
import time
from collections.abc import Sequence
from typing import Any

import torch
from mmengine.model import BaseModel
from torch import Tensor, nn

from ckd_mm.teachers import Speed
from device.first_hour.answers.models import DEVICE, faster_rcnn, model_of
from device.first_hour.places import Run

__all__ = ['compile_times', 'compiled', 'fuse_bn']

R101 = 'mmdet::faster_rcnn/faster-rcnn_r101_fpn_2x_coco.py'
# As the images of COCO come, and the first one again.
SIZES = ((800, 1344), (800, 1216), (1344, 800), (800, 1088), (768, 1344), (800, 1344))
SMALL = ((96, 96), (96, 64), (96, 96))
CLOSE = 2e-2  # of the largest value: TF32 has 10 bits


def fuse_bn(run: Run) -> str:
    """`fuse_bn=True` is accepted for a ResNet-101 with the statistics of data.

    With those of a fresh model, 0 and 1, rounding is smaller and hides the fault.
    """
    torch.manual_seed(0)
    model = model_of(R101).eval().requires_grad_(False)
    norms = [one for one in model.modules() if isinstance(one, nn.BatchNorm2d)]
    for norm in norms:
        norm.train().reset_running_stats()
        norm.momentum = None
    with torch.no_grad():
        for _ in range(2):
            model.extract_feat(torch.randn(1, 3, 96, 96, device=DEVICE))
    model.eval()
    for tf32 in (False, True):
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=tf32):
            Speed(fuse_bn=True).prepare(copy.deepcopy(model))
    tf32_there = DEVICE.type == 'cuda' and torch.cuda.is_tf32_supported()
    with_tf32 = 'and with TF32' if tf32_there else 'the device has no TF32'
    return f'ResNet-101: accepted in float32, {with_tf32}'


def compiled(run: Run) -> str:
    """The features of a compiled teacher, and what each new image size takes.

    A dry run stops short of the compiler of the machine code, which takes minutes.
    """
    teacher = faster_rcnn(run).teacher
    if run.dry:
        return compile_times(teacher, SMALL, dict(backend='aot_eager'))
    return compile_times(teacher, SIZES, {})


def compile_times(
    teacher: BaseModel, sizes: Sequence[tuple[int, int]], options: dict[str, Any]
) -> str:
    """Seconds of the first forward by image size, and the largest change."""
    other = Speed(compile=options or True).prepare(copy.deepcopy(teacher))
    said, worst = [], 0.0
    for height, width in sizes:
        images = torch.randn(2, 3, height, width, device=DEVICE)
        with torch.no_grad():
            start = time.perf_counter()
            found = _features(other, images)
            seconds = time.perf_counter() - start
            wanted = _features(teacher, images)
        said.append(f'{height}x{width} {seconds:.1f}')
        changes = [
            float((one - two).abs().max() / two.abs().max())
            for one, two in zip(found, wanted, strict=True)
        ]
        worst = max(worst, *changes)
    assert worst <= CLOSE, f'features change by {worst:.1e} of the largest value'
    return f'seconds: {", ".join(said)}; largest relative change {worst:.1e}'


def _features(model: BaseModel, images: Tensor) -> list[Tensor]:
    """On the CPU, so that the device is done."""
    return [level.cpu() for level in model.extract_feat(images)]
