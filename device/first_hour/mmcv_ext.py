"""Stands for mmcv's compiled operators where they cannot be built, as `mmcv/_ext.py`.

RoIAlign and NMS are torchvision's, on CPU and CUDA, and the focal loss is its formula:
that is what one-stage and two-stage detectors train with. Any other operator says that
it is missing when it runs, not when it is imported. Names and arguments are those that
mmcv's Python files (Apache-2.0) call. This file is copied, and imports nothing of ours.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor

__all__ = [
    *('get_compiler_version', 'get_compiling_cuda_version', 'nms'),
    *('roi_align_backward', 'roi_align_forward'),
    *('sigmoid_focal_loss_backward', 'sigmoid_focal_loss_forward'),
]


def nms(boxes: Tensor, scores: Tensor, iou_threshold: float, offset: int = 0) -> Tensor:
    """The indices of the boxes that are kept."""
    if offset:
        raise NotImplementedError('mmcv operator nms: offset=1 is not in torchvision')
    kept: Tensor = torchvision.ops.nms(boxes.float(), scores.float(), iou_threshold)
    return kept


def roi_align_forward(
    input: Tensor, rois: Tensor, output: Tensor, *_: Tensor, **options: Any
) -> None:
    """Writes the average of each bin into `output`."""
    size, scale, ratio, aligned = _roi_options(**options)
    output.copy_(
        torchvision.ops.roi_align(input, rois, size, scale, ratio, aligned=aligned)
    )


def roi_align_backward(
    grad_output: Tensor,
    rois: Tensor,
    argmax_y: Tensor,
    argmax_x: Tensor,
    grad_input: Tensor,
    **options: Any,
) -> None:
    """Adds the gradient of the maps to `grad_input`."""
    (height, width), scale, ratio, aligned = _roi_options(**options)
    shape = grad_input.shape
    backward = torch.ops.torchvision._roi_align_backward
    grad_output = grad_output.contiguous()
    grad_input.add_(
        backward(grad_output, rois, scale, height, width, *shape, ratio, aligned)
    )


def sigmoid_focal_loss_forward(
    input: Tensor,
    target: Tensor,
    weight: Tensor,
    output: Tensor,
    gamma: float,
    alpha: float,
) -> None:
    """Writes the loss of each logit into `output`."""
    loss = _focal_loss(input, target, gamma, alpha)
    output.copy_(loss * weight[target][:, None] if weight.numel() else loss)


def sigmoid_focal_loss_backward(
    input: Tensor,
    target: Tensor,
    weight: Tensor,
    grad_input: Tensor,
    gamma: float,
    alpha: float,
) -> None:
    """Writes the gradient of the sum of the losses into `grad_input`."""
    with torch.enable_grad():
        logits = input.detach().requires_grad_()
        loss = _focal_loss(logits, target, gamma, alpha)
        if weight.numel():
            loss = loss * weight[target][:, None]
        (gradient,) = torch.autograd.grad(loss.sum(), logits)
    grad_input.copy_(gradient)


def get_compiler_version() -> str:
    return "none: torchvision's operators"


def get_compiling_cuda_version() -> str:
    return "none: torchvision's operators"


def __getattr__(name: str) -> Callable[..., NoReturn]:
    if name.startswith('__'):
        raise AttributeError(name)

    def missing(*_: Any, **__: Any) -> NoReturn:
        raise NotImplementedError(
            f'mmcv operator {name}: not built here, and torchvision has none'
        )

    return missing


def _roi_options(
    aligned_height: int,
    aligned_width: int,
    spatial_scale: float,
    sampling_ratio: int,
    pool_mode: int,
    aligned: bool,
) -> tuple[tuple[int, int], float, int, bool]:
    if pool_mode != 1:
        raise NotImplementedError(
            "mmcv operator roi_align: mode 'max' is not in torchvision"
        )
    return (aligned_height, aligned_width), spatial_scale, sampling_ratio, aligned


def _focal_loss(logits: Tensor, target: Tensor, gamma: float, alpha: float) -> Tensor:
    """The last of C + 1 classes is the background, which has no logit."""
    hot = F.one_hot(target, logits.shape[1] + 1)[:, :-1].bool()
    probabilities = logits.sigmoid()
    positive = -alpha * (1 - probabilities) ** gamma * F.logsigmoid(logits)
    negative = -(1 - alpha) * probabilities**gamma * F.logsigmoid(-logits)
    return torch.where(hot, positive, negative)
