"""A cheaper forward of a teacher: number format, memory layout, fusion, compilation."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from mmengine.model import BaseModel
from torch import Tensor, nn

from ckd_mm.checks import boolean
from ckd_mm.random_state import preserved_random_state
from ckd_mm.registry import did_you_mean

__all__ = ['DTYPES', 'Speed']

DTYPES = {'bfloat16': torch.bfloat16, 'float16': torch.float16}


@dataclass(frozen=True)
class Speed:
    """What makes a teacher's forward cheaper. Without options it is the stock one.

    Args:
        dtype: 'bfloat16' or 'float16': run it under autocast, whatever the student
            does. The terms and RoIAlign still compute in float32. The teacher's outputs
            are rounded to the format. float16 is for GPUs: on a CPU that does not
            compute in it, it was 11 to 19 times slower than float32.
        channels_last: Lay out weights and images as NHWC, which convolutions on
            tensor cores and on CPUs prefer. Changes rounding only.
        fuse_bn: Fold each BatchNorm into the convolution before it. Changes rounding
            only.
        stream: Run backbone and neck on a separate GPU stream, beside the student's
            forward. The values stay the same. On a CPU they only run first.
        compile: Compile backbone and neck with `torch.compile`; a dict has its
            options. The first step takes long, as does one with a new image size.

    Raises:
        ValueError: An option has another type or value.
    """

    dtype: str | None = None
    channels_last: bool = False
    fuse_bn: bool = False
    stream: bool = False
    compile: bool | dict[str, Any] = False

    def __post_init__(self) -> None:
        if self.dtype is not None and self.dtype not in DTYPES:
            known = ' or '.join(map(repr, DTYPES))
            raise ValueError(f'teacher: dtype must be {known}, got {self.dtype!r}')
        for name in ('channels_last', 'fuse_bn', 'stream'):
            boolean(f'teacher: {name}', getattr(self, name))
        if not isinstance(self.compile, (bool, dict)):
            raise ValueError(
                'teacher: compile must be True, False or a dict with options of '
                f'torch.compile, got {self.compile!r}'
            )
        if isinstance(self.compile, dict):
            _check_compile(self.compile)

    def prepare(self, teacher: BaseModel) -> BaseModel:
        """Change a teacher in place, before its first forward.

        Raises:
            ValueError: Its BatchNorms do not follow their convolutions.
        """
        if self.fuse_bn:
            _fuse(teacher)
        if self.channels_last:
            teacher.to(memory_format=torch.channels_last)
        if self.compile:
            options = self.compile if isinstance(self.compile, dict) else {}
            for name in ('backbone', 'neck'):
                module = getattr(teacher, name, None)
                if module is not None:
                    module.compile(**options)
        return teacher

    def inputs(self, images: Tensor) -> Tensor:
        """The teacher's batch in its layout."""
        if not self.channels_last:
            return images
        return images.contiguous(memory_format=torch.channels_last)

    def autocast(self, device: torch.device) -> AbstractContextManager[Any]:
        """The context that the teacher's forward runs in."""
        if self.dtype is None:
            return nullcontext()
        return torch.autocast(device.type, DTYPES[self.dtype])


def _check_compile(options: dict[str, Any]) -> None:
    """Check the options by wrapping a module that does nothing; none is compiled."""
    known = list(inspect.signature(torch.compile).parameters)[1:]
    for key in options:
        if key not in known:
            hint = did_you_mean(str(key), known)
            raise ValueError(f'teacher: compile has no option {key!r}{hint}')
    try:
        torch.compile(nn.Identity(), **options)
    except Exception as error:  # torch has a type of its own for each
        raise ValueError(
            f'teacher: compile={options!r} is refused by torch.compile: '
            f'{str(error) or type(error).__name__}; give what torch.compile takes'
        ) from error


@torch.no_grad()
def _fuse(teacher: BaseModel) -> None:
    """Fold BatchNorms, and check that the features stay the same."""
    from mmcv.cnn import fuse_conv_bn  # importing ckd_mm does not import mmcv

    with preserved_random_state():
        images = torch.rand(1, 3, 64, 64, device=next(teacher.parameters()).device)
    with _without_tf32():
        before = _tensors(teacher.extract_feat(images))
        fuse_conv_bn(teacher)
        after = _tensors(teacher.extract_feat(images))
    for old, new in zip(before, after, strict=True):
        if not torch.allclose(old, new, rtol=1e-3, atol=1e-3 * float(old.abs().max())):
            raise ValueError(
                f'teacher: fuse_bn=True changes what {type(teacher).__name__} '
                'computes, as its BatchNorms do not all follow a convolution; leave it '
                'out'
            )


@contextmanager
def _without_tf32() -> Iterator[None]:
    """Convolve and multiply matrices in whole float32.

    cuDNN convolves in TF32 by default. Its 10 bits round the folded weights to others,
    which changes the features by more than the check allows.
    """
    cudnn: Any = torch.backends.cudnn
    backends, option = [cudnn, torch.backends.cuda.matmul], 'allow_tf32'
    whole: bool | str = False
    if hasattr(cudnn, 'conv'):  # since torch 2.9, where the old name may be an error
        backends, option = [cudnn.conv, torch.backends.cuda.matmul], 'fp32_precision'
        whole = 'ieee'
    before = [getattr(backend, option) for backend in backends]
    try:
        for backend in backends:
            setattr(backend, option, whole)
        yield
    finally:
        for backend, value in zip(backends, before, strict=True):
            setattr(backend, option, value)


def _tensors(features: Any) -> list[Tensor]:
    if isinstance(features, Tensor):
        return [features]
    return [tensor for one in features for tensor in _tensors(one)]
