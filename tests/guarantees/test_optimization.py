"""Averaged weights, mixed precision, accumulation, clipping, checkpointing, compiling.

Each runs through MMEngine's own option for it, and ends where it should: at the weights
of a stock run with all terms at weight 0, or at those of the plain distilled run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from mmdet.models import RPNHead
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.optim import AmpOptimWrapper
from mmengine.registry import MODELS, OPTIM_WRAPPERS
from mmengine.runner import Runner
from torch import Tensor, nn

from ckd_mm.registry import LOSSES

from ..tasks import Task, differences, few_to_compile, last_bias, weights

pytestmark = pytest.mark.slow

Train = Callable[[Config], Runner]


def saved(runner: Runner) -> dict[str, Any]:
    path = Path(runner.work_dir) / f'epoch_{runner.max_epochs}.pth'
    return torch.load(path, weights_only=False)


def one_term(task: Task, loss: str = 'KDLoss', **options: Any) -> dict[str, Any]:
    hook = task.hook(**options)
    hook['distill'] = dict(term=dict(on=task.on, loss=dict(type=loss)))
    return hook


def quiet(cfg: Config) -> Config:
    """BatchNorm in eval mode, so that a batch in parts is the sum of its parts."""
    cfg.model.backbone.norm_eval = True
    return cfg


def half(task: Task, work_dir: Path, **wrapper: Any) -> Config:
    cfg = quiet(task.config(work_dir, custom_hooks=[task.hook()]))
    cfg.optim_wrapper.update(wrapper)
    if task.name == 'detector':
        cfg.model.rpn_head.type = 'FloatRPNHead'
        teacher = Config.fromfile(task.teacher['config'])
        for model in (cfg.model, teacher.model):  # mmcv's knows no bfloat16 either
            model.roi_head.bbox_roi_extractor.roi_layer.use_torchvision = True
        cfg.custom_hooks[0].teacher.config = teacher.to_dict()
    return cfg


def first_values(runner: Runner) -> dict[str, float]:
    logged = runner.message_hub.log_scalars
    return {
        key: float(value.data[0][0]) for key, value in logged.items() if 'loss' in key
    }


@pytest.fixture(scope='module')
def plain(task: Task, run: Train, tmp_path_factory: pytest.TempPathFactory) -> Runner:
    """The distilled run that the others are compared with."""
    work_dir = tmp_path_factory.mktemp('plain')
    return run(quiet(task.config(work_dir, custom_hooks=[task.hook()])))


def test_the_averaged_copy_is_the_stock_models_and_has_no_forward_hook(
    task: Task, run: Train, tmp_path: Path
) -> None:
    ema = dict(type='EMAHook', momentum=0.1)
    stock = run(task.config(tmp_path / 'stock', custom_hooks=[ema]))
    cfg = task.config(tmp_path / 'zero', custom_hooks=[task.hook(weight=0.0), ema])
    # validates, which swaps the averaged weights in
    cfg.train_cfg.val_interval = 1
    distilled = run(cfg)
    for key in ('state_dict', 'ema_state_dict'):
        assert differences(saved(stock)[key], saved(distilled)[key]) == {}
    (hook,) = (hook for hook in distilled.hooks if hasattr(hook, 'ema_model'))
    for module in hook.ema_model.modules():
        assert not module._forward_hooks
        assert not module._forward_pre_hooks


@MODELS.register_module()
class FloatRPNHead(RPNHead):
    """Proposals in float32: mmcv's NMS for the CPU knows no half precision."""

    def predict_by_feat(self, cls_scores: Any, bbox_preds: Any, **kwargs: Any) -> Any:
        parts = ([x.float() for x in xs] for xs in (cls_scores, bbox_preds))
        return super().predict_by_feat(*parts, **kwargs)


