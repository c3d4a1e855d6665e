"""Box deltas in the units of another head."""

from __future__ import annotations

from types import SimpleNamespace

import torch

from ckd_mm.adapters.core.box_deltas import in_units_of


def head(means: tuple[float, ...], stds: tuple[float, ...]) -> SimpleNamespace:
    return SimpleNamespace(bbox_coder=SimpleNamespace(means=means, stds=stds))


def test_deltas_mean_the_same_box_in_the_units_of_the_student() -> None:
    student = head((0.0, 0.1, 0.0, -0.2), (0.1, 0.1, 0.2, 0.2))
    teacher = head((0.3, 0.0, 0.0, 0.1), (0.05, 0.1, 0.1, 0.4))
    deltas_K4 = torch.randn(5, 4, dtype=torch.float64)
    units = (
        torch.tensor(one, dtype=torch.float64)
        for one in vars(student.bbox_coder).values()
    )
    student_means, student_stds = units
    units = (
        torch.tensor(one, dtype=torch.float64)
        for one in vars(teacher.bbox_coder).values()
    )
    teacher_means, teacher_stds = units
    found = in_units_of(student, teacher, deltas_K4)
    torch.testing.assert_close(
        found * student_stds + student_means, deltas_K4 * teacher_stds + teacher_means
    )


def test_deltas_of_equal_units_are_left_alone() -> None:
    same = head((0.0,) * 4, (0.1,) * 4)
    deltas = torch.randn(5, 4)
    assert in_units_of(same, head((0.0,) * 4, (0.1,) * 4), deltas) is deltas
