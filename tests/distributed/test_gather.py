"""Rows that are spread over ranks give what one process with all rows gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from ckd_mm.distributed import gather_rows, mean_over_all_rows
from ckd_mm.functional import ckd_loss

from .ranks import start_ranks

pytestmark = pytest.mark.slow

SETTINGS: tuple[dict[str, Any], ...] = (
    dict(temperature=1.0, anchor='teacher'),
    dict(temperature=0.1, anchor='teacher'),
    dict(temperature=0.5, anchor='student'),
    dict(temperature=0.5, anchor='both'),
    dict(temperature=0.1, anchor='both', block_size=2),
    dict(temperature=0.5, positive_in_denominator=False, center='batch'),
    dict(temperature=0.5, positive_in_denominator=False, block_size=2),
)
BY_CLASS: tuple[dict[str, Any], ...] = (
    dict(positives='class', background_class=0),
    dict(
        positives='class',
        positive_in_denominator=False,
        background_class=0,
        block_size=2,
    ),
)
SIZES = {
    2: ([4, 4], [5, 2], [6, 0], [0, 3], [0, 0]),
    3: ([3, 3, 3], [1, 4, 2], [0, 5, 0]),
}


def make_cases(num_ranks: int) -> list[dict[str, Any]]:
    generator = torch.Generator().manual_seed(num_ranks)
    cases = []
    for sizes in SIZES[num_ranks]:
        shape = (2, sum(sizes), 6)
        student, teacher = torch.randn(shape, generator=generator, dtype=torch.float64)
        target = torch.randint(3, shape[1:2], generator=generator)
        rows = dict(student=student, teacher=teacher)
        for kwargs in SETTINGS:
            for given in (rows, dict(rows, target=target)):
                cases.append(dict(rows=given, sizes=sizes, kwargs=kwargs))
        for kwargs in BY_CLASS:
            given = dict(rows, target=target)
            cases.append(dict(rows=given, sizes=sizes, kwargs=kwargs))
    return cases


@pytest.mark.parametrize('num_ranks', [2, 3])
def test_uneven_ranks_give_value_and_gradient_of_one_process_with_all_rows(
    num_ranks: int, tmp_path: Path
) -> None:
    cases = make_cases(num_ranks)
    torch.save(cases, tmp_path / 'cases.pt')
    start_ranks(num_ranks, Path(__file__).with_name('gather_worker.py'), tmp_path)
    ranks = [torch.load(tmp_path / f'rank{rank}.pt') for rank in range(num_ranks)]
    for case, *parts in zip(cases, *ranks, strict=True):
        value, gradient = alone(case)
        for rank_value, _ in parts:
            torch.testing.assert_close(rank_value, value, rtol=1e-12, atol=1e-12)
        # DistributedDataParallel takes the mean over ranks
        gathered = torch.cat([part for _, part in parts]) / num_ranks
        torch.testing.assert_close(gathered, gradient, rtol=1e-10, atol=1e-13)


def alone(case: dict[str, Any]) -> tuple[Tensor, Tensor]:
    student = case['rows']['student'].clone().requires_grad_()
    kwargs = {**case['kwargs'], 'block_size': None}
    value = ckd_loss(**{**case['rows'], 'student': student}, **kwargs)
    value.backward()
    assert student.grad is not None
    return value.detach(), student.grad


@pytest.mark.parametrize('kwargs', SETTINGS)
@pytest.mark.parametrize('num_rows', [0, 1, 5])
def test_without_a_process_group_gathering_changes_nothing(
    kwargs: dict[str, Any], num_rows: int
) -> None:
    student, teacher = torch.randn(2, num_rows, 4, dtype=torch.float64)
    torch.testing.assert_close(
        ckd_loss(student, teacher, gather_distributed=True, **kwargs),
        ckd_loss(student, teacher, **kwargs),
    )


def test_one_rank_keeps_its_own_tensor() -> None:
    rows = torch.randn(3, 2)
    assert gather_rows(rows)[0] is rows
    assert mean_over_all_rows(torch.tensor(6.0), 3) == 2.0
