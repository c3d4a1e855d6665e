"""What holds for the module of every registered loss, driven by `battery.py`."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from ckd_mm.adapters import Pair
from ckd_mm.engine.schedules import Schedule
from ckd_mm.engine.terms import Term

from .battery import EACH, EACH_SETTING, LOSSES, LossRow, gradient


@EACH_SETTING
def test_a_loss_built_from_a_config_is_the_weighted_function(
    row: LossRow, kwargs: dict[str, Any]
) -> None:
    sample = row.draw(4)
    value = row.build(loss_weight=0.5, **kwargs)(*row.inputs(sample))
    assert value == 0.5 * row.function(*row.inputs(sample), **kwargs)


@EACH
def test_the_defaults_are_the_documented_ones(row: LossRow) -> None:
    sample = row.draw(4)
    value = row.build()(*row.inputs(sample))
    assert value == row.function(*row.inputs(sample), **row.defaults)


@EACH
def test_forward_names_what_the_loss_needs(row: LossRow) -> None:
    needed = ['student', 'teacher'] + ['target'] * row.needs_target + [*row.needs]
    names = list(inspect.signature(row.build().forward).parameters)
    rows = [name for name in names if name == 'reduction']  # see test_rows.py
    assert names == [*needed, *row.needs_by_option, *rows]


@EACH
def test_a_weight_of_zero_only_monitors(row: LossRow) -> None:
    sample = row.draw(4)
    value = row.build(loss_weight=0)(*row.inputs(sample))
    assert value == 0
    assert not gradient(value, sample).any()


@EACH
@pytest.mark.parametrize('weight', [-1.0, float('nan'), float('inf'), '1', None, True])
def test_a_weight_that_is_no_finite_number_is_refused(
    row: LossRow, weight: Any
) -> None:
    with pytest.raises(ValueError) as error:
        row.build(loss_weight=weight)
    assert str(error.value) == (
        f'loss_weight must be a finite number >= 0, got {weight!r}'
    )


@pytest.mark.parametrize(
    ('row', 'arguments'),
    [
        pytest.param(row, arguments, id=f'{row.class_name}-{arguments}')
        for row in LOSSES
        for arguments in row.refused
    ],
)
def test_a_bad_hyper_parameter_is_refused_and_named(
    row: LossRow, arguments: dict[str, Any]
) -> None:
    ((name, value),) = arguments.items()
    with pytest.raises(ValueError) as error:
        row.build(**arguments)
    assert str(error.value).startswith(f'{name} must be ')
    assert str(error.value).endswith(f'got {value!r}')


@pytest.mark.parametrize(
    'row',
    [row for row in LOSSES if row.has_statistics],
    ids=lambda row: row.class_name,
)
def test_statistics_are_shares_without_a_graph_whose_names_are_no_losses(
    row: LossRow,
) -> None:
    term = Term('term', 'logits', row.build(), Schedule())
    sample = row.draw(6)
    statistics = term.statistics(Pair(sample.student, sample.teacher))
    assert 'term_top1_agreement' in statistics
    for name, value in statistics.items():
        assert 'loss' not in name
        assert value.shape == ()
        assert 0 <= value <= 1 or name == 'term_temperature'
        assert not value.requires_grad
