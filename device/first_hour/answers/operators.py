"""mmcv's operators: compiled for this GPU, and compared with the CPU's."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from device.first_hour.answers.calls import python
from device.first_hour.answers.models import DEVICE
from device.first_hour.answers.packages import (
    SOURCE,
    add_fallback,
    is_carried,
    mmcv_source,
)
from device.first_hour.places import SITE, Run
from setup_env.cuda import cuda_target
from setup_env.mmcv import compile_mmcv, compiler_flags, run_operators
from setup_env.paths import SetupError, read_pins

__all__ = ['agree', 'build']

PYTHON = Path(sys.executable)
DEVICES = ['cpu', 'cuda']
Operator = Callable[[torch.device], Tensor]


def build(run: Run) -> str:
    """Compile them as `make setup` does; the wheel is kept beside the table.

    Those of a wheel in `.gpu/wheels` are not compiled again if they run here. If they
    cannot be built, those of torchvision stay.
    """
    if not (SITE / 'mmcv' / '_ext.py').is_file():
        try:
            run_operators(DEVICES, PYTHON)
            where = 'carried' if is_carried() else "this Python's own"
            return f'{where}, not compiled here; they run on {" and ".join(DEVICES)}'
        except SetupError:
            if not is_carried():
                raise
            add_fallback()
    mmcv_source()
    start = time.monotonic()
    os.environ['MAX_JOBS'] = str(len(os.sched_getaffinity(0)))
    pin, target = read_pins()['onedl-mmcv'], cuda_target(PYTHON)
    wheel = compile_mmcv(pin, compiler_flags(), target, SOURCE, PYTHON)
    minutes = (time.monotonic() - start) / 60
    pip = ['-m', 'pip', 'install', '--no-index', '--no-deps']
    python([*pip, '--upgrade', '--target', str(SITE), str(wheel)])
    try:
        run_operators(DEVICES, PYTHON)
    except SetupError:
        add_fallback()
        raise
    shutil.copy(wheel, run.out)
    size = wheel.stat().st_size / 2**20
    return f'{target}: {minutes:.1f} minutes, {wheel.name}, {size:.0f} MiB'


def agree(run: Run) -> str:
    """Each operator on the device, beside the same on the CPU."""
    found, missing = [], []
    for name, (operator, tolerance) in OPERATORS.items():
        try:
            torch.manual_seed(0)
            wanted = operator(torch.device('cpu'))
            torch.manual_seed(0)
            got = operator(DEVICE).cpu()
        except NotImplementedError:  # of the operators that stand in for mmcv's
            missing.append(name)
            continue
        error = float((wanted - got).abs().max())
        assert error <= tolerance, f'{name}: differs by {error:.1e}'
        found.append(f'{name} {error:.0e}')
    assert found, 'no operator runs'
    return f'largest differences: {", ".join(found)}; missing: {missing or "none"}'


def _roi_align(device: torch.device) -> Tensor:
    """Values and gradients."""
    from mmcv.ops import roi_align

    maps = torch.randn(2, 8, 20, 24).to(device).requires_grad_()
    boxes = [[0, 1.0, 2, 15, 17], [1, 3, 3, 20, 10], [1, 0, 0, 23, 19]]
    out = roi_align(maps, torch.tensor(boxes, device=device), 7, 1.0, 0, 'avg', True)
    out.square().sum().backward()
    assert maps.grad is not None
    return torch.cat([out.detach().flatten(), maps.grad.flatten()])


def _nms(device: torch.device) -> Tensor:
    from mmcv.ops import nms

    corners = torch.rand(500, 2) * 50
    boxes = torch.cat([corners, corners + 1 + torch.rand(500, 2) * 50], dim=1)
    kept: Tensor = nms(boxes.to(device), torch.rand(500).to(device), 0.5)[1]
    return kept.float()


def _deformable(name: str) -> Operator:
    def run(device: torch.device) -> Tensor:
        import mmcv.ops

        layer = getattr(mmcv.ops, name)(8, 4, 3, padding=1)
        inputs = [torch.randn(2, 8, 20, 24), torch.randn(2, 18, 20, 24)]
        inputs += [torch.rand(2, 9, 20, 24)] if 'Modulated' in name else []
        with (
            torch.backends.cudnn.flags(enabled=True, allow_tf32=False),
            torch.no_grad(),
        ):
            out: Tensor = layer.to(device)(*(one.to(device) for one in inputs))
        return out

    return run


def _focal_loss(device: torch.device) -> Tensor:
    """The CUDA operator beside the formula, which is all that a CPU has."""
    from mmcv.ops import sigmoid_focal_loss
    from mmdet.models.losses.focal_loss import py_sigmoid_focal_loss

    logits, labels = torch.randn(6, 4).to(device), torch.arange(6).clamp(max=4)
    if device.type == 'cuda':
        value: Tensor = sigmoid_focal_loss(
            logits, labels.to(device), 2.0, 0.25, None, 'none'
        )
        return value
    hot = torch.nn.functional.one_hot(labels, 5)[:, :4]
    formula: Tensor = py_sigmoid_focal_loss(logits, hot, reduction='none')
    return formula


def _deformable_attention(device: torch.device) -> Tensor:
    from mmcv.ops import multi_scale_deform_attn as attention

    shapes = torch.tensor([[20, 24]], device=device)
    maps = torch.rand(1, 480, 2, 8).to(device)
    points = torch.rand(1, 5, 2, 1, 4, 2).to(device)
    weights = torch.rand(1, 5, 2, 1, 4).to(device)
    if device.type == 'cpu':
        formula: Tensor = attention.multi_scale_deformable_attn_pytorch(
            maps, shapes, points, weights
        )
        return formula
    first = torch.zeros(1, dtype=torch.long, device=device)
    function = attention.MultiScaleDeformableAttnFunction
    value: Tensor = function.apply(maps, shapes, first, points, weights, 64)
    return value


OPERATORS: dict[str, tuple[Operator, float]] = {
    'RoIAlign': (_roi_align, 1e-3),
    'NMS': (_nms, 0.0),
    'DeformConv2d': (_deformable('DeformConv2d'), 1e-3),
    'ModulatedDeformConv2d': (_deformable('ModulatedDeformConv2d'), 1e-3),
    'sigmoid_focal_loss': (_focal_loss, 1e-5),
    'MultiScaleDeformableAttention': (_deformable_attention, 1e-4),
}
