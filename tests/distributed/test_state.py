"""What a loss keeps of its steps is the same on all ranks, and what one process has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from .ranks import start_ranks

WORKER = Path(__file__).with_name('state_worker.py')
CONFIGS: tuple[dict[str, Any], ...] = (
    dict(
        type='CRDLoss',
        num_samples=12,
        student_channels=4,
        teacher_channels=6,
        embedding_channels=3,
        num_negatives=5,
    ),
    dict(type='NDLoss', num_classes=3, teacher_channels=6, student_channels=4),
)
SIZES = ([3, 3], [4, 1], [0, 2], [0, 0])


def make_steps() -> list[dict[str, Any]]:
    generator = torch.Generator().manual_seed(0)
    steps = []
    for sizes in SIZES:
        rows = sum(sizes)
        # with samples that come twice, as samplers pad the last batch
        numbers = torch.randint(12, (rows,), generator=generator)
        steps.append(
            dict(
                student=torch.randn(rows, 4, generator=generator),
                teacher=torch.randn(rows, 6, generator=generator),
                sample_index=numbers,
                target=numbers % 3,
                sizes=sizes,
            )
        )
    return steps


@pytest.fixture(scope='module')
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    """What two ranks have, and one process with all rows, by config."""
    folder = tmp_path_factory.mktemp('state')
    cases = [dict(config=config, steps=make_steps()) for config in CONFIGS]
    torch.save(cases, folder / 'cases.pt')
    start_ranks(2, WORKER, folder)
    start_ranks(1, WORKER, folder)
    files = ('2-0', '2-1', '1-0')
    loaded = [torch.load(folder / f'{name}.pt') for name in files]
    names = [config['type'] for config in CONFIGS]
    return dict(zip(names, zip(*loaded, strict=True), strict=True))


@pytest.mark.parametrize('name', [config['type'] for config in CONFIGS])
def test_both_ranks_keep_the_same(name: str, results: dict[str, list[Any]]) -> None:
    (first, _), (second, _), _ = results[name]
    for key, value in first.items():
        assert torch.equal(value, second[key]), key


@pytest.mark.parametrize('name', [config['type'] for config in CONFIGS])
def test_two_ranks_keep_what_one_process_with_all_rows_keeps(
    name: str, results: dict[str, list[Any]]
) -> None:
    (ranks, values), _, (alone, _) = results[name]
    for key, value in alone.items():
        if key != 'log_means':  # of negatives, which each rank draws for itself
            torch.testing.assert_close(ranks[key], value, msg=key)
    assert all(value.isfinite() for value in values)