@OPTIM_WRAPPERS.register_module()
class CPUAmpOptimWrapper(AmpOptimWrapper):
    """MMEngine's wrapper with a loss scaler that works on the CPU."""

    def __init__(self, init_scale: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.loss_scaler = torch.amp.GradScaler('cpu', init_scale=init_scale)


@pytest.fixture
def allow_amp_on_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """MMEngine refuses AmpOptimWrapper without an accelerator."""
    import mmengine.optim.optimizer.amp_optimizer_wrapper as module

    monkeypatch.setattr(module, 'is_cuda_available', lambda: True)


@pytest.mark.usefixtures('allow_amp_on_cpu')
def test_bfloat16_gives_nearly_the_losses_of_float32(
    task: Task, plain: Runner, run: Train, tmp_path: Path
) -> None:
    cfg = half(task, tmp_path, type='AmpOptimWrapper', dtype='bfloat16')
    bfloat16, float32 = first_values(run(cfg)), first_values(plain)
    assert bfloat16.keys() == float32.keys()
    for key in ('train/loss_ckd', 'train/loss_dkd'):
        assert bfloat16[key] != float32[key], 'ran in float32'
        assert bfloat16[key] == pytest.approx(float32[key], rel=0.1)


@pytest.mark.usefixtures('allow_amp_on_cpu')
def test_a_step_that_the_loss_scaler_skips_does_not_stop_the_run(
    task: Task, run: Train, tmp_path: Path
) -> None:
    """As in a stock run with float16, whose first steps overflow."""

    cfg = half(task, tmp_path, type='CPUAmpOptimWrapper', init_scale=2.0**10)
    runner = Runner.from_cfg(cfg)
    runner.register_hook(Overflow())
    runner.train()
    losses, _ = runner.message_hub.get_scalar('train/loss_ckd').data
    assert not torch.isfinite(torch.tensor(losses[0]))
    assert torch.isfinite(torch.tensor(losses[1:])).all()
    assert runner.optim_wrapper.loss_scaler.get_scale() == 2.0**9


@pytest.mark.usefixtures('allow_amp_on_cpu')
def test_a_loss_that_overflows_in_every_step_stops_the_run(
    task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('ckd_mm.engine.finite.MAX_SKIPPED', 1)
    cfg = half(task, tmp_path, type='CPUAmpOptimWrapper', init_scale=2.0**10)
    cfg.custom_hooks[0].distill.ckd.loss.loss_weight = 1e39
    with pytest.raises(FloatingPointError, match="term 'ckd' is inf in iteration 2;"):
        Runner.from_cfg(cfg).train()


class Overflow(Hook):
    """Makes the student's logits infinite in the first step."""

    def before_train_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
        if runner.iter == 0:
            self.bias = last_bias(runner.model)
            self.original = self.bias.clone()
            self.bias.fill_(torch.inf)

    def after_train_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
        if runner.iter == 0:
            assert torch.isinf(self.bias).all(), 'the step was not skipped'
            self.bias.copy_(self.original)


def test_accumulated_half_batches_give_the_whole_batch(
    task: Task, run: Train, tmp_path: Path
) -> None:
    """KD is a mean over rows; CKD is not, as it contrasts the rows of one batch."""
    runs = []
    for counts in (1, 2):
        hook = one_term(task, student_loss_weight=0.0)
        cfg = quiet(task.config(tmp_path / str(counts), custom_hooks=[hook]))
        cfg.optim_wrapper.accumulative_counts = counts
        cfg.param_scheduler = []  # the warm-up counts iterations
        loader = cfg.train_dataloader
        loader.batch_size //= counts
        if task.name == 'classifier':
            loader.dataset.indices = 128
        else:  # all proposals, of which each image has 100, and nothing by chance
            loader.batch_sampler = None
            cfg.model.train_cfg.rcnn.sampler = dict(type='PseudoSampler')
            loader.dataset.pipeline = [
                step for step in loader.dataset.pipeline if step.type != 'RandomFlip'
            ]
        runs.append(weights(run(cfg)))
    assert differences(*runs, tolerance=1e-4) == {}


def test_gradient_clipping_bounds_the_whole_gradient(
    task: Task, run: Train, tmp_path: Path
) -> None:
    hook = task.hook(weight=1000.0)
    cfg = task.config(tmp_path, custom_hooks=[hook])
    cfg.optim_wrapper.optimizer = dict(type='SGD', lr=1.0)
    cfg.optim_wrapper.clip_grad = dict(max_norm=1e-3)
    cfg.param_scheduler = []
    runner = Runner.from_cfg(cfg)
    moves = Moves()
    runner.register_hook(moves)
    runner.train()
    assert all(move == pytest.approx(1e-3, rel=1e-2) for move in moves.norms)


class Moves(Hook):
    """How far each step moves all parameters."""

    def __init__(self) -> None:
        self.norms: list[float] = []

    def before_train_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
        self.before = [p.detach().clone() for p in runner.model.parameters()]

    def after_train_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
        moved = zip(runner.model.parameters(), self.before, strict=True)
        steps = [(new.detach() - old).flatten() for new, old in moved]
        self.norms.append(torch.cat(steps).norm().item())


class MeanDifference(nn.Module):
    """A loss on feature maps of any two sizes."""

    def forward(self, student: Tensor, teacher: Tensor) -> Tensor:
        return (student.mean() - teacher.detach().mean()).square()


@pytest.fixture
def on_layer2(task: Task) -> Iterator[dict[str, Any]]:
    LOSSES.register_module(name='MeanDifference', module=MeanDifference)
    hook = task.hook()
    term = dict(on='module:backbone.layer2', loss=dict(type='MeanDifference'))
    hook['distill']['feature'] = term
    yield hook
    LOSSES.module_dict.pop('MeanDifference')


def test_activation_checkpointing_changes_nothing(
    task: Task, run: Train, on_layer2: dict[str, Any], tmp_path: Path
) -> None:
    """It runs modules twice; the recorders note the first time only."""
    ends = []
    for modules in (None, ['backbone.layer2', 'backbone.layer3']):
        work_dir = tmp_path / str(modules)
        cfg = quiet(task.config(work_dir, custom_hooks=[on_layer2]))
        cfg.activation_checkpointing = modules
        ends.append(weights(run(cfg)))
    assert differences(*ends, tolerance=1e-5) == {}


def test_a_tap_without_a_gradient_is_refused(
    task: Task, on_layer2: dict[str, Any], tmp_path: Path
) -> None:
    """Inside checkpointing with re-entrance nothing that is noted has a graph."""
    on_layer2['distill']['feature']['on'] = 'module:backbone.layer2.0.conv2'
    cfg = task.config(tmp_path, custom_hooks=[on_layer2])
    cfg.activation_checkpointing = ['backbone.layer2']
    with pytest.raises(ValueError, match="'backbone.layer2.0.conv2' has no gradient"):
        Runner.from_cfg(cfg).train()


@pytest.mark.filterwarnings('ignore')
@pytest.mark.parametrize(
    'task',
    ['classifier', pytest.param('detector', marks=pytest.mark.sweep)],
    indirect=True,
)
def test_a_compiled_train_step_gives_the_same_weights(
    task: Task, run: Train, tmp_path: Path
) -> None:
    found = []
    for compile_ in (None, dict(backend='eager')):
        work_dir = tmp_path / str(bool(compile_))
        cfg = quiet(task.config(work_dir, custom_hooks=[task.hook()]))
        found.append(weights(run(few_to_compile(cfg, compile_))))
    torch.compiler.reset()
    assert differences(*found, tolerance=1e-4) == {}


def test_channels_last_gives_nearly_the_same_losses(
    task: Task, plain: Runner, tmp_path: Path
) -> None:
    class ChannelsLast(Hook):
        def before_train(self, runner: Runner) -> None:
            runner.model.to(memory_format=torch.channels_last)

    cfg = quiet(task.config(tmp_path, custom_hooks=[task.hook()]))
    runner = Runner.from_cfg(cfg)
    runner.register_hook(ChannelsLast())
    runner.train()
    conv = runner.model.backbone.conv1.weight
    assert conv.is_contiguous(memory_format=torch.channels_last)
    got, expected = first_values(runner), first_values(plain)
    for key in ('train/loss', 'train/loss_ckd'):  # the RoIs are chosen by chance
        assert got[key] == pytest.approx(expected[key], rel=0.01), key
