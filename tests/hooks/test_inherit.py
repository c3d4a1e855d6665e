"""A student that starts from its teacher's neck and heads, through the real runner."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from torch import Tensor

from ckd_mm.hooks import DistillationHook

from ..tasks import weights

Make = Callable[..., Config]
TERM = dict(on='neck', loss=dict(type='ATLoss'))
HEADS = ['neck', 'rpn_head', 'roi_head']


@pytest.fixture(scope='module')
def teacher(
    detector_config: Make,
    teacher_of: Callable[[Config], dict[str, Any]],
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Any]:
    """As wide as the student."""
    return teacher_of(detector_config(tmp_path_factory.mktemp('unused')))


@pytest.fixture(scope='module')
def make(detector_config: Make, teacher: dict[str, Any]) -> Make:
    """A run that leaves its weights as they are at the start."""

    def config(folder: Path, inherit: Any = HEADS, **options: Any) -> Config:
        hook = dict(
            type='DistillationHook',
            teacher=options.pop('teacher', teacher),
            distill=dict(at=TERM),
            inherit=inherit,
        )
        cfg = detector_config(folder, custom_hooks=[hook], **options)
        cfg.optim_wrapper.optimizer = dict(type='SGD', lr=0.0)
        return cfg

    return config


def of_file(teacher: dict[str, Any]) -> dict[str, Tensor]:
    return torch.load(teacher['checkpoint'])['state_dict']


def equal_to(state: dict[str, Tensor], other: dict[str, Tensor]) -> set[str]:
    """The modules of the detector of which all weights are equal."""
    names = {name for name in state if 'running' not in name and 'num_' not in name}
    differ = {
        name.split('.')[0] for name in names if not state[name].equal(other[name])
    }
    return {name.split('.')[0] for name in names} - differ


def log_of(runner: Runner) -> str:
    (path,) = Path(runner.log_dir).glob('*.log')
    return path.read_text()


def test_the_student_starts_from_the_modules_that_are_named(
    make: Make, run: Callable[[Config], Runner], teacher: dict[str, Any], tmp_path: Path
) -> None:
    runner = run(make(tmp_path, ['neck', 'rpn_head']))
    assert equal_to(weights(runner), of_file(teacher)) == {'neck', 'rpn_head'}
    log = log_of(runner)
    for name, one in weights(runner).items():
        said = f'inherit: {name} {tuple(one.shape)}: from the teacher'
        assert (said in log) == name.startswith(('neck.', 'rpn_head.'))


@pytest.fixture(scope='module')
def trained(
    make: Make, run: Callable[[Config], Runner], tmp_path_factory: Any
) -> Runner:
    """A run that inherits nothing."""
    return run(make(tmp_path_factory.mktemp('first'), None))


@pytest.mark.parametrize('resume', [False, True])
def test_a_checkpoint_that_is_loaded_or_resumed_is_kept(
    resume: bool,
    make: Make,
    run: Callable[[Config], Runner],
    trained: Runner,
    teacher: dict[str, Any],
    tmp_path: Path,
) -> None:
    assert equal_to(weights(trained), of_file(teacher)) == set()
    cfg = make(tmp_path, epochs=2 if resume else 1)
    cfg.load_from, cfg.resume = f'{trained.work_dir}/epoch_1.pth', resume
    runner = run(cfg)
    assert equal_to(weights(runner), weights(trained)) == {'backbone', *HEADS}
    assert 'inherit: the student comes from a checkpoint' in log_of(runner)


def start(cfg: Config) -> None:
    """As far as a run goes before its first iteration."""
    runner = Runner.from_cfg(cfg)
    runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    runner._train_loop = runner.build_train_loop(runner._train_loop)
    hook = next(one for one in runner.hooks if isinstance(one, DistillationHook))
    hook.before_train(runner)
    hook._detach(runner)


def test_of_other_widths_what_agrees_is_taken_and_the_rest_is_named(
    make: Make, detector_teacher: dict[str, Any], tmp_path: Path
) -> None:
    cfg = make(tmp_path, ['rpn_head'], teacher=detector_teacher)
    start(cfg)
    (path,) = tmp_path.rglob('*.log')
    log = path.read_text()
    assert 'inherit: rpn_head.rpn_cls.bias (3,): from the teacher' in log
    kept = 'inherit: rpn_head.rpn_cls.weight (3, 32, 1, 1): as it was, the teacher'
    assert f"{kept}'s is (3, 64, 1, 1)" in log
    cfg = make(tmp_path / 'neck', ['neck'], teacher=detector_teacher)
    with pytest.raises(
        ValueError, match="'neck' .*of one shape, and none agrees: neck"
    ):
        start(cfg)


def test_a_module_that_is_not_there_is_refused_with_near_names(
    make: Make, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="the student has none; did you mean 'neck'"):
        start(make(tmp_path, ['nekc']))


def test_heads_of_classes_in_another_order_are_refused_and_the_neck_is_not(
    make: Make, teacher: dict[str, Any], tmp_path: Path
) -> None:
    turned = dict(teacher, classes=[str(number) for number in range(9, -1, -1)])
    with pytest.raises(ValueError, match=r"\['roi_head'\] depend on the classes"):
        start(make(tmp_path, ['neck', 'roi_head'], teacher=turned))
    start(make(tmp_path / 'neck', ['neck', 'rpn_head'], teacher=turned))


TWO = [dict(config='a.py', checkpoint='a.pth'), dict(config='b.py', checkpoint='b.pth')]


@pytest.mark.parametrize(
    ('teacher', 'inherit', 'message'),
    [
        (
            TWO[0],
            'neck',
            r"inherit must be a list of modules .*got \{'parts': 'neck'\}",
        ),
        (TWO[0], [], 'inherit must be a list of modules'),
        (TWO[0], dict(part=['neck']), 'inherit must be a list of modules'),
        (
            TWO,
            ['neck'],
            r'from which of the 2 teachers; write dict\(teacher=NUMBER, parts=',
        ),
        (TWO, dict(teacher=2, parts=['neck']), 'a number of 0 to 1, got 2'),
        (dict(ema=True), ['neck'], 'inherit needs a teacher of a zoo'),
    ],
)
def test_an_option_that_says_nothing_is_refused_when_the_hook_is_built(
    teacher: Any, inherit: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        DistillationHook(teacher=teacher, distill=dict(at=TERM), inherit=inherit)
