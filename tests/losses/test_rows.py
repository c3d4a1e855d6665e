"""Losses that are a mean of rows give the value of each row."""

from __future__ import annotations

import inspect
import operator
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
import torch

from .battery import LOSSES, LossRow, gradient

OTHERS = {
    'CKDLoss',  # contrasts a row with the others
    'CRDLoss',
    'MCLLoss',
    'HardKDLoss',  # divides by the weights of all rows, as do the next three
    'BoxIoUKDLoss',
    'DistributionKDLoss',
    'QualityFocalKDLoss',
    'FitNetLoss',  # a BatchNorm looks at all rows, as in the next two
    'SimKDLoss',
    'WKDFLoss',
    'NDLoss',  # counts the rows of each class
    'OFABranchLoss',
    'MaKDLoss',  # looks a row up by its number
}
"""Losses whose value of a row depends on the other rows of the batch."""


def has_rows(row: LossRow) -> bool:
    return 'reduction' in inspect.signature(row.build().forward).parameters


WITH_ROWS = [row for row in LOSSES if has_rows(row)]
EACH_WITH_ROWS = pytest.mark.parametrize(
    ('row', 'kwargs'),
    [
        pytest.param(row, kwargs, id=f'{row.class_name}-{number}')
        for row in WITH_ROWS
        for number, kwargs in enumerate(row.kwargs_sets)
    ],
)


def test_those_that_compare_rows_with_each_other_have_none() -> None:
    names = {row.class_name for row in WITH_ROWS}
    assert {'KDLoss', 'CKDLoss', 'FitNetLoss', 'BoxIoUKDLoss'} <= names
    assert names.isdisjoint({'DISTLoss', 'RKDLoss', 'SPLoss', 'MLKDLoss', 'SinKDLoss'})


@EACH_WITH_ROWS
def test_the_mean_of_the_rows_is_the_loss(row: LossRow, kwargs: dict[str, Any]) -> None:
    loss, sample = row.build(loss_weight=0.5, **kwargs), row.draw(5)
    values = deepcopy(loss)(*row.inputs(sample), reduction='none')
    assert values.shape == (5,)
    whole = loss(*row.inputs(sample))
    torch.testing.assert_close(values.mean(), whole)
    torch.testing.assert_close(gradient(values.mean(), sample), gradient(whole, sample))


@EACH_WITH_ROWS
def test_no_rows_have_no_values_but_a_graph(
    row: LossRow, kwargs: dict[str, Any]
) -> None:
    sample = row.draw(0)
    values = row.build(**kwargs)(*row.inputs(sample), reduction='none')
    assert values.shape == (0,)
    assert gradient(values.sum(), sample).shape == (0, *row.rest)


@pytest.mark.parametrize(
    'row',
    [row for row in WITH_ROWS if row.class_name not in OTHERS],
    ids=lambda row: row.class_name,
)
def test_a_value_is_the_loss_of_its_row_alone(row: LossRow) -> None:
    loss, sample = row.build(**row.kwargs_sets[0]), row.draw(4)
    values = deepcopy(loss)(*row.inputs(sample), reduction='none')
    for i in range(4):
        one = slice(i, i + 1)
        alone = replace(
            sample.map_both(operator.itemgetter(one)),
            target=sample.target[one],
            image_index=sample.image_index[one],
        )
        value = deepcopy(loss)(*row.inputs(alone))
        torch.testing.assert_close(values[i], value)
