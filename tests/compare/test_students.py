"""Several students alone, and trainings before a method."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ckd_mm.compare import plan, read_comparison
from ckd_mm.compare.students import check_student, hook_of, load_config, student_of
from ckd_mm.compare.teachers import local_files

from .conftest import KD

Write = Callable[..., Path]
ROOT = Path(__file__).parents[2]


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


@pytest.mark.parametrize(
    ('method', 'teacher'),
    [
        ('kd_r18-w16-r18-w2', dict(config='other.py')),
        ('pskd_r18-w2', dict(previous_epoch='memory')),
        ('uskd_r18-w2', None),
    ],
)
def test_the_teacher_of_a_comparison_takes_no_students_place(
    method: str, teacher: dict[str, Any] | None
) -> None:
    path = str(ROOT / f'configs/mmpretrain/digits/{method}_20e_digits.py')
    base = load_config('base', path)
    hook = hook_of(student_of('a method', path, base, dict(config='other.py')))
    assert hook is not None
    assert hook.get('teacher') == teacher
    assert local_files(hook) == []


def test_a_method_may_say_that_it_has_no_teacher() -> None:
    base = load_config(
        'base', str(ROOT / 'configs/mmpretrain/digits/resnet18-w2_digits.py')
    )
    uskd = dict(on=['logits', 'module:backbone.layer3'], loss=dict(type='USKDLoss'))
    method = dict(distill=dict(uskd=uskd))
    with pytest.raises(
        ValueError, match='has no teacher; .* or the method teacher=None'
    ):
        student_of('a method', method, base, None)
    cfg = student_of('a method', dict(method, teacher=None), base, None)
    check_student('a method', cfg)


def test_a_method_with_peers_has_them_in_place_of_the_teacher(
    write: Write, student: str, tmp_path: Path
) -> None:
    terms = dict(kd=dict(on='logits', loss=dict(type='KDLoss')))
    weights = tmp_path / 'peer.pth'
    peer = dict(config=student, checkpoint=str(weights))
    path = write(methods={'mutual': dict(peers=[peer], distill=terms)})
    with pytest.raises(
        ValueError, match="'peer0': its checkpoint .* is not there; tra"
    ):
        read_comparison(path)
    peer.pop('checkpoint')
    path = write(methods={'mutual': dict(peers=[peer], distill=terms)})
    hook = hook_of(read_comparison(path).students['mutual'])
    assert hook is not None
    assert (hook['peers'], hook['teacher']) == ([peer], None)
    peer['checkpoint'] = str(weights)
    assert local_files(dict(peers=[peer])) == [weights]
