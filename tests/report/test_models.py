"""What a report compares of a run's models."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ckd_mm.report.models import Models
from ckd_mm.teachers import read_teachers


@pytest.mark.parametrize('teacher', [None, dict(previous_epoch='snapshot')])
def test_a_student_without_another_model_has_nothing_to_be_compared_with(
    teacher: Any,
) -> None:
    hook: Any = SimpleNamespace(teachers=read_teachers(teacher), terms=[])
    student: Any = None
    models = Models(student, hook.teachers, hook, dataset=None)
    with pytest.raises(ValueError, match='had no other model as its teacher, so there'):
        models.logits([], most=3)
