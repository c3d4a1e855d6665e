"""A loss with parameters trains along with the student, and leaves it as it was.

FitNet's convolution stands for all of them: whatever MMEngine does to a parameter of
the student, it does to the connector's.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import RUNNERS
from mmengine.runner import FlexibleRunner, Runner
from torch import Tensor

from ckd_mm.hooks import DistillationHook

from ..tasks import Task, differences, weights
from .interruption import SeedEachEpoch

pytestmark = pytest.mark.slow

Train = Callable[[Config], Runner]
PARTS = {
    'detector': ('neck', [32] * 5, [64] * 5),
    'classifier': ('backbone', 64, 128),
}
# The schedulers of the two stock configs, shortened to these runs.
SCHEDULERS = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=3),
    dict(type='MultiStepLR', by_epoch=True, milestones=[1], gamma=0.1),
]


def config(task: Task, work_dir: Path, weight: float = 1.0, **changes: Any) -> Config:
    """Beside CKD, which has no parameters, a FitNet term, which has."""
    on, student, teacher = PARTS[task.name]
    loss = dict(
        type='FitNetLoss',
        student_channels=student,
        teacher_channels=teacher,
        norm=False,  # a BatchNorm sees the halves of a batch apart
        relu=False,
        loss_weight=weight,
    )
    hook = task.hook(weight=weight)
    hook['distill'].pop('dkd')
    hook['distill']['fitnet'] = dict(on=on, loss=loss)
    changes.setdefault('param_scheduler', SCHEDULERS)
    return task.config(work_dir, custom_hooks=[hook], **changes)


def find_hook(runner: Runner) -> DistillationHook:
    return next(hook for hook in runner.hooks if isinstance(hook, DistillationHook))


def connectors(runner: Runner) -> dict[str, Tensor]:
    return find_hook(runner).connectors.modules.state_dict()


def saved(runner: Runner) -> dict[str, Any]:
    path = Path(runner.work_dir) / f'epoch_{runner.max_epochs}.pth'
    return torch.load(path, weights_only=False)


class Rates(Hook):
    """The learning rates, and how far the first connector has moved, step by step."""

    priority = 'LOWEST'

    def __init__(self) -> None:
        self.student: list[float] = []
        self.connector: list[float] = []
        self.moves: list[float] = []

    def before_train_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
        own = next(find_hook(runner).connectors.modules.parameters())
        first = next(p for p in runner.model.parameters() if p.requires_grad)
        for values, wanted in ((self.student, first), (self.connector, own)):
            for group in runner.optim_wrapper.optimizer.param_groups:
                if any(parameter is wanted for parameter in group['params']):
                    values.append(group['lr'])
        self._before = own.detach().clone()

    def after_train_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
        own = next(find_hook(runner).connectors.modules.parameters())
        self.moves.append((own.detach() - self._before).norm().item())


def trained(cfg: Config) -> tuple[Runner, Rates]:
    runner, rates = RUNNERS.build(cfg), Rates()
    runner.register_hook(rates)
    runner.train()
    return runner, rates


@pytest.fixture(scope='module')
def plain(task: Task, tmp_path_factory: Any) -> tuple[Runner, Rates]:
    return trained(config(task, tmp_path_factory.mktemp('plain'), epochs=2))


def test_it_learns_at_the_students_rate_which_schedulers_change(
    plain: tuple[Runner, Rates],
) -> None:
    _, rates = plain
    assert rates.connector == rates.student
    assert len(set(rates.connector)) > 2, 'warm-up and step are seen'
    assert all(move > 0 for move in rates.moves)


def test_the_students_checkpoint_is_the_stock_models(
    task: Task, plain: tuple[Runner, Rates], run: Train, tmp_path: Path
) -> None:
    distilled, _ = plain
    ema = dict(type='EMAHook', momentum=0.1)
    cfg = config(task, tmp_path / 'zero', weight=0.0)
    cfg.custom_hooks.append(ema)
    cfg.train_cfg.val_interval = 1
    stock_cfg = task.config(
        tmp_path / 'stock', custom_hooks=[ema], param_scheduler=SCHEDULERS
    )
    stock_cfg.train_cfg.val_interval = 1
    zero, stock = saved(run(cfg)), saved(run(stock_cfg))
    for key in ('state_dict', 'ema_state_dict'):
        assert differences(stock[key], zero[key]) == {}
    assert set(saved(distilled)['state_dict']) == set(stock['state_dict'])
    assert not hasattr(distilled.model, 'ckd_mm')


def test_its_state_is_saved_beside_the_students(
    plain: tuple[Runner, Rates],
) -> None:
    runner, _ = plain
    state = saved(runner)['ckd_mm']
    assert all(name.startswith('fitnet.') for name in state)
    assert differences(connectors(runner), state) == {}


@pytest.mark.parametrize('runner_type', ['Runner', 'FlexibleRunner'])
def test_a_resumed_run_ends_at_the_same_weights_bit_for_bit(
    task: Task, runner_type: str, tmp_path: Path
) -> None:
    """FlexibleRunner resumes before it calls the hooks' `before_run`."""
    optimizer = dict(type='SGD', lr=0.01, momentum=0.9)  # momentum is resumed too
    ends = []
    for resume in (False, True):
        cfg = config(task, tmp_path / str(resume), epochs=2)
        cfg.runner_type = runner_type
        cfg.optim_wrapper.optimizer = optimizer
        cfg.custom_hooks.append(dict(type=SeedEachEpoch.__name__))
        if resume:
            cfg.resume, cfg.load_from = True, str(tmp_path / 'False/epoch_1.pth')
        runner, rates = trained(cfg)
        assert rates.connector == rates.student
        ends.append((weights(runner), connectors(runner)))
    for whole, resumed in zip(*ends, strict=True):
        assert differences(whole, resumed) == {}


