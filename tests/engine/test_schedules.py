from __future__ import annotations

import math
from typing import Any

import pytest

from ckd_mm.engine import schedules
from ckd_mm.engine.schedules import Schedule, build_schedule

ITERS_PER_EPOCH = 10
MAX_ITERS = 100


def factors(**config: Any) -> list[float]:
    schedule = build_schedule(config).resolved(MAX_ITERS, ITERS_PER_EPOCH)
    return [schedule.factor(i, ITERS_PER_EPOCH) for i in range(MAX_ITERS)]


def test_without_options_the_factor_is_one_throughout() -> None:
    assert factors() == [1.0] * MAX_ITERS
    assert build_schedule(None) == Schedule()


def test_begin_and_end_bound_the_term() -> None:
    assert factors(begin=2, end=5) == [0.0] * 20 + [1.0] * 30 + [0.0] * 50


def test_iterations_count_when_not_by_epoch() -> None:
    assert factors(begin=3, end=7, by_epoch=False)[:9] == [0, 0, 0, 1, 1, 1, 1, 0, 0]


def test_warmup_rises_linearly_at_every_iteration() -> None:
    rising = factors(begin=1, warmup=2)[10:32]
    assert rising == pytest.approx([i / 20 for i in range(20)] + [1.0, 1.0])


def test_a_warmup_may_be_cut_short_by_the_end_of_training(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """So that a config can be tried with fewer epochs; the log says so."""
    said: list[str] = []
    monkeypatch.setattr(schedules, 'print_log', lambda text, **_: said.append(text))
    assert factors(warmup=20) == pytest.approx([i / 200 for i in range(100)])
    assert 'warmup=20 is longer than the 10 epochs from its begin' in said[0]
    assert 'it stops at 50% of the way' in said[0]
    factors(begin=4, end=6, warmup=4)
    assert 'longer than the 2 epochs' in said[1]
    factors(warmup=10)
    assert len(said) == 2


def test_decay_falls_linearly_to_the_end_of_training() -> None:
    falling = factors(decay=1)[89:]
    assert falling == pytest.approx([1.0] + [1 - i / 10 for i in range(10)])


def test_a_term_may_act_in_every_nth_iteration_only() -> None:
    schedule = Schedule(begin=2, every=3, by_epoch=False).resolved(9, 3)
    factors = [schedule.factor(iteration, 3) for iteration in range(9)]
    assert factors == [0, 0, 0, 1, 0, 0, 1, 0, 0]


def test_warmup_and_decay_meet_in_the_middle() -> None:
    values = factors(warmup=5, decay=5)
    assert max(values) == values[50] == 1.0
    assert values[25] == values[75] == 0.5


def test_steps_rise_and_fall_at_the_start_of_each_epoch() -> None:
    """The e-th of E epochs has e / E, as alpha of PS-KD."""
    rising = factors(warmup=10, steps=True)
    assert rising == [(epoch + 1) / 10 for epoch in range(10) for _ in range(10)]
    falling = factors(decay=4, steps=True)
    assert falling[::10] == [1.0] * 6 + [0.75, 0.5, 0.25, 0.0]
    assert factors(begin=8, warmup=2, steps=True)[79:91:10] == [0.0, 0.5]


@pytest.mark.parametrize(
    ('config', 'error'),
    [
        (dict(begin=-1), 'begin must be a finite number >= 0, got -1'),
        (dict(warmup=math.nan), 'warmup must be a finite number >= 0, got nan'),
        (dict(decay='2'), "decay must be a finite number >= 0, got '2'"),
        (dict(end=math.inf), 'end must be a finite number >= 0, got inf'),
        (dict(begin=3, end=3), 'end must be after begin, got begin=3 and end=3'),
        (dict(end=4, warmup=3, decay=2), 'warmup=3 and decay=2 do not fit'),
        (dict(decay=8, warmup=3), 'warmup=3 and decay=8 do not fit'),
        (dict(begin=10), r'begin=10 is not before the end of training \(10 epochs\)'),
        (dict(begin=100, by_epoch=False), r'\(100 iterations\)'),
        (dict(every=0), 'every must be a whole number >= 1, got 0'),
        (dict(every=1.5), 'every must be a whole number >= 1, got 1.5'),
        (dict(steps=1), 'steps must be True or False, got 1'),
        (dict(steps=True, by_epoch=False), 'steps=True is for epochs, and by_epoch'),
        (dict(warm_up=3), "no option 'warm_up'; did you mean 'warmup'"),
    ],
)
def test_what_makes_no_sense_is_refused(config: dict[str, Any], error: str) -> None:
    with pytest.raises(ValueError, match=error):
        factors(**config)
