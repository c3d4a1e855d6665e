"""One config of a library, tried as student and as teacher of itself.

For `tools/compatibility.py`, in a process of its own.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapper
from mmengine.runner.checkpoint import get_state_dict, save_checkpoint, weights_to_cpu
from torch import Tensor, nn

from ckd_mm.distiller import Distiller
from ckd_mm.errors import as_value_error
from ckd_mm.inspection import (
    Finding,
    batch_that_trains,
    find_parts,
    run_student,
    training_step,
)
from ckd_mm.schedules import Schedule
from ckd_mm.teachers import Teacher
from ckd_mm.terms import Term, build_terms
from ckd_mm.untrained import build_untrained

__all__ = ['try_config']

SHAPES = {'mmdet': (128, 160), 'mmpretrain': (224, 224)}
NUM_STEPS = 2


def try_config(config: str) -> dict[str, Any]:
    """What can be distilled where student and teacher have this config.

    Args:
        config: A zoo name.

    Returns:
        `model` (its type), `parts` (`''` for each that works, or the reason why not),
        and `reason`: why nothing was tried, or what went wrong after that.
    """
    result: dict[str, Any] = dict(model='', parts={}, reason='')
    try:
        _try(config, result)
    except ValueError as error:
        result['reason'] = str(error)
    return result


def _try(config: str, result: dict[str, Any]) -> None:
    torch.manual_seed(0)
    student = build_untrained(config)[1]
    result['model'] = type(student).__name__
    torch.manual_seed(1)
    teacher = build_untrained(config)[1].requires_grad_(False)
    batch = batch_that_trains(student, SHAPES[config.split('::')[0]])
    findings = find_parts(student, teacher, batch)
    result['parts'] = {one.on: one.reason for one in findings}
    found = [one for one in findings if not one.reason]
    if not found:
        return
    for finding in found:
        result['parts'][finding.on] = _refusal(student, teacher, finding, batch)
    found = [one for one in found if not result['parts'][one.on]]
    if found:
        _train(student, teacher, found, batch)
        _check_strict(student, config)


def _refusal(
    student: BaseModel, teacher: BaseModel, finding: Finding, batch: dict[str, Any]
) -> str:
    """Why gradients of this part do not reach the student; empty if they do."""
    term = Term(finding.on, finding.on, _Distance(), Schedule())
    try:
        with _attached(Distiller(student, [Teacher(teacher)], [term])):
            loss = run_student(student, batch)[f'loss_{finding.on}']
            with as_value_error('its gradient'):
                student.zero_grad()
                loss.backward()
        gradients = [one.grad for one in student.parameters() if one.grad is not None]
        if not torch.isfinite(loss):
            return f'the distance of student and teacher is {loss.item()}'
        if not all(bool(one.isfinite().all()) for one in gradients):
            return 'the gradient of the student is not finite'
        if not any(bool(one.any()) for one in gradients):
            return 'no gradient reaches the student'
    except ValueError as error:
        return str(error)
    finally:
        student.zero_grad()
    return ''


def _train(
    student: BaseModel,
    teacher: BaseModel,
    findings: list[Finding],
    batch: dict[str, Any],
) -> None:
    """Train with the default terms of all parts at once.

    Raises:
        ValueError: A loss is not finite, or the weights stay what they were.
    """
    terms = {
        one.on: one.term or dict(on=one.on, loss=dict(type='RKDLoss', angle_weight=0.0))
        for one in findings
    }
    with as_value_error('a run with all parts'):
        distiller = Distiller(student, [Teacher(teacher)], build_terms(terms))
        parameters = [one for one in student.parameters() if one.requires_grad]
        before = [one.detach().clone() for one in parameters]
        optimizer = OptimWrapper(torch.optim.SGD(parameters, lr=1e-4))
        with _attached(distiller):
            for _ in range(NUM_STEPS):
                logged = training_step(student, deepcopy(batch), optimizer)
                for name in terms:
                    value = float(logged[f'loss_{name}'])
                    if value != value or abs(value) == float('inf'):
                        raise ValueError(f'the loss of {name} is {value}')
        if all(torch.equal(*pair) for pair in zip(before, parameters, strict=True)):
            raise ValueError('training with all parts changed no weight')


def _check_strict(student: BaseModel, config: str) -> None:
    """Save the weights as a run does, and load them into a stock model.

    Raises:
        ValueError: They do not fit.
    """
    stock = build_untrained(config)[1]
    with (
        as_value_error("loading the student's weights into the stock model"),
        tempfile.TemporaryDirectory() as folder,
    ):
        path = Path(folder) / 'student.pth'
        save_checkpoint(
            dict(state_dict=weights_to_cpu(get_state_dict(student))), str(path)
        )
        saved = torch.load(path, map_location='cpu', weights_only=False)
        stock.load_state_dict(saved['state_dict'], strict=True)


@contextmanager
def _attached(distiller: Distiller) -> Iterator[None]:
    distiller.attach()
    try:
        yield
    finally:
        distiller.detach()


class _Distance(nn.Module):
    """The mean squared difference, which has a gradient wherever two values differ."""

    def forward(
        self, student: Tensor | list[Tensor], teacher: Tensor | list[Tensor]
    ) -> Tensor:
        own, other = (
            [side] if isinstance(side, Tensor) else side for side in (student, teacher)
        )
        return sum(
            (nn.functional.mse_loss(*pair) for pair in zip(own, other, strict=True)),
            torch.zeros(()),
        )
