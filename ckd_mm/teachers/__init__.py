"""Teachers: build, load, freeze, evaluate, and feed with inputs of their own kind."""

from __future__ import annotations

from ckd_mm.teachers.config import (
    CachedTeacher,
    Teacher,
    TeacherConfig,
    read_teachers,
)
from ckd_mm.teachers.evaluate import evaluate_teacher
from ckd_mm.teachers.inputs import TeacherInputs
from ckd_mm.teachers.loading.build import build_teacher
from ckd_mm.teachers.loading.checkpoint import load_weights
from ckd_mm.teachers.speed import Speed

__all__ = [
    'CachedTeacher',
    'Speed',
    'Teacher',
    'TeacherConfig',
    'TeacherInputs',
    'build_teacher',
    'evaluate_teacher',
    'load_weights',
    'read_teachers',
]
