"""The teacher on a stream of its own: the same losses, and no race."""

from __future__ import annotations

import dataclasses

import torch

from ckd_mm.teachers import Speed
from device.first_hour.answers.models import attached, faster_rcnn, step
from device.first_hour.places import Run

__all__ = ['same_losses', 'sanitized']


def same_losses(run: Run) -> str:
    """Three steps each, on the same weights, batch and random numbers."""
    models = faster_rcnn(run)
    losses = []
    for speed in (Speed(), Speed(stream=True)):
        torch.manual_seed(0)
        with attached(models, speed=speed):
            losses.append([float(step(models)['loss_ckd']) for _ in range(3)])
    after, beside = losses
    one, two = (', '.join(f'{value:.6f}' for value in each) for each in losses)
    said = f'loss_ckd {one} without, {two} with'
    pairs = zip(after, beside, strict=True)
    assert all(abs(one - two) <= 1e-4 * abs(one) for one, two in pairs), said
    return said


def sanitized(run: Run) -> str:
    """Steps of small models under PyTorch's sanitizer, and then a race on purpose."""
    from torch.cuda._sanitizer import CUDASanitizerErrors, enable_cuda_sanitizer

    models = faster_rcnn(dataclasses.replace(run, dry=True))
    enable_cuda_sanitizer()
    with attached(models, speed=Speed(stream=True)):
        for _ in range(3):
            step(models)
    torch.cuda.synchronize()
    values = torch.rand(10000, device='cuda')
    try:
        with torch.cuda.stream(torch.cuda.Stream()):
            torch.mul(values, 5, out=values)
    except CUDASanitizerErrors:
        return 'three steps: no race; a planted one is seen'
    raise AssertionError('the sanitizer does not see a race that was planted')
