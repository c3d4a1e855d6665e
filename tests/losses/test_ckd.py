"""What CKDLoss does beyond the battery: the one-row warning, its statistics."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch

from ckd_mm.engine.terms import build_terms
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


def test_alignment_and_uniformity_are_logged_if_asked_for() -> None:
    logits = torch.eye(3)
    statistics = CKDLoss(geometry=True).statistics(logits, logits)
    assert statistics['alignment'] == 0
    assert statistics['uniformity'] == -4


def test_an_unknown_anchor_lists_the_known_ones() -> None:
    with pytest.raises(ValueError) as error:
        CKDLoss(anchor='clip')  # type: ignore[arg-type]
    assert str(error.value) == (
        "anchor must be one of 'teacher', 'student', 'both', got 'clip'"
    )


@pytest.mark.parametrize(
    ('options', 'needs'),
    [
        ({}, ()),
        ({'same_class_negatives': False}, ('target',)),
        ({'per_image': True}, ('image_index',)),
        (
            {'same_class_negatives': False, 'per_image': True},
            ('target', 'image_index'),
        ),
    ],
)
def test_a_term_needs_what_the_options_need(
    options: dict[str, Any], needs: tuple[str, ...]
) -> None:
    config = dict(on='logits', loss=dict(type='CKDLoss', **options))
    (term,) = build_terms(dict(ckd=config))
    assert term.context == needs


def test_labels_that_no_option_wants_change_nothing() -> None:
    pair = torch.randn(2, 4, 3)
    labels = torch.zeros(4, dtype=torch.long)
    assert CKDLoss()(*pair, target=labels, image_index=labels) == CKDLoss()(*pair)


def test_labels_that_an_option_wants_are_not_left_out_in_silence() -> None:
    with pytest.raises(ValueError) as error:
        CKDLoss(same_class_negatives=False)(torch.eye(3), torch.eye(3))
    assert str(error.value) == (
        "CKDLoss with same_class_negatives=False, positives='self' and per_image=False "
        'needs target, '
        'got None; pass it to the loss, or change the option'
    )


def test_negatives_per_image_and_gathered_exclude_each_other() -> None:
    with pytest.raises(ValueError) as error:
        CKDLoss(per_image=True, gather_distributed=True)
    assert str(error.value) == (
        'negatives of one image and gather_distributed=True exclude each other, '
        'because every rank has other images; leave out one of the two'
    )


@pytest.mark.parametrize('value', [-1, 1.0, True, '2'])
def test_a_background_class_is_an_index(value: Any) -> None:
    with pytest.raises(ValueError, match='background_class must be'):
        CKDLoss(positives='class', background_class=value)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(background_class=0), "read with positives='class' alone; leave out"),
        (dict(positives='class', per_image=True), 'excludes per_image=True'),
        (dict(positives='class', same_class_negatives=False), 'leave these out, and'),
    ],
)
def test_options_that_do_not_go_together(options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CKDLoss(**options)
