"""Several students alone, and trainings before a method."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ckd_mm.compare import plan, read_comparison

from .conftest import KD

Write = Callable[..., Path]


def test_each_of_several_students_alone_gets_every_method(
    write: Write, student: str
) -> None:
    changed = {'train_dataloader.dataset.indices': 8}
    base = {'few': dict(config=student, cfg_options=changed), 'all': student}
    comparison = read_comparison(write(base=base, groups={'both': ['KD', 'CKD']}))
    names = ['student alone', 'KD', 'CKD']
    assert list(comparison.students) == [
        f'{one}: {name}' for one in base for name in names
    ]
    few = comparison.students['few: KD'].train_dataloader.dataset
    assert few.indices == 8
    assert 'indices' not in comparison.students['all: KD'].train_dataloader.dataset
    assert comparison.baseline('few: CKD') == 'few: student alone'
    assert comparison.departures() == {}


def test_a_config_among_the_methods_of_several_students_is_refused(
    write: Write, student: str
) -> None:
    path = write(base={'a': student, 'b': student}, methods=[student])
    with pytest.raises(ValueError, match='is a config, so one student, and base has 2'):
        read_comparison(path)


def test_methods_of_several_students_share_the_training_before_them(
    write: Write, student: str
) -> None:
    first = dict(config=student, distill=KD, student_loss_weight=0.0)
    changed = {'train_dataloader.dataset.indices': 8}
    base = {'few': dict(config=student, cfg_options=changed), 'all': student}
    comparison = read_comparison(write(base=base, methods={'after': dict(first=first)}))
    runs = [run for run in plan(comparison, Path('work')) if run.seed == 0]
    assert [run.is_first for run in runs] == [False, True, False, False, False]
    assert runs[2].first is runs[1] and runs[4].first is runs[1]
    assert runs[1].cfg.custom_hooks[0].student_loss_weight == 0.0
    assert not runs[2].cfg.get('custom_hooks')


def test_another_training_before_gives_the_method_another_folder(
    write: Write, student: str
) -> None:
    def planned(weight: float) -> dict[str, Path]:
        first = dict(config=student, distill=KD, student_loss_weight=weight)
        path = write(methods={'after': dict(first=first)})
        runs = plan(read_comparison(path), Path('work'))
        return {run.title: run.folder for run in runs}

    before, after = planned(0.0), planned(0.5)
    differ = {title for title in before if before[title] != after[title]}
    assert differ == {title for title in before if 'after' in title}