def test_a_checkpoint_of_a_run_without_it_is_not_resumed(
    task: Task, run: Train, tmp_path: Path
) -> None:
    run(task.config(tmp_path / 'stock'))
    cfg = config(task, tmp_path / 'resumed', epochs=2)
    cfg.load_from, cfg.resume = str(tmp_path / 'stock/epoch_1.pth'), True
    with pytest.raises(ValueError, match="does not fit .* expected 'fitnet'"):
        run(cfg)
    cfg.work_dir, cfg.resume = str(tmp_path / 'loaded'), False
    run(cfg)  # as a start it is as good as any


def test_options_for_single_parameters_name_it_ckd_mm(
    task: Task, tmp_path: Path
) -> None:
    cfg = config(task, tmp_path)
    cfg.optim_wrapper.paramwise_cfg = dict(
        custom_keys={'ckd_mm.fitnet': dict(lr_mult=10.0)}
    )
    _, rates = trained(cfg)
    assert rates.connector == pytest.approx([10 * rate for rate in rates.student])


@pytest.mark.parametrize('task', ['classifier'], indirect=True)
def test_layer_wise_decay_takes_it_for_a_part_of_the_head(
    task: Task, tmp_path: Path
) -> None:
    cfg = config(task, tmp_path)
    cfg.model.backbone.depth = 34  # MMPretrain counts no layers of ResNet-18
    cfg.optim_wrapper.update(
        constructor='LearningRateDecayOptimWrapperConstructor',
        paramwise_cfg=dict(layer_decay_rate=0.5),
    )
    runner, rates = trained(cfg)
    (of_head,) = {
        group['lr']
        for group in runner.optim_wrapper.optimizer.param_groups
        if 'head' in group['param_name']
    }
    own = [
        group
        for group in runner.optim_wrapper.optimizer.param_groups
        if 'ckd_mm' in group['param_name']
    ]
    assert len(own) == 2 and {group['lr'] for group in own} == {of_head}
    assert rates.student[-1] < rates.connector[-1]


