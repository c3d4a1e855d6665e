"""Weights of the student's losses that change over training."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from ckd_mm.engine.student_losses import StudentLosses

ITERS_PER_EPOCH = 5
MAX_ITERS = 20
FALLING = dict(value=(1, 0.2), schedule=dict(warmup=4, steps=True))


def weights(option: Any, key: str = 'loss_cls') -> list[float]:
    """How much a loss counts in each iteration."""
    losses = StudentLosses(option)
    losses.resolve(MAX_ITERS, ITERS_PER_EPOCH)
    found = []
    for iteration in range(MAX_ITERS):
        losses.begin(iteration, ITERS_PER_EPOCH)
        step = {key: torch.tensor(2.0), 'acc': torch.tensor(2.0)}
        scaled = losses(step)
        assert scaled['acc'] == 2
        found.append(scaled[key].item() / 2)
    return found


def test_a_weight_goes_from_one_number_to_another() -> None:
    expected = [w for w in (0.8, 0.6, 0.4, 0.2) for _ in range(5)]
    assert weights(FALLING) == pytest.approx(expected)


def test_a_schedule_by_iteration_ends_where_it_says() -> None:
    rising = dict(value=[0, 3], schedule=dict(begin=2, warmup=3, by_epoch=False))
    assert weights(rising)[:7] == pytest.approx([0, 0, 0, 1, 2, 3, 3])


def test_one_loss_changes_and_another_stays() -> None:
    by_key = dict(loss_cls=FALLING, loss_bbox=0.5)
    assert weights(by_key) == pytest.approx(weights(FALLING))
    assert weights(by_key, 'loss_bbox') == [0.5] * MAX_ITERS
    assert weights(by_key, 'loss_rpn') == [1.0] * MAX_ITERS


@pytest.mark.parametrize(
    ('option', 'error'),
    [
        (dict(value=(1, 0.2)), 'must say from which number to which it goes, and'),
        (dict(FALLING, value=0.2), 'from which number to which'),
        (dict(FALLING, value=(1, 0.5, 0.2)), 'from which number to which'),
        (dict(FALLING, by='epoch'), r'from which.*schedule=dict\(warmup=EPOCHS\)'),
        (dict(FALLING, value=(1, -1)), 'must be a finite number >= 0.*-1'),
        (dict(loss_cls=dict(FALLING, value=('1', 0))), 'must be a finite number >= 0'),
        (dict(FALLING, schedule=dict(warm_up=1)), "loss_weight: .*'warm_up'; did you"),
        (
            dict(FALLING, schedule=dict(type='GradientShare', share=0.1, of='neck')),
            "a schedule of type 'GradientShare' follows the loss of a term; take",
        ),
        (dict(FALLING, schedule=dict(begin=9)), 'loss_weight: .*begin=9 is not before'),
    ],
)
def test_what_makes_no_sense_is_refused(option: Any, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        weights(option)
