"""What a comparison's config may say, and what is refused before any training."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config
from mmengine.registry import DefaultScope

from ckd_mm.commands.fill_cache import cache_teacher
from ckd_mm.compare import Comparison, plan, read_comparison

from .conftest import CKD, KD

Write = Callable[..., Path]


def hook(comparison: Comparison, method: str) -> Any:
    (found,) = comparison.students[method].custom_hooks
    assert found.type == 'DistillationHook'
    return found


def test_the_student_alone_comes_first_and_has_no_hook(write: Write) -> None:
    comparison = read_comparison(write())
    assert list(comparison.students) == ['student alone', 'KD', 'CKD']
    assert not comparison.students['student alone'].get('custom_hooks')
    assert comparison.departures() == {}


def test_a_method_is_what_the_hook_takes_beside_the_teacher(
    write: Write, content: dict[str, Any]
) -> None:
    comparison = read_comparison(write())
    assert hook(comparison, 'KD').distill.kd.loss.type == 'KDLoss'
    assert hook(comparison, 'KD').student_loss_weight == 0.1
    assert dict(hook(comparison, 'CKD').teacher) == content['teacher']


def test_a_list_of_presets_is_enough(write: Write) -> None:
    comparison = read_comparison(write(methods=['ckd', 'dist']))
    assert list(comparison.students) == ['student alone', 'ckd', 'dist']
    assert hook(comparison, 'dist').distill.dist.loss.type == 'DISTLoss'


def test_a_config_is_used_as_it_is_with_the_comparisons_teacher(
    write: Write, tmp_path: Path, student: str, content: dict[str, Any]
) -> None:
    own = dict(config='own.py', checkpoint='own.pth')
    (tmp_path / 'mine.py').write_text(
        f'_base_ = {student!r}\n'
        f"custom_hooks = [dict(type='DistillationHook', teacher={own}, distill={KD})]\n"
        'train_cfg = dict(max_epochs=7)\n'
    )
    comparison = read_comparison(write(methods=[str(tmp_path / 'mine.py')]))
    assert comparison.students['mine'].train_cfg.max_epochs == 7
    assert dict(hook(comparison, 'mine').teacher) == content['teacher']
    assert comparison.departures() == {'mine': ['train_cfg']}


def test_a_detector_of_the_zoo_needs_no_file_of_its_own(
    write: Write, tmp_path: Path
) -> None:
    base = 'mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py'
    teacher = dict(ema=True)
    comparison = read_comparison(
        write(base=base, methods=['ckd'], metric='coco/bbox_mAP', teacher=teacher)
    )
    assert hook(comparison, 'ckd').distill.ckd.on == 'roi_logits'
    run = plan(comparison, tmp_path)[1]
    run.folder.mkdir(parents=True)
    written = Config.fromfile(run.write_config())
    assert written.default_scope == 'mmdet'
    assert written.model.to_dict() == run.cfg.model.to_dict()


def test_options_change_every_run_and_imports_reach_them(write: Write) -> None:
    comparison = read_comparison(
        write(
            cfg_options={'train_cfg.max_epochs': 3},
            custom_imports=dict(imports=['json']),
        ),
        {'seeds': [5]},
    )
    assert comparison.seeds == [5]
    for cfg in comparison.students.values():
        assert cfg.train_cfg.max_epochs == 3
        assert cfg.custom_imports['imports'] == ['ckd_mm', 'json']
    assert comparison.departures() == {}


def test_own_variables_start_with_an_underscore(write: Write) -> None:
    read_comparison(write(_weight=1.0))
    with pytest.raises(ValueError, match="has no 'weight'"):
        read_comparison(write(weight=1.0))


MISTAKES: list[tuple[dict[str, Any], str]] = [
    (dict(method=['ckd']), "has no 'method'; did you mean 'methods'"),
    (dict(metric=None), "lacks 'metric'"),
    (dict(metric=1), 'metric must be the name of a validation metric'),
    (dict(more_metrics='top5'), "more_metrics must be a list .* got 'top5'"),
    (dict(seeds=3), r'seeds must be a list such as \[0, 1, 2\], got 3'),
    (dict(seeds=[]), 'seeds must be a list'),
    (dict(seeds=[0, 1, 0]), r'seeds must differ, got \[0, 1, 0\]'),
    (dict(seeds=[0, -1]), 'a seed must be an integer >= 0, got -1'),
    (dict(seeds=[True]), 'a seed must be an integer >= 0, got True'),
    (dict(base='nowhere.py'), "base: 'nowhere.py' cannot be read: FileNotFoundError"),
    (dict(base=3), 'base must be the path of a config, or a dict .* got 3'),
    (dict(base={}), 'base must have at least one entry'),
    (dict(base=dict(few=dict(cfg='a.py'))), "base 'few' has no 'cfg'"),
    (dict(groups=dict(all=['kd'])), "group 'all' has 'kd', which is no method"),
    (
        dict(methods=dict(kd=dict(first=3))),
        "first of method 'kd' must be the path of a config, or a dict .* got 3",
    ),
    (
        dict(methods=dict(kd=dict(first=dict(distill=KD)))),
        "first of method 'kd' must be the path of a config",
    ),
    (dict(methods={}), 'at least one entry'),
    (dict(methods='ckd'), "methods must be a dict or a list, got 'ckd'"),
    (dict(methods=['dks']), "method 'dks': unknown method 'dks'; did you mean 'dkd'"),
    (dict(methods=['a/kd.py', 'b/kd.py']), 'two methods have one name'),
    (dict(methods=[dict(distill=KD)]), 'give .* a name'),
    (dict(methods={'Student alone': dict(distill=KD)}), "differ .* 'student alone'"),
    (dict(methods={'a, b': 'ckd', 'a b': 'ckd'}), r"got \['a, b', 'a b'\]"),
    (dict(methods=dict(kd=dict(distil=KD))), "method 'kd' must be a dict with distill"),
    (
        dict(methods=dict(kd=dict(distill=KD, student_weight=1))),
        "no option 'student_weight'; did you mean 'student_loss_weight'",
    ),
    (
        dict(methods=dict(kd=dict(distill=dict(kd=dict(on='logits'))))),
        "method 'kd': distill term 'kd' lacks 'loss'",
    ),
    (dict(methods=dict(kd='nowhere.py')), "method 'kd': 'nowhere.py' cannot be read"),
    (dict(teacher=dict(confg='a.py')), "'KD': teacher has no option 'confg'"),
    (dict(teacher=None), "method 'KD' has no teacher; give the comparison a teacher"),
    (dict(cfg_options=dict(val_evaluator=None)), 'the config has no val_evaluator, so'),
    (dict(cfg_options=dict(val_cfg=None)), 'the config has no val_cfg, so'),
    (dict(cfg_options=dict(default_scope='mmseg')), "default_scope='mmseg', expected"),
]


@pytest.mark.parametrize(
    ('changes', 'message'), MISTAKES, ids=[message for _, message in MISTAKES]
)
def test_a_mistake_is_refused(
    write: Write, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        read_comparison(write(**changes))


def test_a_base_that_distils_is_refused(
    write: Write, tmp_path: Path, student: str, content: dict[str, Any]
) -> None:
    hooks = [dict(type='DistillationHook', teacher=content['teacher'], distill=CKD)]
    (tmp_path / 'base.py').write_text(
        f'_base_ = {student!r}\ncustom_hooks = {hooks!r}\n'
    )
    with pytest.raises(ValueError, match='has a DistillationHook; give the config of'):
        read_comparison(write(base=str(tmp_path / 'base.py')))


def test_a_teacher_without_a_checkpoint_gets_the_command_that_makes_it(
    write: Write, content: dict[str, Any]
) -> None:
    teacher = dict(content['teacher'], checkpoint='work_dirs/big/epoch_2.pth')
    command = f'python tools/train.py {teacher["config"]} --work-dir work_dirs/big'
    with pytest.raises(ValueError, match=f'is not there; train .* first: {command}'):
        read_comparison(write(teacher=teacher))
    teacher.pop('checkpoint')
    with pytest.raises(ValueError, match='has no checkpoint'):
        read_comparison(write(teacher=teacher))


def test_a_teacher_with_other_weights_is_refused(
    write: Write, content: dict[str, Any], student: str
) -> None:
    teacher = dict(content['teacher'], config=student)
    with pytest.raises(ValueError, match='does not hold the weights'):
        read_comparison(write(teacher=teacher))


def test_several_teachers_are_all_tried(write: Write, content: dict[str, Any]) -> None:
    good = content['teacher']
    both = [good, dict(good, weight=2.0)]
    comparison = read_comparison(write(teacher=both))
    assert len(hook(comparison, 'KD').teacher) == 2
    with pytest.raises(ValueError, match=r"'gone\.pth' is not there"):
        read_comparison(write(teacher=[good, dict(good, checkpoint='gone.pth')]))


def test_a_teacher_that_names_no_scope_is_tried_in_its_students(
    write: Write, content: dict[str, Any]
) -> None:
    model = Config.fromfile(content['teacher']['config']).model.to_dict()
    with DefaultScope.overwrite_default_scope('mmdet'):
        read_comparison(write(teacher=dict(content['teacher'], config=model)))


def folders(comparison: Comparison) -> dict[str, Path]:
    return {run.title: run.folder for run in plan(comparison, Path('work'))}


def test_seeds_come_one_after_the_other_and_reach_the_configs(write: Write) -> None:
    runs = plan(read_comparison(write()), Path('work'))
    assert [run.seed for run in runs] == [0, 0, 0, 1, 1, 1]
    assert [run.cfg.randomness.seed for run in runs] == [0, 0, 0, 1, 1, 1]
    assert runs[1].folder.parent == Path('work/kd')
    assert len({run.folder for run in runs}) == 6


def test_only_what_has_changed_gets_another_folder(write: Write) -> None:
    before = folders(read_comparison(write()))
    assert folders(read_comparison(write())) == before
    changed = read_comparison(write(), {'methods.KD.student_loss_weight': 0.2})
    after = folders(changed)
    differ = {title for title in before if before[title] != after[title]}
    assert differ == {'KD, seed 0', 'KD, seed 1'}


def test_other_weights_of_the_teacher_change_what_is_distilled(
    write: Write, content: dict[str, Any], tmp_path: Path
) -> None:
    """Under the same name: the config alone would not show it."""
    import torch

    copy = tmp_path / 'teacher.pth'
    shutil.copy(content['teacher']['checkpoint'], copy)
    path = write(teacher=dict(content['teacher'], checkpoint=str(copy)))
    before = folders(read_comparison(path))
    weights = torch.load(copy)
    weights['state_dict']['head.fc.bias'] += 1
    torch.save(weights, copy)
    after = folders(read_comparison(path))
    differ = {title for title in before if before[title] != after[title]}
    assert differ == {title for title in before if 'alone' not in title}


@pytest.fixture(scope='module')
def cache(
    classifier_config: Callable[..., Config],
    classifier_teacher: dict[str, Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """Of the teacher's logits of a few images."""
    folder = tmp_path_factory.mktemp('cache')
    hook = dict(type='DistillationHook', teacher=classifier_teacher, distill=KD)
    cfg = classifier_config(folder, custom_hooks=[hook])
    cfg.train_dataloader.dataset.indices = 8
    cache_teacher(cfg, folder / 'cache')
    return folder / 'cache'


