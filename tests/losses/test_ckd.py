"""What CKDLoss does beyond the battery: the one-row warning, its statistics."""

from __future__ import annotations

import warnings

import pytest
import torch

from ckd_mm.losses import CKDLoss


def test_one_row_warns_once_per_instance() -> None:
    row = torch.ones(1, 3)
    for loss in (CKDLoss(), CKDLoss()):
        with pytest.warns(UserWarning, match='without negatives the loss is 0'):
            assert loss(row, row) == 0
        with warnings.catch_warnings():
            warnings.simplefilter('error')
            loss(row, row)


@pytest.mark.parametrize('rows', [0, 2])
def test_other_numbers_of_rows_do_not_warn(rows: int) -> None:
    logits = torch.ones(rows, 3)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        CKDLoss()(logits, logits)


def test_statistics_include_retrieval_accuracy() -> None:
    student = torch.eye(4)[[0, 1, 3, 2]]
    statistics = CKDLoss().statistics(student, torch.eye(4))
    assert statistics.keys() == {'top1_agreement', 'retrieval_accuracy'}
    assert statistics['retrieval_accuracy'] == 0.5


def test_an_unknown_anchor_lists_the_known_ones() -> None:
    with pytest.raises(ValueError) as error:
        CKDLoss(anchor='clip')  # type: ignore[arg-type]
    assert str(error.value) == (
        "anchor must be one of 'teacher', 'student', 'both', got 'clip'"
    )
