"""The command line, run as a user runs it, with the libraries' own tools beside it."""

from __future__ import annotations

import json
import pickle
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mmdet
import pytest
import torch
from mmengine.config import Config

from ..processes import ROOT, run_script

pytestmark = pytest.mark.slow

MMDET_TOOLS = Path(mmdet.__file__).parent / '.mim' / 'tools'


def call(*command: Any, status: int = 0, fresh: bool = False) -> str:
    done = run_script(*command, fresh=fresh)
    assert done.returncode == status, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout + done.stderr


def metrics(work_dir: Path) -> dict[str, float]:
    (log,) = work_dir.glob('*/*.json')
    return {k: v for k, v in json.loads(log.read_text()).items() if 'bbox' in k}


@pytest.fixture(scope='module')
def student(
    detector_config: Callable[..., Config], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A stock student in a file, without the hook and without our import."""
    folder = tmp_path_factory.mktemp('student')
    cfg = detector_config(folder / 'unused')
    cfg.pop('work_dir')
    cfg.pop('custom_imports')
    # so that an untrained detector finds something
    cfg.model.test_cfg.rcnn.update(score_thr=0.0, max_per_img=1000)
    cfg.dump(folder / 'student.py')
    return folder / 'student.py'


@pytest.fixture(scope='module')
def distilled(
    student: Path,
    detector_teacher: dict[str, Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """The work dir of that student, distilled by the shortest command."""
    work_dir = tmp_path_factory.mktemp('distilled')
    teacher = ('--teacher', detector_teacher['config'])
    weights = ('--teacher-checkpoint', detector_teacher['checkpoint'])
    command = ('tools/train.py', student, *teacher, *weights, '--work-dir', work_dir)
    call(*command, fresh=True)
    return work_dir


def test_a_stock_config_is_distilled_by_one_option(distilled: Path) -> None:
    dumped = Config.fromfile(distilled / 'ckd_student.py')
    (hook,) = dumped.custom_hooks
    assert hook.distill.ckd.loss.type == 'CKDLoss'
    log = next(distilled.glob('*/vis_data/scalars.json')).read_text()
    assert 'loss_ckd' in log and 'ckd_retrieval_accuracy' in log


def test_mmdetections_own_test_tool_gives_the_same_metrics_on_the_stock_config(
    distilled: Path, student: Path, tmp_path: Path
) -> None:
    checkpoint = distilled / 'epoch_1.pth'
    tools = {
        'ours': ('tools/test.py', distilled / 'ckd_student.py'),
        'theirs': (MMDET_TOOLS / 'test.py', student),
    }
    found = {}
    for name, (tool, config) in tools.items():
        out = tmp_path / f'{name}.pkl'
        where = ('--work-dir', tmp_path / name, '--out', out)
        call(tool, config, checkpoint, *where, fresh=name == 'ours')
        found[name] = metrics(tmp_path / name), pickle.loads(out.read_bytes())
    (ours, our_images), (theirs, their_images) = found['ours'], found['theirs']
    assert ours == theirs
    assert ours['coco/bbox_mAP_50'] > 0
    for our, their in zip(our_images, their_images, strict=True):
        assert len(our['pred_instances']['scores']) > 0
        for key, value in our['pred_instances'].items():
            assert torch.equal(value, their['pred_instances'][key]), key


def test_test_time_augmentation_gives_the_same_metrics_as_well(
    distilled: Path, student: Path, tmp_path: Path
) -> None:
    tools = {
        'ours': ('tools/test.py', distilled / 'ckd_student.py'),
        'theirs': (MMDET_TOOLS / 'test.py', student),
    }
    for name, command in tools.items():
        where = ('--work-dir', tmp_path / name, '--tta')
        call(*command, distilled / 'epoch_1.pth', *where)
    assert metrics(tmp_path / 'ours') == metrics(tmp_path / 'theirs')


def test_mmdetections_own_train_tool_runs_a_distillation_config(
    distilled: Path, tmp_path: Path
) -> None:
    config = distilled / 'ckd_student.py'
    call(MMDET_TOOLS / 'train.py', config, '--work-dir', tmp_path)
    ours = torch.load(distilled / 'epoch_1.pth', weights_only=False)['state_dict']
    theirs = torch.load(tmp_path / 'epoch_1.pth', weights_only=False)['state_dict']
    for name, value in ours.items():
        assert torch.equal(value, theirs[name]), name


def test_options_reach_the_library_and_the_hook(
    distilled: Path, tmp_path: Path
) -> None:
    config = distilled / 'ckd_student.py'
    options = (
        'train_cfg.max_epochs=2',
        'custom_hooks.0.distill.ckd.loss.temperature=0.5',
    )
    arguments = ('--work-dir', tmp_path, '--auto-scale-lr', '--cfg-options')
    call('tools/train.py', config, *arguments, *options)
    dumped = Config.fromfile(tmp_path / 'ckd_student.py')
    assert dumped.custom_hooks[0].distill.ckd.loss.temperature == 0.5
    assert dumped.auto_scale_lr.enable
    out = call('tools/train.py', config, '--work-dir', tmp_path, '--resume')
    assert 'resumed epoch: 2' in out


def test_amp_reaches_the_library(distilled: Path, tmp_path: Path) -> None:
    """MMEngine's AmpOptimWrapper refuses to be built without an accelerator."""
    config, status = distilled / 'ckd_student.py', int(not torch.cuda.is_available())
    call('tools/train.py', config, '--work-dir', tmp_path, '--amp', status=status)
    dumped = Config.fromfile(tmp_path / 'ckd_student.py')
    assert dumped.optim_wrapper.type == 'AmpOptimWrapper'


def test_an_impossible_distillation_is_one_line_of_error(
    student: Path, tmp_path: Path
) -> None:
    out = call(
        'tools/train.py', student, '--teacher', 'x.py', '--method', 'ofd', status=2
    )
    assert "invalid choice: 'ofd'" in out


def test_options_of_a_teacher_need_one(student: Path) -> None:
    """Without it, the student alone would train, and nobody would notice."""
    train = ('tools/train.py', student)
    given = call(*train, '--method', 'kd', status=2)
    assert 'error: --method is for a teacher, which --teacher names' in given
    given = call(*train, '--teacher-checkpoint', 'x.pth', status=2)
    assert '--teacher-checkpoint is for a teacher' in given


def test_a_config_of_neither_library_is_refused(tmp_path: Path) -> None:
    (tmp_path / 'c.py').write_text("default_scope = 'mmseg'")
    out = call('tools/train.py', tmp_path / 'c.py', status=1)
    assert "default_scope='mmseg', expected one of ('mmdet', 'mmpretrain')" in out


def test_the_shell_tools_say_how_they_are_used() -> None:
    for tool in ('dist_train.sh', 'dist_test.sh', 'slurm_train.sh'):
        done = subprocess.run(
            ['bash', ROOT / 'tools' / tool], capture_output=True, text=True
        )
        assert done.returncode == 2
        assert f'tools/{tool}' in done.stderr
