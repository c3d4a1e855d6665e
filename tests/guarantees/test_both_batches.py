"""Terms on images without labels, or on both batches, against a loop by hand."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import Tensor, nn

from ckd_mm.hooks import DistillationHook

from ..tasks import differences
from ..tools.dho import TERM, dho
from .steps import Steps, loaded
from .test_unlabelled import _note_batches

pytestmark = pytest.mark.slow
Make = Callable[..., Config]
ITERS = 3
TEMPERATURE = 2.0


@dataclass
class Method:
    """A term, what is minimised of the labels, and the term by hand.

    Args:
        term: As of a config.
        of_student: Multiplies the student's own loss.
        by_hand: The loss of a batch, of what learns beside the student or nothing, of
            its embeddings and logits, and of the teacher's logits.
        tolerance: Rounding, as a share of the largest value of a tensor.
    """

    term: dict[str, Any]
    of_student: float
    by_hand: Callable[[Any, Tensor, Tensor, Tensor], Tensor]
    tolerance: float = 1e-5


def kd(given: Tensor, wanted: Tensor) -> Tensor:
    given, wanted = given / TEMPERATURE, wanted / TEMPERATURE
    return TEMPERATURE**2 * divergence(wanted.log_softmax(1), given.log_softmax(1))


def js(given: Tensor, wanted: Tensor) -> Tensor:
    """Of two models that are near each other most digits cancel."""
    given, wanted = given.double(), wanted.double()
    middle = (given.softmax(1) + wanted.softmax(1)).div(2).log()
    both = [divergence(one.log_softmax(1), middle) for one in (given, wanted)]
    return (both[0] + both[1]) / 2


def divergence(wanted: Tensor, given: Tensor) -> Tensor:
    """KL of rows of log-probabilities."""
    return (wanted.exp() * (wanted - given)).sum(1).mean()


METHODS = {
    'dho': Method(TERM, 1.0, lambda more, x, logits, t: kd(more.linear(x), t)),
    'ssld': Method(
        dict(on='logits', data='both', loss=dict(type='JSLoss')),
        0.0,
        lambda more, x, logits, t: js(logits, t),
        tolerance=1e-3,
    ),
    'kd': Method(
        dict(
            on='logits',
            data='unlabelled',
            loss=dict(type='KDLoss', temperature=TEMPERATURE),
        ),
        1.0,
        lambda more, x, logits, t: kd(logits, t),
    ),
}


def configured(
    method: Method, make: Make, teacher: Any, folder: Path, work_dir: Path
) -> Config:
    hook = dho(teacher, folder)
    hook['distill'] = dict(term=deepcopy(method.term))
    hook['student_loss_weight'] = method.of_student
    cfg = make(work_dir, custom_hooks=[hook])
    cfg.train_dataloader.update(
        batch_size=8, sampler=dict(type='InfiniteSampler', shuffle=True)
    )
    cfg.train_cfg = dict(type='IterBasedTrainLoop', max_iters=ITERS)
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    cfg.default_hooks.logger.interval = 1
    cfg.param_scheduler = None
    return cfg


def train_by_hand(
    method: Method,
    steps: Steps,
    teacher: BaseModel,
    unlabelled: list[Tensor],
    settings: Any,
) -> list[Tensor]:
    """Train the copies; the loss of the term in each step."""
    student, layer = steps.student.train(), steps.losses.get('term')
    options = {key: one for key, one in settings.items() if key != 'type'}
    models = nn.ModuleList([student] if layer is None else [student, layer])
    optimizer = torch.optim.SGD(models.parameters(), **options)
    losses = []
    for (images, labels), more in zip(steps.batches, unlabelled, strict=True):
        of_batches = []
        for batch in (images, more):
            (embedding,) = student.extract_feat(batch)
            logits = student.head.fc(embedding)
            with torch.no_grad():
                answers = teacher(batch, mode='tensor')
            of_batches.append(method.by_hand(layer, embedding, logits, answers))
            if batch is images:
                own = method.of_student * F.cross_entropy(logits, labels)
        is_both = method.term['data'] == 'both'
        of_term = torch.stack(of_batches).sum() if is_both else of_batches[1]
        optimizer.zero_grad()
        (own + of_term).backward()
        optimizer.step()
        losses.append(of_term.detach())
    return losses


@pytest.mark.parametrize('name', METHODS)
def test_a_run_is_the_loop_written_by_hand(
    name: str,
    classifier_config: Make,
    classifier_teacher: Any,
    digit_scenes: Path,
    tmp_path: Path,
) -> None:
    """Weights, statistics of BatchNorm, the one second head, and the logged loss."""
    method = METHODS[name]
    folder = digit_scenes / 'train'
    cfg = configured(method, classifier_config, classifier_teacher, folder, tmp_path)
    runner, steps = Runner.from_cfg(cfg), Steps()
    runner.register_hook(steps)
    hook = next(one for one in runner.hooks if isinstance(one, DistillationHook))
    unlabelled: list[Tensor] = []
    _note_batches(hook._unlabelled, unlabelled)
    runner.train()
    assert [len(one) for one in unlabelled] == [12] * ITERS
    teacher, settings = loaded(classifier_teacher), cfg.optim_wrapper.optimizer
    losses = train_by_hand(method, steps, teacher, unlabelled, settings)
    for expected, found in (
        (steps.student, runner.model),
        (nn.ModuleDict(steps.losses), nn.ModuleDict(dict(hook.connectors.modules))),
    ):
        one, two = expected.state_dict(), found.state_dict()
        assert differences(one, two, tolerance=method.tolerance) == {}
    logged = steps.logged['train/loss_term'].data[0]
    assert logged == pytest.approx([one.item() for one in losses], rel=method.tolerance)
    for agreement in [one for one in steps.logged if one.endswith('agreement')]:
        assert 0 <= steps.logged[agreement].current() <= 1


def test_js_runs_the_student_once_on_each_batch_without_any_label(
    classifier_config: Make, classifier_teacher: Any, digit_scenes: Path, tmp_path: Path
) -> None:
    """SSLD: no loss of the student's own runs."""
    folder = digit_scenes / 'train'
    method = METHODS['ssld']
    cfg = configured(method, classifier_config, classifier_teacher, folder, tmp_path)
    runner = Runner.from_cfg(cfg)
    runs: list[int] = []
    runner.model.backbone.register_forward_hook(
        lambda module, args, output: runs.append(len(args[0]))
    )
    runner.train()
    logged = runner.message_hub.log_scalars
    assert logged['train/loss'].data[0] == pytest.approx(
        logged['train/loss_term'].data[0]
    )
    assert runs == [8, 12] * ITERS