def test_a_cached_teacher_is_opened_and_decides_on_the_folders(
    write: Write, cache: Path, tmp_path: Path
) -> None:
    copy = tmp_path / 'cache'
    shutil.copytree(cache, copy)
    path = write(teacher=dict(cache=str(copy)))
    before = folders(read_comparison(path))
    manifest = json.loads((copy / 'cache.json').read_text())
    manifest['teacher']['weights'] = 'others'
    (copy / 'cache.json').write_text(json.dumps(manifest))
    after = folders(read_comparison(path))
    differ = {title for title in before if before[title] != after[title]}
    assert differ == {title for title in before if 'alone' not in title}


def test_a_cache_that_is_not_there_or_not_whole_is_refused(
    write: Write, cache: Path, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="'gone' is no cache of a teacher"):
        read_comparison(write(teacher=dict(cache='gone')))
    copy = tmp_path / 'cache'
    shutil.copytree(cache, copy)
    next(copy.rglob('*.safetensors')).unlink()
    with pytest.raises(ValueError, match='is damaged: .* is missing'):
        read_comparison(write(teacher=dict(cache=str(copy))))


def test_the_config_of_a_run_adds_the_record_and_nothing_else(
    write: Write, tmp_path: Path
) -> None:
    run = plan(read_comparison(write()), tmp_path)[1]
    run.folder.mkdir(parents=True)
    written = Config.fromfile(run.write_config())
    assert written.custom_hooks.pop().type == 'RecordHook'
    assert Path(written.pop('work_dir')) == run.folder
    assert written.to_dict() == run.cfg.to_dict()
