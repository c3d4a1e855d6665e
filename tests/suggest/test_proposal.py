"""The rule on measurements that are made up."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest

from ckd_mm.suggest import Measurements, propose
from ckd_mm.suggest.probe import Measured, measured_iterations
from ckd_mm.suggest.text import report
from ckd_mm.suggest.trials import Subject, Trial, read_terms


def measured(elsewhere: Sequence[float], term: float = 2.0) -> list[Measured]:
    """With a gradient of the student of 6, and one of the term."""
    found = [Measured(0, 6.0, term, 0.5, math.nan, math.nan)]
    for i, one in enumerate(elsewhere, 1):
        found.append(Measured(i, 6.0, term, 0.5, one, 0.1))
    return found


def subject(own: float | None, temperatures: Sequence[float | None]) -> Subject:
    trials = [Trial(str(one), one) for one in temperatures]
    return Subject('kd', {}, ['backbone'], trials, own, 0.9)


def chosen(own: float, gradients: dict[float, list[Measured]]) -> float | None:
    found = Measurements(
        {str(key): one for key, one in gradients.items()},
        {str(key): {} for key in gradients},
    )
    (proposal,) = propose([subject(own, list(gradients))], found, 0.5)
    return proposal.chosen.temperature


def test_the_temperature_is_that_of_the_largest_cosine_on_other_batches() -> None:
    gradients = {
        1.0: measured([0.10, 0.20, 0.15]),
        2.0: measured([0.20, 0.30, 0.26]),
        4.0: measured([0.30, 0.40, 0.35]),
        8.0: measured([0.20, 0.30, 0.25]),
    }
    assert chosen(1.0, gradients) == 4.0
    assert chosen(3.0, gradients) == 4.0  # the config's own is not tried


def test_the_configs_own_temperature_stays_within_the_error() -> None:
    """Of the difference on the same batches, not of the two means."""
    other = measured([0.11, 0.29, 0.19])
    assert chosen(1.0, {1.0: measured([0.1, 0.2, 0.2]), 4.0: other}) == 1.0
    assert chosen(1.0, {1.0: measured([0.07, 0.25, 0.15]), 4.0: other}) == 4.0
    assert chosen(1.0, {1.0: measured([]), 4.0: measured([])}) == 1.0


def test_the_weight_gives_the_share() -> None:
    found = Measurements({'None': measured([0.1, 0.2])}, {'None': {}})
    (proposal,) = propose([subject(None, [None])], found, 0.75)
    assert proposal.options == {'loss_weight': 9.0}  # 9 * 2 / (9 * 2 + 6)
    assert proposal.chosen.share(9.0) == pytest.approx(0.75)
    text = report([proposal], 2, {})
    assert '| 0.150 ± 0.050 | 9 |' in text
    assert 'kd=dict(loss=dict(loss_weight=9.0)),' in text
    assert '--cfg-options custom_hooks.2.distill.kd.loss.loss_weight=9.0' in text
    assert 'loss_weight=0.9 of the config is a share of 0.231' in text
    found = Measurements({'None': measured([0.1])}, {'None': {}})
    text = report(propose([subject(None, [None])], found, 0.75), 2, {})
    assert '| 0.100 | 9 |' in text, 'one value has no standard error'


@pytest.mark.parametrize(
    ('weight', 'share', 'terms', 'told'),
    [
        (0.1, 0.5, 1, ('0.2', '0.9')),
        (0.1, 0.5, 3, ('0.4', '0.75')),
        (0.35, 0.3, 2, ('0.65', '0.481')),
        (0.1, 0.9, 1, None),
        (0.5, 0.5, 1, None),
        (1, 0.03, 1, None),
        (dict(loss_cls=0.1), 0.5, 1, None),
    ],
)
def test_a_sum_below_the_students_own_gradient_is_told(
    weight: Any, share: float, terms: int, told: tuple[str, str] | None
) -> None:
    found = Measurements({'None': measured([0.1, 0.2])}, {'None': {}})
    proposals = propose([subject(None, [None])] * terms, found, share)
    text = report(proposals, 0, dict(student_loss_weight=weight))
    assert ('WARNING' in text) == (told is not None)
    if told is not None:
        assert f"all gradients together {told[0]} of the student's own" in text
        assert f'with --share {told[1]} they are as large' in text
        again = propose([subject(None, [None])] * terms, found, float(told[1]))
        assert 'WARNING' not in report(again, 0, dict(student_loss_weight=weight))


def test_a_term_without_a_gradient_has_no_weight() -> None:
    empty = {'None': measured([0.1], term=0.0)}
    with pytest.raises(ValueError, match=r"term 'kd': at \['backbone'\] its gradient"):
        propose([subject(None, [None])], Measurements(empty, {'None': {}}), 0.5)
    with pytest.raises(ValueError, match='0 or not finite in all iterations; measure'):
        propose([subject(None, [None])], Measurements({'None': []}, {}), 0.5)


@pytest.mark.parametrize('iters', [1, 2, 3, 50, 1000])
def test_about_twenty_iterations_of_the_second_half_are_measured(iters: int) -> None:
    found = measured_iterations(iters)
    assert iters // 2 == found[0] <= found[-1] < iters
    assert min(20, iters - iters // 2) // 2 <= len(found) <= 20


def test_only_a_loss_with_a_temperature_is_tried_at_several() -> None:
    hook = dict(
        teacher=dict(config='t.py'),
        distill=dict(
            ckd=dict(on='logits', loss=dict(type='CKDLoss', temperature=0.1)),
            rkd=dict(on='embedding', loss=dict(type='RKDLoss', loss_weight=2.0)),
            kd=dict(
                on='logits',
                loss=dict(type='KDLoss'),
                schedule=dict(type='GradientShare', share=0.1, of=['neck', 'head']),
            ),
        ),
    )
    ckd, rkd, kd = read_terms(hook)
    tried = [one.temperature for one in ckd.trials]
    assert tried == [0.025, 0.05, 0.1, 0.2, 0.4]
    assert [one.temperature for one in rkd.trials] == [None]
    assert (rkd.loss_weight, rkd.temperature, rkd.of) == (2.0, None, ('backbone',))
    assert kd.of == ('neck', 'head')
    assert kd.temperature == 4.0
    assert 'leave that schedule out' in kd.notes[0]
    _, rkd, _ = read_terms(hook, temperatures=[8, 2])
    assert rkd.notes == ['its loss has no temperature; it is measured once']
    (kd,) = read_terms(hook, ['kd'], [8, 2], ['head'])
    assert [one.temperature for one in kd.trials] == [2, 8]
    assert kd.of == ['head']
