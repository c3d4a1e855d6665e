"""The logits of an epoch ago: what is kept of them, when, and how large it is."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from ckd_mm.teachers import memory as module
from ckd_mm.teachers.memory import OutputMemory, num_bytes

SIZE = (7, 5)
INDEX = torch.tensor([4, 0, 6])
LABELS = torch.tensor([1, 0, 4])


def logits(seed: int = 0, rows: int = 3) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 3 * torch.randn(rows, SIZE[1], generator=generator)


def noted(**options: Any) -> OutputMemory:
    memory = OutputMemory(*SIZE, **options)
    memory.note(INDEX, logits())
    memory.end_epoch()
    return memory


def test_a_label_stands_for_what_is_not_there() -> None:
    found = OutputMemory(*SIZE).read(INDEX, LABELS)
    assert torch.equal(found.softmax(dim=1), torch.eye(5)[LABELS])
    assert found.isfinite().all()
    mixed = 0.7 * torch.eye(5)[LABELS] + 0.3 * torch.eye(5)[[2, 3, 3]]
    found = OutputMemory(*SIZE).read(INDEX, mixed)
    torch.testing.assert_close(found.softmax(dim=1), mixed)


def test_an_epoch_is_seen_once_it_has_ended() -> None:
    memory = noted()
    memory.note(INDEX, logits(1))
    assert torch.equal(memory.read(INDEX, LABELS), logits())
    memory.end_epoch()
    assert torch.equal(memory.read(INDEX, LABELS), logits(1))
    others = memory.read(torch.tensor([0, 1]), LABELS[:2])
    assert torch.equal(others[0], logits(1)[1])
    assert others[1].argmax() == 0


def test_the_last_row_of_an_image_counts() -> None:
    """Samplers pad an epoch; a RepeatDataset has an image several times."""
    memory = OutputMemory(*SIZE)
    memory.note(torch.tensor([2, 3, 2]), logits())
    memory.note(torch.tensor([3]), logits(1, rows=1))
    memory.end_epoch()
    found = memory.read(torch.tensor([2, 3]), LABELS[:2])
    assert torch.equal(found, torch.stack([logits()[2], logits(1, rows=1)[0]]))


def test_steps_of_an_epoch_that_was_left_are_forgotten() -> None:
    memory = noted()
    memory.note(INDEX, logits(1))
    memory.start_epoch()
    memory.end_epoch()
    assert torch.equal(memory.read(INDEX, LABELS), logits())


def test_the_largest_classes_keep_their_probability_and_the_rest_shares_theirs() -> (
    None
):
    found = noted(top_k=2).read(INDEX, LABELS).softmax(dim=1)
    exact = logits().softmax(dim=1)
    largest = exact.topk(2, dim=1).indices
    torch.testing.assert_close(found.gather(1, largest), exact.gather(1, largest))
    rest = found.scatter(1, largest, 0.0).sum(dim=1)
    torch.testing.assert_close(rest, exact.scatter(1, largest, 0.0).sum(dim=1))
    assert len(found[0].unique()) == 3


def test_half_precision_is_close() -> None:
    found = noted(half=True).read(INDEX, LABELS)
    assert found.dtype == torch.float32
    assert not torch.equal(found, logits())
    torch.testing.assert_close(found, logits(), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize('options', [{}, dict(top_k=2), dict(half=True)])
def test_a_state_is_restored_and_another_one_refused(options: dict[str, Any]) -> None:
    memory, fresh = noted(**options), OutputMemory(*SIZE, **options)
    fresh.load_state(memory.state())
    assert torch.equal(fresh.read(INDEX, LABELS), memory.read(INDEX, LABELS))
    with pytest.raises(ValueError, match='must have the memory of .* got .*; resume'):
        OutputMemory(8, 5, **options).load_state(memory.state())
    with pytest.raises(ValueError, match=r'must have the memory of .* got \{\}; res'):
        fresh.load_state({})


@pytest.mark.parametrize('options', [{}, dict(top_k=2), dict(half=True)])
def test_the_size_that_is_said_is_what_is_held(options: dict[str, Any]) -> None:
    memory = noted(**options)
    memory.note(torch.arange(7), logits(rows=7))
    epoch = [
        one for index, packed in memory._of_epoch for one in (index, *packed.values())
    ]
    held = [*memory.state().values(), *epoch]
    expected = sum(one.numel() * one.element_size() for one in held)
    usual = dict(top_k=None, half=False, num_drawn=SIZE[0])
    assert num_bytes(*SIZE, **{**usual, **options}) == expected


def test_a_rank_holds_its_share_of_an_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    one = num_bytes(1000, 10, None, False, 1000)
    monkeypatch.setattr(module, 'world_size', lambda: 4)
    assert num_bytes(1000, 10, None, False, 1000) == one - 750 * (40 + 8)
