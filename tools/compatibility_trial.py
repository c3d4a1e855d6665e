"""One config of a library, tried as student and as teacher of itself.

For `tools/compatibility.py`, in a separate process.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Collection, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapper
from mmengine.runner.checkpoint import get_state_dict, save_checkpoint, weights_to_cpu
from torch import Tensor, nn

from ckd_mm.adapters.core.semi_supervised import teacher_within
from ckd_mm.commands.inspection import Finding, find_parts
from ckd_mm.engine.distiller import Distiller
from ckd_mm.engine.schedules import Schedule
from ckd_mm.engine.terms import Term, build_terms
from ckd_mm.errors import as_value_error
from ckd_mm.probing.batches import image_shape
from ckd_mm.probing.steps import batch_that_trains, run_student, training_step
from ckd_mm.probing.untrained import build_untrained
from ckd_mm.teachers import ModelTeacher
from ckd_mm.teachers.loading.build import read_config

__all__ = ['try_config']

SHAPE = (128, 160)
"""Height and width of the images, where the config has none."""

NUM_ROIS = 64
NUM_STEPS = 2


def try_config(config: str, library: str = 'mmdet') -> dict[str, Any]:
    """What can be distilled where student and teacher have this config.

    Args:
        config: A path or a zoo name.
        library: The library of a config without `default_scope`.

    Returns:
        `model` (its type), `parts` (`''` for each that works, or the reason why not),
        and `reason`: why nothing was tried, or what went wrong after that.
    """
    result: dict[str, Any] = dict(model='', parts={}, reason='')
    try:
        _try(config, library, result)
    except ValueError as error:
        result['reason'] = str(error)
    return result


def _try(config: str, library: str, result: dict[str, Any]) -> None:
    cfg = read_config(config)[0]
    cfg.setdefault('default_scope', library)
    _sample_less(cfg)
    torch.manual_seed(0)
    student = build_untrained(cfg)[1]
    result['model'] = type(student).__name__
    torch.manual_seed(1)
    teacher = teacher_within(build_untrained(cfg)[1].requires_grad_(False))
    _stir(student, teacher)
    batch = batch_that_trains(student, image_shape(cfg) or SHAPE)
    findings = find_parts(student, teacher, batch)
    result['parts'] = {one.on: one.reason for one in findings}
    found = [one for one in findings if not one.reason]
    if not found:
        return
    result['parts'].update(_refusals(student, teacher, found, batch))
    found = [one for one in found if not result['parts'][one.on]]
    if found:
        _train(student, teacher, found, batch)
        _check_strict(student, cfg, batch)


def _sample_less(cfg: Config) -> None:
    """Sample fewer RoIs in each image, as they take most of the time."""
    stages = ((cfg.get('model') or {}).get('train_cfg') or {}).get('rcnn') or []
    for stage in stages if isinstance(stages, list) else [stages]:
        if 'sampler' in stage and 'num' in stage.sampler:
            stage.sampler.num = min(stage.sampler.num, NUM_ROIS)


@torch.no_grad()
def _stir(*models: BaseModel) -> None:
    """Make the models differ: some heads begin with weights of zero."""
    for model in models:
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=1e-3)


def _refusals(
    student: BaseModel,
    teacher: BaseModel,
    findings: list[Finding],
    batch: dict[str, Any],
) -> dict[str, str]:
    """Why gradients of a part do not reach the student; empty where they do.

    One by one where a step with all of them fails.
    """
    try:
        return _gradients(student, teacher, findings, batch)
    except ValueError as error:
        if len(findings) == 1:
            return {findings[0].on: str(error)}
    return {
        on: reason
        for one in findings
        for on, reason in _refusals(student, teacher, [one], batch).items()
    }


def _gradients(
    student: BaseModel,
    teacher: BaseModel,
    findings: list[Finding],
    batch: dict[str, Any],
) -> dict[str, str]:
    terms = [Term(one.on, one.on, _Distance(), Schedule()) for one in findings]
    parameters = [one for one in student.parameters() if one.requires_grad]
    reasons = {}
    with Distiller(student, [ModelTeacher(teacher)], terms).attached():
        losses = run_student(student, batch)
    for term in terms:
        loss = losses[f'loss_{term.name}']
        with as_value_error(f'the gradient of {term.name}'):
            gradients = torch.autograd.grad(
                loss, parameters, retain_graph=True, allow_unused=True
            )
        reached = [one for one in gradients if one is not None]
        reasons[term.name] = _wrong(loss, reached)
    return reasons


def _wrong(loss: Tensor, gradients: list[Tensor]) -> str:
    """What is wrong with a loss and its gradients; empty if nothing is."""
    if not torch.isfinite(loss):
        return f'the distance of student and teacher is {loss.item()}'
    if not all(bool(one.isfinite().all()) for one in gradients):
        return 'the gradient of the student is not finite'
    if not any(bool(one.any()) for one in gradients):
        return 'no gradient reaches the student'
    return ''


def _train(
    student: BaseModel,
    teacher: BaseModel,
    findings: list[Finding],
    batch: dict[str, Any],
) -> None:
    """Train with the default terms of all parts at once.

    Raises:
        ValueError: A loss is not finite, or no weight has changed.
    """
    terms = {one.on: one.term for one in findings if one.term is not None}
    with as_value_error('a run with all parts'):
        distiller = Distiller(student, [ModelTeacher(teacher)], build_terms(terms))
        parameters = [one for one in student.parameters() if one.requires_grad]
        before = [one.detach().clone() for one in parameters]
        optimizer = OptimWrapper(torch.optim.SGD(parameters, lr=1e-4))
        with distiller.attached():
            for _ in range(NUM_STEPS):
                logged = training_step(student, deepcopy(batch), optimizer)
                _check_finite(logged, terms)
        if all(torch.equal(*pair) for pair in zip(before, parameters, strict=True)):
            raise ValueError('training with all parts changed no weight')


def _check_finite(logged: Mapping[str, Tensor], terms: Collection[str]) -> None:
    """Check that the losses are finite.

    Raises:
        ValueError: A loss of a term is not; the message says if the model's are not
            either.
    """
    names = {f'loss_{name}' for name in terms}
    of_model = [
        float(logged[key]) for key in logged if 'loss' in key and key not in names
    ]
    broken = [name for name in terms if not math.isfinite(logged[f'loss_{name}'])]
    if broken and not all(map(math.isfinite, of_model)):
        raise ValueError(
            'with random weights the losses of the model itself are not finite after a '
            'step either'
        )
    if broken:
        raise ValueError(f'the losses of {", ".join(broken)} are not finite')


def _check_strict(student: BaseModel, cfg: Config, batch: dict[str, Any]) -> None:
    """Save the weights as a run does, and load them into a stock model.

    Some stock models (DDQ) get modules in their first training step. Where names
    differ, the stock model takes a step first.

    Raises:
        ValueError: They do not fit.
    """
    stock = build_untrained(cfg)[1]
    with (
        as_value_error("loading the student's weights into the stock model"),
        tempfile.TemporaryDirectory() as folder,
    ):
        path = Path(folder) / 'student.pth'
        save_checkpoint(
            dict(state_dict=weights_to_cpu(get_state_dict(student))), str(path)
        )
        saved = torch.load(path, map_location='cpu', weights_only=False)
        if stock.state_dict().keys() != saved['state_dict'].keys():
            run_student(stock, batch)
        stock.load_state_dict(saved['state_dict'], strict=True)


class _Distance(nn.Module):
    """The mean squared difference, which has a gradient wherever two values differ."""

    def forward(
        self, student: Tensor | list[Tensor], teacher: Tensor | list[Tensor]
    ) -> Tensor:
        student = [student] if isinstance(student, Tensor) else student
        teacher = [teacher] if isinstance(teacher, Tensor) else teacher
        levels = zip(student, teacher, strict=True)
        return sum((nn.functional.mse_loss(*one) for one in levels), torch.zeros(()))
