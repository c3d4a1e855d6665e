"""Order students or teachers before training: what tools/rank_*.py do."""

from __future__ import annotations

from ckd_mm.ranking.entries import Model, Ranking, read_ranking
from ckd_mm.ranking.students import rank_students
from ckd_mm.ranking.table import Column, Scores, correlations, ordered
from ckd_mm.ranking.teachers import rank_teachers
from ckd_mm.ranking.trained import read_trained

__all__ = [
    'Column',
    'Model',
    'Ranking',
    'Scores',
    'correlations',
    'ordered',
    'rank_students',
    'rank_teachers',
    'read_ranking',
    'read_trained',
]