def test_clipping_takes_the_norm_over_student_and_connectors(
    task: Task, tmp_path: Path
) -> None:
    cfg = config(task, tmp_path, weight=1000.0, param_scheduler=[])
    cfg.optim_wrapper.optimizer = dict(type='SGD', lr=1.0)
    cfg.optim_wrapper.clip_grad = dict(max_norm=1e-3)
    runner = Runner.from_cfg(cfg)
    before: dict[str, Tensor] = {}
    moves: list[float] = []

    class Moves(Hook):
        priority = 'LOWEST'

        def before_train_iter(self, runner: Runner, *args: Any, **kw: Any) -> None:
            before.update((k, v.clone()) for k, v in parameters(runner).items())

        def after_train_iter(self, runner: Runner, *args: Any, **kw: Any) -> None:
            now = parameters(runner)
            steps = [(now[name] - before[name]).flatten() for name in now]
            moves.append(torch.cat(steps).norm().item())

    runner.register_hook(Moves())
    runner.train()
    assert moves == pytest.approx([1e-3] * len(moves), rel=1e-2)


def parameters(runner: Runner) -> dict[str, Tensor]:
    both = {**dict(runner.model.named_parameters())}
    both.update(find_hook(runner).connectors.modules.named_parameters())
    return {name: value.detach() for name, value in both.items()}


@pytest.mark.parametrize('task', ['classifier'], indirect=True)
def test_accumulated_gradients_are_those_of_the_whole_batch(
    task: Task, tmp_path: Path
) -> None:
    """All terms are means over images; BatchNorm is kept out of it."""
    ends = []
    for parts in (1, 2):
        cfg = config(task, tmp_path / str(parts), param_scheduler=[])
        cfg.custom_hooks[0].distill.pop('ckd')  # contrasts the images of a part
        cfg.model.backbone.norm_eval = True
        cfg.train_dataloader.batch_size //= parts
        cfg.train_dataloader.dataset.indices = 128
        cfg.optim_wrapper.accumulative_counts = parts
        runner, rates = trained(cfg)
        assert [move > 0 for move in rates.moves[:2]] == [parts == 1, True]
        ends.append(connectors(runner))
    assert differences(*ends, tolerance=1e-4) == {}


@pytest.mark.parametrize('task', ['classifier'], indirect=True)
def test_mixed_precision_gives_nearly_the_same_connector(
    task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mmengine.optim.optimizer.amp_optimizer_wrapper as module

    monkeypatch.setattr(module, 'is_cuda_available', lambda: True)
    ends = []
    for options in ({}, dict(type='AmpOptimWrapper', dtype='bfloat16')):
        cfg = config(task, tmp_path / str(len(options)), param_scheduler=[])
        cfg.optim_wrapper.update(options)
        runner, _ = trained(cfg)
        ends.append(connectors(runner))
    assert all(value.dtype == torch.float32 for value in ends[1].values())
    assert 0 < max(differences(*ends).values()) < 0.05


class OtherStrategy:
    """Stands for the strategies of DeepSpeed and ColossalAI, which are not there."""


def test_what_builds_the_optimizer_in_another_way_is_refused(
    task: Task, tmp_path: Path
) -> None:
    runner = FlexibleRunner.from_cfg(config(task, tmp_path))
    runner.strategy, runner.optim_wrapper = OtherStrategy(), None
    with pytest.raises(ValueError, match='fitnet have param.*with OtherStrategy'):
        find_hook(runner).connectors.join(runner)


@pytest.mark.parametrize('runner_type', ['Runner', 'FlexibleRunner'])
@pytest.mark.parametrize('task', ['classifier'], indirect=True)
def test_a_rate_that_is_scaled_with_the_batch_is_scaled_once(
    task: Task, runner_type: str, tmp_path: Path
) -> None:
    cfg = config(task, tmp_path, param_scheduler=[])
    cfg.runner_type = runner_type
    cfg.auto_scale_lr = dict(enable=True, base_batch_size=128)
    expected = cfg.optim_wrapper.optimizer.lr * 64 / 128
    _, rates = trained(cfg)
    assert rates.student == rates.connector == [pytest.approx(expected)] * 5
