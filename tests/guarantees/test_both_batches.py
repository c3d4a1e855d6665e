"""One term on both batches: DHO's second head, against a loop written by hand."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor

from ckd_mm.hooks import DistillationHook

from ..tasks import differences, teacher_model
from ..tools.dho import dho
from .test_unlabelled import _note_batches

pytestmark = pytest.mark.slow
Make = Callable[..., Config]
ITERS = 3
TEMPERATURE = 2.0


class Steps(Hook):
    """What a run starts from, and the labelled batches that it sees."""

    priority = 'VERY_LOW'

    def before_train(self, runner: Runner) -> None:
        self.hook = next(
            one for one in runner.hooks if isinstance(one, DistillationHook)
        )
        self.student = deepcopy(runner.model)  # without the hook's forward hooks
        for module in self.student.modules():
            module._forward_hooks.clear()
            module._forward_pre_hooks.clear()
        self.layer: Any = deepcopy(self.hook.connectors.modules['dho'].linear)
        self.teacher = deepcopy(teacher_model(self.hook))
        self.batches: list[tuple[Tensor, Tensor]] = []

    def after_train_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
        data = runner.model.data_preprocessor(deepcopy(kwargs['data_batch']), True)
        labels = torch.cat([one.gt_label for one in data['data_samples']])
        self.batches.append((data['inputs'], labels))
        self.logged = runner.message_hub.log_scalars


def configured(make: Make, teacher: Any, folder: Path, work_dir: Path) -> Config:
    cfg = make(work_dir, custom_hooks=[dho(teacher, folder)])
    cfg.train_dataloader.update(
        batch_size=8, sampler=dict(type='InfiniteSampler', shuffle=True)
    )
    cfg.train_cfg = dict(type='IterBasedTrainLoop', max_iters=ITERS)
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    cfg.default_hooks.logger.interval = 1
    cfg.param_scheduler = None
    return cfg


def kd(layer: Any, embedding: Tensor, teacher: Tensor) -> Tensor:
    given, wanted = layer(embedding) / TEMPERATURE, teacher / TEMPERATURE
    rows = F.kl_div(
        given.log_softmax(1), wanted.log_softmax(1), reduction='none', log_target=True
    ).sum(1)
    return TEMPERATURE**2 * rows.mean()


def by_hand(steps: Steps, unlabelled: list[Tensor], settings: Any) -> list[Tensor]:
    """Train the copies; the loss of the second head in each step."""
    student, layer = steps.student.train(), steps.layer
    options = {key: one for key, one in settings.items() if key != 'type'}
    optimizer = torch.optim.SGD([*student.parameters(), *layer.parameters()], **options)
    losses = []
    for (images, labels), more in zip(steps.batches, unlabelled, strict=True):
        (embedding,) = student.extract_feat(images)
        own = F.cross_entropy(student.head.fc(embedding), labels)
        (other,) = student.extract_feat(more)
        with torch.no_grad():
            answers = [steps.teacher(one, mode='tensor') for one in (images, more)]
        second = torch.stack(
            [
                kd(layer, rows, answer)
                for rows, answer in zip((embedding, other), answers, strict=True)
            ]
        ).sum()
        optimizer.zero_grad()
        (own + second).backward()
        optimizer.step()
        losses.append(second.detach())
    return losses


def test_a_run_is_the_loop_written_by_hand(
    classifier_config: Make, classifier_teacher: Any, digit_scenes: Path, tmp_path: Path
) -> None:
    """Weights, statistics of BatchNorm, the one second head, and the logged loss."""
    folder = digit_scenes / 'train'
    cfg = configured(classifier_config, classifier_teacher, folder, tmp_path)
    runner, steps = Runner.from_cfg(cfg), Steps()
    unlabelled: list[Tensor] = []
    runner.register_hook(steps)
    hook = next(one for one in runner.hooks if isinstance(one, DistillationHook))
    _note_batches(hook._unlabelled, unlabelled)
    runner.train()
    assert [len(one) for one in unlabelled] == [12] * ITERS
    losses = by_hand(steps, unlabelled, cfg.optim_wrapper.optimizer)
    assert not differences(
        steps.student.state_dict(), runner.model.state_dict(), tolerance=1e-5
    )
    second: Any = hook.connectors.modules['dho']
    assert not differences(
        steps.layer.state_dict(), second.linear.state_dict(), tolerance=1e-5
    )
    logged = steps.logged['train/loss_dho'].data[0]
    assert logged == pytest.approx([one.item() for one in losses], rel=1e-5)
    for name in ('dho_top1_agreement', 'dho_unlabelled_top1_agreement'):
        assert 0 <= steps.logged[f'train/{name}'].current() <= 1


def test_js_learns_both_batches_without_any_label(
    classifier_config: Make, classifier_teacher: Any, digit_scenes: Path, tmp_path: Path
) -> None:
    """SSLD: no loss of the student's own runs, and its head learns all the same."""
    folder = digit_scenes / 'train'
    cfg = configured(classifier_config, classifier_teacher, folder, tmp_path)
    (made,) = cfg.custom_hooks
    made.distill = dict(ssld=dict(on='logits', data='both', loss=dict(type='JSLoss')))
    made.student_loss_weight = 0
    runner = Runner.from_cfg(cfg)
    before = deepcopy(runner.model.head.fc.weight)
    runs: list[int] = []
    runner.model.backbone.register_forward_hook(
        lambda module, args, output: runs.append(len(args[0]))
    )
    runner.train()
    logged = runner.message_hub.log_scalars
    assert logged['train/loss'].data[0] == pytest.approx(
        logged['train/loss_ssld'].data[0]
    )
    assert runs == [8, 12] * ITERS
    assert not torch.equal(before, runner.model.head.fc.weight)
