"""Each loss says what it takes, rows or maps, and says the truth."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import pytest
import torch
from torch import Tensor

from ckd_mm.losses._takes import Takes
from ckd_mm.registry import LOSSES as REGISTRY

from .battery import EACH, LOSSES, LossRow
from .samples import SHIFTS, Sample

SIZE = (5, 6)
NUM_IMAGES = 2
OF_ROWS = ('distribution', 'sigmoid', 'boxes', 'box deltas', 'logits and layer')


def takes(row: LossRow) -> str:
    return getattr(REGISTRY.get(row.class_name), 'takes', '')


def each_that_takes(*kinds: str) -> pytest.MarkDecorator:
    rows = [row for row in LOSSES if any(kind in takes(row) for kind in kinds)]
    return pytest.mark.parametrize('row', rows, ids=lambda row: row.class_name)


def as_rows(sample: Sample) -> Sample:
    """Six rows, such as RoIs, of two images."""

    def pooled(both: Tensor) -> Tensor:
        return both if both.ndim == 2 else both.mean(dim=(2, 3))

    return replace(sample.map_both(pooled), boxes=sample.boxes[:NUM_IMAGES])


def as_maps(sample: Sample) -> Sample:
    def spread(both: Tensor) -> Tensor:
        return both[:, :, None, None].expand(*both.shape, *SIZE)

    return sample.map_both(lambda both: spread(both) if both.ndim == 2 else both)


def value_of(row: LossRow, sample: Sample) -> Tensor:
    return row.build(**row.kwargs_sets[0])(*row.inputs(sample))


@EACH
def test_it_says_what_it_takes(row: LossRow) -> None:
    assert takes(row) in get_args(Takes), (
        f'{row.class_name} needs a class attribute such as '
        "takes: ClassVar[Takes] = 'rows', see ckd_mm/losses/_takes.py"
    )


@EACH
@pytest.mark.parametrize(
    ('kind', 'sample_of'), [('rows', as_rows), ('maps', as_maps)], ids=['rows', 'maps']
)
def test_it_takes_that_and_refuses_the_rest(
    row: LossRow, kind: str, sample_of: Any
) -> None:
    named = 'rows' if takes(row) in OF_ROWS else takes(row)
    sample = sample_of(row.draw(6))
    if kind in named:
        assert value_of(row, sample).isfinite()
    else:
        with pytest.raises(ValueError, match=r'must|as many'):
            value_of(row, sample)


@each_that_takes('maps')
def test_a_loss_of_maps_takes_lists_of_levels(row: LossRow) -> None:
    sample = as_maps(row.draw(4))
    student, teacher, *others = row.inputs(sample)
    loss = row.build(**row.kwargs_sets[0])
    assert loss([student], (teacher,), *others).isfinite()


@each_that_takes('rows', 'distribution', 'sigmoid', 'boxes', 'box deltas')
def test_a_constant_in_a_row_changes_all_but_a_loss_of_distributions(
    row: LossRow,
) -> None:
    """Behind a softmax it changes nothing, behind a sigmoid it does."""
    sample = as_rows(row.draw(5))
    before = value_of(row, sample)
    is_same = [
        torch.allclose(before, value_of(row, shift(sample)), rtol=1e-6)
        for shift in SHIFTS.values()
    ]
    assert all(is_same) == (takes(row) == 'distribution')
