"""Teachers: their kinds, how they are built and loaded, their outputs in a step."""

from __future__ import annotations

from ckd_mm.renamed import old_name
from ckd_mm.teachers.averages import Average
from ckd_mm.teachers.base import (
    ALONE,
    STUDENT,
    Request,
    Teacher,
    TeacherKind,
    TeacherView,
)
from ckd_mm.teachers.cached import CachedTeacher, StoredTeacher
from ckd_mm.teachers.ema import EMATeacher
from ckd_mm.teachers.evaluate import evaluate_teacher
from ckd_mm.teachers.foreign import FeatureModel, ForeignTeacher
from ckd_mm.teachers.inputs import TeacherInputs
from ckd_mm.teachers.itself import Itself, ItselfTeacher
from ckd_mm.teachers.loading.build import build_teacher
from ckd_mm.teachers.loading.checkpoint import load_weights
from ckd_mm.teachers.model import ModelTeacher, ModelView
from ckd_mm.teachers.peers import Peer, PeerKind, introduced, read_peers
from ckd_mm.teachers.previous import PreviousEpochTeacher
from ckd_mm.teachers.reading import read_teachers
from ckd_mm.teachers.remembered import RememberedTeacher
from ckd_mm.teachers.speed import Speed
from ckd_mm.teachers.zoo import ZooTeacher


def __getattr__(name: str) -> object:
    return old_name(__name__, name)


__all__ = [
    'ALONE',
    'STUDENT',
    'Average',
    'CachedTeacher',
    'EMATeacher',
    'FeatureModel',
    'ForeignTeacher',
    'Itself',
    'ItselfTeacher',
    'ModelTeacher',
    'ModelView',
    'Peer',
    'PeerKind',
    'PreviousEpochTeacher',
    'RememberedTeacher',
    'Request',
    'Speed',
    'StoredTeacher',
    'Teacher',
    'TeacherInputs',
    'TeacherKind',
    'TeacherView',
    'ZooTeacher',
    'build_teacher',
    'evaluate_teacher',
    'introduced',
    'load_weights',
    'read_peers',
    'read_teachers',
]
