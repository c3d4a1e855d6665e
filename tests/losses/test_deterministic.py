"""`randomness=dict(deterministic=True)` on CUDA: no loss calls what PyTorch refuses.

The source is the documentation of `torch.use_deterministic_algorithms`. It lists what
becomes deterministic, which is right here, and what raises an error on a CUDA tensor.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from ckd_mm.functional import at_loss, ckd_loss, fitnet_loss, ofd_loss
from ckd_mm.losses import FGDLoss, ReviewKDLoss, VIDLoss

from .battery import EACH_SETTING, LossRow

# Which operators the names of the documentation stand for.
RAISE = {
    'torch.nn.AvgPool3d': ('avg_pool3d_backward',),
    'torch.nn.AdaptiveAvgPool2d': ('_adaptive_avg_pool2d_backward',),
    'torch.nn.AdaptiveAvgPool3d': ('_adaptive_avg_pool3d_backward',),
    'torch.nn.MaxPool3d': ('max_pool3d_with_indices_backward',),
    'torch.nn.AdaptiveMaxPool2d': ('adaptive_max_pool2d_backward',),
    'torch.nn.FractionalMaxPool2d': ('fractional_max_pool2d_backward',),
    'torch.nn.FractionalMaxPool3d': ('fractional_max_pool3d_backward',),
    'torch.nn.MaxUnpool1d': ('max_unpool2d',),
    'torch.nn.MaxUnpool2d': ('max_unpool2d',),
    'torch.nn.MaxUnpool3d': ('max_unpool3d',),
    'torch.nn.functional.interpolate': (  # not the mode 'nearest'
        'upsample_linear1d_backward',
        'upsample_bilinear2d_backward',
        'upsample_bicubic2d_backward',
        'upsample_trilinear3d_backward',
        '_upsample_bilinear2d_aa_backward',
        '_upsample_bicubic2d_aa_backward',
    ),
    'torch.nn.ReflectionPad1d': ('reflection_pad1d_backward',),
    'torch.nn.ReflectionPad2d': ('reflection_pad2d_backward',),
    'torch.nn.ReflectionPad3d': ('reflection_pad3d_backward',),
    # Of images: of rows, `nll_loss_forward`, a thread adds in order (cuda/Loss.cu).
    'torch.nn.NLLLoss': ('nll_loss2d_forward',),
    'torch.nn.CTCLoss': ('_ctc_loss_backward',),
    'torch.nn.EmbeddingBag': ('_embedding_bag_backward',),
    'torch.Tensor.put_': ('put_', 'put'),
    'torch.histc': ('histc',),
    'torch.bincount': ('bincount',),
    'torch.median': ('median',),
    'torch.nn.functional.grid_sample': (
        'grid_sampler_2d_backward',
        'grid_sampler_3d_backward',
    ),
    'torch.cumsum': ('cumsum', 'cumsum_'),
    'torch.Tensor.scatter_reduce': ('scatter_reduce', 'scatter_reduce_'),
    'torch.Tensor.resize_': ('resize_',),
}
REFUSED = {operator for operators in RAISE.values() for operator in operators}
Work = Callable[[], Tensor]


class Operators(TorchDispatchMode):
    """Notes the operators that run, in both directions."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        self.names.add(func.overloadpacket.__name__)
        return func(*args, **(kwargs or {}))


def refused(work: Work) -> set[str]:
    """What runs in forward and backward and raises an error on CUDA."""
    with Operators() as found:
        work().backward()
    assert found.names
    return found.names & REFUSED


@EACH_SETTING
def test_no_loss_calls_what_has_no_deterministic_form(
    row: LossRow, kwargs: dict[str, Any]
) -> None:
    inputs = row.inputs(row.draw(5))
    assert not refused(lambda: row.function(*inputs, **kwargs))


def maps(*sizes: tuple[int, int]) -> list[Tensor]:
    return [torch.randn(2, 4, *size, requires_grad=True) for size in sizes]


FINE, COARSE, ODD = (8, 12), (4, 6), (3, 5)
LEVELS: list[Any] = [FINE, COARSE, ODD]
CASES: dict[str, Work] = {
    'AT, whole windows': lambda: at_loss(*maps(FINE, COARSE)),
    'AT, overlapping windows': lambda: at_loss(*maps(FINE, ODD)),
    'FitNet': lambda: fitnet_loss(*maps(FINE, ODD)),
    'OFD': lambda: ofd_loss(*maps(ODD, FINE)),
    'VID': lambda: VIDLoss(4, 4)(*maps(FINE, ODD)),
    'ReviewKD': lambda: ReviewKDLoss([4] * 3, [4] * 3, 4)(maps(*LEVELS), maps(*LEVELS)),
    'ReviewKD, teacher of other sizes': lambda: ReviewKDLoss([4, 4], [4, 4], 4)(
        maps(FINE, ODD), maps(COARSE, FINE)
    ),
    'FGD': lambda: FGDLoss([4] * 3, [4] * 3)(
        maps(*LEVELS), maps(*LEVELS), [torch.rand(2, 4), torch.zeros(0, 4)], (64, 96)
    ),
    'CKD in blocks': lambda: ckd_loss(
        torch.randn(9, 4, requires_grad=True), torch.randn(9, 4), block_size=2
    ),
}


@pytest.mark.parametrize('work', CASES.values(), ids=CASES)
def test_no_choice_of_sizes_calls_it_either(work: Work) -> None:
    assert not refused(work)


def test_pooling_of_pytorch_is_found() -> None:
    (fine,) = maps(FINE)
    found = refused(lambda: F.adaptive_avg_pool2d(fine, 2).sum())
    assert found == {'_adaptive_avg_pool2d_backward'}


def test_the_table_has_all_that_the_documentation_lists() -> None:
    text = torch.use_deterministic_algorithms.__doc__ or ''
    _, raising = text.split('operations will throw a')
    listed = re.findall(r'^ +\* :\w+:`([\w.]+)`', raising, flags=re.M)
    assert len(listed) > 20
    assert set(listed) <= set(RAISE)
