"""The contrastive loss in blocks: the same numbers without the matrix of all scores."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from ckd_mm.functional import ckd_loss, retrieval_accuracy
from ckd_mm.functional._blocks import block_cross_entropy
from ckd_mm.functional.ckd import ANCHORS, Anchor

EACH_ANCHOR = pytest.mark.parametrize('anchor', ANCHORS)


class LargestTensor(TorchDispatchMode):
    """Notes the number of elements of the largest tensor that any operation gives."""

    numel = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        for tensor in out if isinstance(out, tuple | list) else (out,):
            if isinstance(tensor, Tensor):
                self.numel = max(self.numel, tensor.numel())
        return out


def draw(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=dtype)


def with_gradient(student: Tensor, **kwargs: Any) -> tuple[Tensor, Tensor]:
    leaf = student.clone().requires_grad_()
    value = ckd_loss(leaf, draw(*student.shape, seed=1, dtype=student.dtype), **kwargs)
    return value.detach(), torch.autograd.grad(value, leaf)[0]


@EACH_ANCHOR
@pytest.mark.parametrize('block_size', [1, 3, 7, 12, 13, 100])
@pytest.mark.parametrize('temperature', [0.02, 1.0])
@pytest.mark.parametrize(
    ('dtype', 'relative'), [(torch.float64, 1e-10), (torch.float32, 1e-5)], ids=str
)
def test_blocks_of_any_size_give_the_value_and_gradient_of_the_whole(
    anchor: Anchor, block_size: int, temperature: float, dtype: Any, relative: float
) -> None:
    student = draw(13, 5, dtype=dtype)
    kwargs = dict(temperature=temperature, anchor=anchor)
    value, gradient = with_gradient(student, block_size=block_size, **kwargs)
    expected = with_gradient(student, block_size=13, **kwargs)
    torch.testing.assert_close(value, expected[0], rtol=relative, atol=0)
    error = (gradient - expected[1]).abs().max()
    assert error <= relative * expected[1].abs().max()


LEFT_OUT = {
    'classes': dict(target=torch.arange(13) % 3),
    'images': dict(image_index=torch.arange(13) // 5),
    'both': dict(target=torch.arange(13) % 2, image_index=torch.arange(13) // 5),
    'match': dict(positive_in_denominator=False),
    # an anchor alone in its image is left without negatives
    'match and images': dict(
        positive_in_denominator=False, image_index=torch.arange(13) // 4
    ),
    'positives': dict(
        positives='class', positive_in_denominator=False, target=torch.arange(13) % 3
    ),
}


@EACH_ANCHOR
@pytest.mark.parametrize('block_size', [1, 3, 7, 12])
@pytest.mark.parametrize('left_out', LEFT_OUT.values(), ids=LEFT_OUT)
def test_blocks_leave_out_what_the_whole_leaves_out(
    anchor: Anchor, block_size: int, left_out: dict[str, Any]
) -> None:
    kwargs = dict(temperature=0.3, anchor=anchor, **left_out)
    value, gradient = with_gradient(draw(13, 5), block_size=block_size, **kwargs)
    expected = with_gradient(draw(13, 5), block_size=13, **kwargs)
    torch.testing.assert_close(value, expected[0], rtol=1e-10, atol=0)
    torch.testing.assert_close(gradient, expected[1], rtol=1e-9, atol=1e-12)
    assert value != with_gradient(draw(13, 5), temperature=0.3, anchor=anchor)[0]


def whole(anchors: Tensor, candidates: Tensor, temperature: float, first: int) -> Any:
    match = torch.arange(first, first + len(anchors))
    scores = anchors @ candidates.T / temperature
    return F.cross_entropy(scores, match, reduction='none')


@pytest.mark.parametrize('first', [0, 2, 6])
@pytest.mark.parametrize('block_size', [1, 3, 4])
def test_matches_may_begin_at_any_candidate(first: int, block_size: int) -> None:
    pair = draw(5, 4).requires_grad_(), draw(11, 4, seed=1).requires_grad_()
    weights = draw(5, seed=2)
    losses = block_cross_entropy(
        *pair, temperature=0.5, first=first, block_size=block_size
    )
    expected = whole(*pair, 0.5, first)
    torch.testing.assert_close(losses, expected, rtol=1e-10, atol=0)
    torch.testing.assert_close(
        torch.autograd.grad(losses @ weights, pair),
        torch.autograd.grad(expected @ weights, pair),
        rtol=1e-10,
        atol=1e-12,
    )


def test_both_gradients_equal_finite_differences() -> None:
    pair = draw(3, 4).requires_grad_(), draw(7, 4, seed=1).requires_grad_()
    function = in_blocks(temperature=0.3, first=2, block_size=3)
    assert torch.autograd.gradcheck(function, pair)


def in_blocks(**options: Any) -> Callable[..., Tensor]:
    return lambda *pair: block_cross_entropy(*pair, **options)


def test_a_second_derivative_is_refused() -> None:
    student = draw(4, 3).requires_grad_()
    value = ckd_loss(student, draw(4, 3, seed=1), block_size=2)
    with pytest.raises(RuntimeError) as error:
        torch.autograd.grad(value, student, create_graph=True)
    assert str(error.value) == (
        'the contrastive loss in blocks has no second derivative, got a backward pass '
        'with create_graph=True; set block_size to at least the number of rows of all '
        'ranks to compute it at once'
    )


def test_a_backward_pass_under_autocast_stays_in_float32() -> None:
    student = draw(9, 5, dtype=torch.float32)
    expected = with_gradient(student, block_size=4)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        value, gradient = with_gradient(student, block_size=4)
    assert value == expected[0]
    torch.testing.assert_close(gradient, expected[1], rtol=1e-5, atol=1e-7)


def test_a_copy_at_a_low_temperature_keeps_its_digits() -> None:
    """A difference of log-sum-exp and match would be wrong in the first digit."""
    logits = torch.eye(8) + 0.5
    value = ckd_loss(logits, logits, temperature=0.02, block_size=2)
    exact = ckd_loss(logits.double(), logits.double(), temperature=0.02)
    assert value.item() == pytest.approx(exact.item(), rel=1e-3)


@EACH_ANCHOR
def test_a_large_batch_never_holds_the_matrix(anchor: Anchor) -> None:
    with FakeTensorMode(), LargestTensor() as largest:
        student = torch.randn(10_000, 81, requires_grad=True)
        target = torch.randint(81, (10_000,))
        ckd_loss(
            student, torch.randn(10_000, 81), anchor=anchor, target=target
        ).backward()
    assert largest.numel == 2048**2


def test_a_batch_of_a_few_thousand_rows_is_computed_at_once() -> None:
    with FakeTensorMode(), LargestTensor() as largest:
        ckd_loss(torch.randn(4096, 3), torch.randn(4096, 3))
    assert largest.numel == 4096**2


def test_a_rank_holds_no_more_than_a_block_of_the_scores_of_all_ranks() -> None:
    with FakeTensorMode(), LargestTensor() as largest:
        anchors = torch.randn(300, 4)
        candidates = torch.randn(1000, 4, requires_grad=True)
        losses = in_blocks(temperature=1.0, first=600, block_size=64)
        losses(anchors, candidates).sum().backward()
    assert largest.numel == 64**2


def test_retrieval_among_many_rows_never_holds_the_matrix() -> None:
    with FakeTensorMode(), LargestTensor() as largest:
        retrieval_accuracy(torch.randn(10_000, 81), torch.randn(10_000, 81))
    assert largest.numel <= 2**24


def test_retrieval_in_parts_counts_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    student, teacher = draw(30, 4), draw(30, 4) + draw(30, 4, seed=1)
    expected = retrieval_accuracy(student, teacher)
    monkeypatch.setattr('ckd_mm.functional.statistics.MOST_SCORES', 7 * 30)
    assert 0 < expected < 1
    assert retrieval_accuracy(student, teacher) == expected
