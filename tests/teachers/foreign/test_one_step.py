"""A step gets what the library's own forward gives of the same normalised images."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import torch

from ...adapters.pairs import pair
from .libraries import CASES
from .steps import STUDENTS, batch_for, canvas_of, teacher_model

NAMES = [one for one in CASES if one != 'torchvision ViT']
# Each model of a library beside one student, the students in turn.
TURNS = {(name, [*STUDENTS][turn % len(STUDENTS)]) for turn, name in enumerate(NAMES)}


@pytest.mark.parametrize(
    ('name', 'student_name'),
    [
        pytest.param(*both, marks=[pytest.mark.sweep] * (both not in TURNS))
        for both in itertools.product(NAMES, STUDENTS)
    ],
)
def test_a_students_step(name: str, student_name: str, tmp_path: Path) -> None:
    case = CASES[name]
    build, level = STUDENTS[student_name]
    student, teacher = build().train(), teacher_model(**case.config(tmp_path))
    batch = batch_for(student)
    found = pair(student, teacher, batch, dict(student=level, teacher=case.level))
    canvas = canvas_of(batch['inputs'], **case.pixels, divisor=case.divisor)
    with torch.no_grad():
        expected = case.own(teacher.model, canvas)
    scale = float(expected.abs().max())
    torch.testing.assert_close(
        found['teacher'], expected, rtol=1e-4, atol=1e-5 * max(1, scale)
    )
    assert found['student'].requires_grad and found['student'].ndim == 4
