"""What WKDLLoss does beyond the battery: where its distances come from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from ckd_mm.functional import class_distances
from ckd_mm.losses import WKDLLoss

WEIGHTS = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
LOGITS = torch.randn(2, 5, 4, generator=torch.Generator().manual_seed(1))
TARGET = torch.tensor([0, 3, 1, 2, 0])


def test_a_table_or_a_file_is_the_same_as_the_teachers_weights(tmp_path: Path) -> None:
    table = class_distances(WEIGHTS).numpy()
    path = tmp_path / 'distances.npy'
    np.save(path, table)
    expected = WKDLLoss()(*LOGITS, TARGET, WEIGHTS)
    for distances in (table.tolist(), path, str(path)):
        loss = WKDLLoss(distances)
        torch.testing.assert_close(loss(*LOGITS, TARGET), expected)


def test_it_asks_for_the_weights_only_without_a_table() -> None:
    assert WKDLLoss().also_needs == ('teacher_classifier',)
    assert WKDLLoss([[0.0, 1.0], [1.0, 0.0]]).also_needs == ()


def test_the_table_is_in_no_checkpoint() -> None:
    assert not WKDLLoss([[0.0, 1.0], [1.0, 0.0]]).state_dict()


def test_a_table_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r'file that numpy.save has .*No such file'):
        WKDLLoss(tmp_path / 'no.npy')


def test_what_is_rounded_below_zero_counts_as_zero() -> None:
    exact = 1 - torch.eye(4)
    rounded = (exact - 1e-7 * torch.eye(4)).tolist()
    values = [WKDLLoss(one)(*LOGITS, TARGET) for one in (exact.tolist(), rounded)]
    assert values[0] == values[1]
