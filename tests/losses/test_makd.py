"""What MaKDLoss does beyond the battery: its table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ckd_mm.losses import MaKDLoss

TABLE = [[0.9, 0.1], [0.2, 1.0], [0.0, 0.3]]
FEATURES = torch.randn(2, 4, generator=torch.Generator().manual_seed(0))


def built(**options: Any) -> MaKDLoss:
    torch.manual_seed(0)
    return MaKDLoss(student_channels=4, **options)


def test_a_file_is_the_same_as_lists(tmp_path: Path) -> None:
    path = tmp_path / 'answers.npy'
    np.save(path, np.array(TABLE))
    index = torch.tensor([2, 0])
    values = [
        built(table=table)(FEATURES, FEATURES, sample_index=index)
        for table in (TABLE, path, str(path))
    ]
    assert values[0] == values[1] == values[2]


def test_soft_labels_mix_the_answers_of_classes() -> None:
    """The loss is linear in the answers."""
    loss = built(table=TABLE, by='class')
    mixed = torch.tensor([[0.25, 0.0, 0.75], [0.0, 1.0, 0.0]])
    value = loss(FEATURES, FEATURES, target=mixed)
    apart = [loss(FEATURES, FEATURES, target=torch.tensor([k, 1])) for k in (0, 2)]
    torch.testing.assert_close(value, 0.25 * apart[0] + 0.75 * apart[1])


def test_the_table_is_in_no_checkpoint_and_moves_with_the_loss() -> None:
    loss = built(table=TABLE)
    assert set(loss.state_dict()) == {'linear.weight', 'linear.bias'}
    assert loss.to(torch.float64).answers.dtype == torch.float64


def test_an_image_that_the_table_lacks_is_named() -> None:
    with pytest.raises(ValueError, match=r'got 3 with rows=3; give the table one row'):
        built(table=TABLE)(FEATURES, FEATURES, sample_index=torch.tensor([0, 3]))


def test_it_asks_for_what_says_the_row() -> None:
    assert built(table=TABLE).also_needs == ('sample_index',)
    assert built(table=TABLE, by='class').also_needs == ('target',)
