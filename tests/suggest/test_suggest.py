"""What a short run measures, against gradients by hand, and what it leaves alone."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import Tensor
from torch.nn import functional

from ckd_mm.suggest import Proposal, suggest
from ckd_mm.teachers.loading.build import build_teacher

from ..processes import run_script
from ..tasks import Task

Make = Callable[..., Config]


def hook_of(teacher: dict[str, Any]) -> dict[str, Any]:
    loss = dict(type='KDLoss', temperature=4.0, loss_weight=0.9)
    return dict(
        type='DistillationHook',
        teacher=teacher,
        distill=dict(kd=dict(on='logits', loss=loss)),
    )


@pytest.fixture
def config(
    classifier_config: Make, classifier_teacher: dict[str, Any], tmp_path: Path
) -> Make:
    def make(**options: Any) -> Config:
        hook = hook_of(classifier_teacher) | options
        return classifier_config(tmp_path / 'users', custom_hooks=[hook])

    return make


class ByHand(Hook):
    """Gradients at the backbone before each step of a run without distillation."""

    def __init__(self, teacher: BaseModel, temperatures: list[float]) -> None:
        self.teacher, self.temperatures = teacher, temperatures
        self.found: list[list[Tensor]] = []

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None
    ) -> None:
        model = deepcopy(runner.model)
        weights = list(model.backbone.parameters())
        data = model.data_preprocessor(deepcopy(data_batch), True)
        target = torch.cat([one.gt_label for one in data['data_samples']])
        with torch.no_grad():
            teacher = self.teacher.head(self.teacher.extract_feat(data['inputs']))
        student = model.head(model.extract_feat(data['inputs']))
        losses = [functional.cross_entropy(student, target)]
        for t in self.temperatures:
            p = (teacher / t).softmax(1)
            q = (student / t).log_softmax(1)
            losses.append(t**2 * (p * (p.log() - q)).sum(1).mean())
        found = [torch.autograd.grad(x, weights, retain_graph=True) for x in losses]
        self.found.append([torch.cat([g.flatten() for g in one]) for one in found])


def outcome(proposal: Proposal, number: int, iteration: int) -> list[float]:
    measured = proposal.outcomes[number].measured[iteration]
    return [measured.own, measured.term, measured.cosine, measured.elsewhere]


def test_a_classifiers_gradients_are_those_of_autograd_beside_stock_training(
    config: Make, classifier_teacher: dict[str, Any]
) -> None:
    """At the third to fifth step, so the terms have trained nothing."""
    cfg = config()
    by_hand = ByHand(build_teacher(**classifier_teacher).eval(), [2.0, 4.0])
    alone = deepcopy(cfg)
    alone.custom_hooks, alone.experiment_name = [], 'by_hand'
    runner = Runner.from_cfg(alone)
    runner.register_hook(by_hand)
    runner.train()
    before_it = deepcopy(cfg.to_dict())
    (found,) = suggest(cfg, iters=5, temperatures=[4, 2])
    assert cfg.to_dict() == before_it
    cos = functional.cosine_similarity
    for number in range(2):
        for i in range(3):
            own, term = (by_hand.found[i + 2][k] for k in (0, number + 1))
            expected = [own.abs().sum(), term.abs().sum(), cos(own, term, 0)]
            values = outcome(found, number, i)
            assert values[:3] == pytest.approx([x.item() for x in expected], rel=1e-3)
        before = [cos(by_hand.found[k][0], term, 0).item() for k in (2, 3)]
        assert values[3] == pytest.approx(sum(before) / 2, abs=1e-4)
        assert before[0] != pytest.approx(before[1], abs=1e-2)
    assert outcome(found, 0, 1)[1] != pytest.approx(outcome(found, 1, 1)[1], rel=0.01)


def test_the_gradients_of_any_task_are_what_one_step_of_sgd_subtracts(
    task: Task, tmp_path: Path, run: Callable[[Config], Runner]
) -> None:
    hook = task.hook()
    del hook['distill']['dkd']
    cfg = task.config(tmp_path / 'users', custom_hooks=[hook])
    cfg.train_dataloader.dataset.indices = cfg.train_dataloader.batch_size
    cfg.optim_wrapper = dict(optimizer=dict(type='SGD', lr=1.0))
    cfg.param_scheduler = []

    def step(factor: float) -> Tensor:
        """Minus the weights after one step, up to those at the beginning."""
        one = deepcopy(cfg)
        one.custom_hooks[0].distill.ckd.loss.loss_weight = factor
        one.experiment_name = f'step{factor}_{task.name}'
        model = run(one).model
        return -torch.cat([p.detach().flatten() for p in model.backbone.parameters()])

    (found,) = suggest(cfg, iters=1, temperatures=[1.0])
    (measured,) = found.outcomes[0].measured
    own, once, twice = (step(factor) for factor in (0.0, 1.0, 2.0))
    size = (twice - once).abs().sum().item()
    assert measured.term == pytest.approx(size, rel=1e-2)
    assert measured.term == pytest.approx((once - own).abs().sum().item(), rel=1e-2)
    assert 0 < measured.own != pytest.approx(measured.term, rel=1e-2)
    assert 'retrieval_accuracy' in found.statistics


def test_the_weight_gives_the_share_that_gradient_share_measures(
    config: Make, run: Callable[[Config], Runner]
) -> None:
    cfg = config()
    cfg.train_dataloader.dataset.indices = 64  # one batch
    (found,) = suggest(cfg, iters=1, temperatures=[2.0], share=0.3)
    term = cfg.custom_hooks[0].distill.kd
    term.loss.update(found.options)
    term.schedule = dict(type='GradientShare', share=0.5, tolerance=0.4, of='backbone')
    (hook,) = (one for one in run(cfg).hooks if hasattr(one, 'terms'))
    share = hook.terms[0].controller.statistics()['share'].item()
    assert share == pytest.approx(0.3, rel=0.01)


@pytest.mark.slow
def test_the_tool_leaves_config_and_work_dir_alone_and_says_the_same_again(
    config: Make, tmp_path: Path
) -> None:
    path, out = tmp_path / 'distilled.py', tmp_path / 'out/kd.md'
    config().dump(path)
    before = path.read_bytes()
    told = (path, '--iters', 4, '--temperatures', 2, 4)
    done = run_script('tools/suggest.py', *told, '--out', out, fresh=True)
    assert done.returncode == 0, done.stderr
    text = out.read_text()
    assert text in done.stdout
    assert '--cfg-options custom_hooks.0.distill.kd.loss.temperature=' in text
    assert path.read_bytes() == before
    assert {one.name for one in tmp_path.rglob('*')} == {'distilled.py', 'out', 'kd.md'}
    again = run_script('tools/suggest.py', *told, '--out', tmp_path / 'again.md')
    assert (tmp_path / 'again.md').read_text() == text, again.stderr
    refused = run_script('tools/suggest.py', *told, '--out', out)
    assert f'error: {out} is there already, and nothing is' in refused.stderr
    assert out.read_text() == text
    in_the_way = run_script('tools/suggest.py', *told, '--out', path / 'kd.md')
    assert f'error: {path} is a file, no folder; give' in in_the_way.stderr
    missing = run_script('tools/suggest.py', tmp_path / 'no.py')
    assert "no.py' is not there; give the path" in missing.stderr
    (tmp_path / 'broken.py').write_text('model = [')
    broken = run_script('tools/suggest.py', tmp_path / 'broken.py')
    assert broken.stderr.splitlines()[-1].startswith('error: reading ')
    assert 'ended in SyntaxError' in broken.stderr
    wrong = run_script('tools/suggest.py', *told, '--terms', 'kb', '--out', 'kb.md')
    assert "error: the config has no distill term 'kb'" in wrong.stderr


@pytest.mark.parametrize(
    ('options', 'arguments', 'text'),
    [
        (None, {}, 'one DistillationHook in its custom_hooks; this one has 0'),
        ({}, dict(terms=['kb']), "no distill term 'kb'"),
        ({}, dict(temperatures=[1, 0]), 'temperature must be'),
        ({}, dict(temperatures=[1, 1.0]), 'temperatures must differ'),
        ({}, dict(share=1.0), 'share must be a number > 0 and < 1'),
        ({}, dict(iters=0), 'iters must be'),
        ({}, dict(iters=6), 'has 5 iterations, and 6 are to be measured'),
        ({}, dict(of=['nick']), "'nick' is no module of the student"),
        (dict(teacher=None), {}, 'teacher'),
        (dict(student_loss_weight=0), {}, 'with student_loss_weight=0 there are none'),
        (dict(distill=dict(a=dict(on='logits'))), {}, "term 'a' lacks 'loss'"),
        (
            dict(
                distill=dict(
                    rkd=dict(on='embedding', loss=dict(type='RKDLoss')),
                )
            ),
            dict(of=['head']),
            r"term 'rkd': the loss has no gradient at of=\['head'\]; name a module",
        ),
    ],
)
def test_mistakes_are_told_before_anything_is_trained(
    config: Make,
    options: dict[str, Any] | None,
    arguments: dict[str, Any],
    text: str,
) -> None:
    cfg = config(**options or {})
    if options is None:
        cfg.custom_hooks = []
    with pytest.raises(ValueError, match=text):
        suggest(cfg, **dict(iters=2) | arguments)
