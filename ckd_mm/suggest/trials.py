"""What is tried: the terms of a config, each at several temperatures."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from mmengine.config import Config

from ckd_mm.checks import is_number, positive, positive_integer
from ckd_mm.engine.gradient_share import GradientShare
from ckd_mm.engine.terms import Term, build_terms
from ckd_mm.registry import LOSSES, did_you_mean
from ckd_mm.teachers import read_teachers

__all__ = ['FACTORS', 'Subject', 'Trial', 'find_hook', 'probing_config', 'read_terms']

FACTORS = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Temperatures that are tried if none are given, in those of the config."""


@dataclass(frozen=True)
class Trial:
    """A term at one temperature.

    Args:
        name: The name of the term that measures it.
        temperature: `None` if the loss has none.
    """

    name: str
    temperature: float | None


@dataclass(frozen=True)
class Subject:
    """A term of the config, and what is tried of it.

    Args:
        name: Its name.
        term: Its entry in `distill`.
        of: The names of the modules at whose parameters the gradient is measured.
        trials: One for each temperature.
        temperature: That of the config; `None` if the loss has none.
        loss_weight: That of the config.
        notes: What a reader of its proposal should know.
    """

    name: str
    term: Mapping[str, Any]
    of: Sequence[str]
    trials: Sequence[Trial]
    temperature: float | None
    loss_weight: float
    notes: Sequence[str] = ()


def find_hook(cfg: Config) -> tuple[int, dict[str, Any]]:
    """The number of the `DistillationHook` in `custom_hooks`, and its options.

    Raises:
        ValueError: There is none, or it leaves no other loss beside the terms.
    """
    hooks = cfg.get('custom_hooks') or []
    found = [i for i, one in enumerate(hooks) if one['type'] == 'DistillationHook']
    if len(found) != 1:
        raise ValueError(
            'weights are proposed for the terms of a distillation config, which has '
            f'one DistillationHook in its custom_hooks; this one has {len(found)}'
        )
    hook = hooks[found[0]]
    if hook.get('student_loss_weight') == 0:
        raise ValueError(
            'a weight gives a term a share of the gradient beside the losses of the '
            'student, and with student_loss_weight=0 there are none; every weight '
            'trains alike then, up to the learning rate'
        )
    return found[0], hook


def read_terms(
    hook: Mapping[str, Any],
    names: Sequence[str] | None = None,
    temperatures: Sequence[float] | None = None,
    of: Sequence[str] | None = None,
) -> list[Subject]:
    """Which terms are measured, at which temperatures.

    Args:
        hook: The options of the hook.
        names: The names of the terms; `None` is all.
        temperatures: `None` is :data:`FACTORS` times the term's own.
        of: Modules of the student; `None` is those of a term's `GradientShare`, and the
            backbone for others.

    Raises:
        ValueError: A term is wrong or there is none of this name, a temperature is not
            positive, or a loss has no weight.
    """
    if hook.get('peers'):
        raise ValueError(
            'weights are proposed from gradients of the student beside teachers that '
            'stay as they are, and the hook has peers, which are trained; give weight '
            'and temperature of its terms in the config'
        )
    number = len(read_teachers(hook.get('teacher')))
    distill = hook.get('distill')
    built = {term.name: term for term in build_terms(distill, number)}
    for name in names or ():
        if name not in built:
            raise ValueError(
                f'the config has no distill term {name!r}{did_you_mean(name, built)}; '
                f'it has {list(built)}'
            )
    _check_temperatures(temperatures)
    assert distill is not None
    return [
        _subject(term, distill[name], temperatures, of)
        for name, term in built.items()
        if names is None or name in names
    ]


def probing_config(
    cfg: Config, subjects: Iterable[Subject], iters: int, seed: int, work_dir: str
) -> Config:
    """The config of the run that measures: a copy that validates and keeps nothing.

    Data, model, optimizer and schedules of the learning rate stay as they are.

    Raises:
        ValueError: A number is not positive.
    """
    positive_integer('iters', iters)
    copy = Config(cfg.to_dict())
    _, hook = find_hook(copy)
    hook['distill'] = {
        trial.name: _probing(subject, trial, iters)
        for subject in subjects
        for trial in subject.trials
    }
    _leave_evaluation_out(hook)
    copy.val_cfg = copy.val_dataloader = copy.val_evaluator = None
    copy.test_cfg = copy.test_dataloader = copy.test_evaluator = None
    copy.default_hooks = dict(copy.get('default_hooks') or {}, checkpoint=None)
    copy.visualizer = None
    copy.work_dir, copy.resume = work_dir, False
    copy.randomness = dict(copy.get('randomness') or {}, seed=seed)
    return copy


def _subject(
    term: Term,
    config: Mapping[str, Any],
    temperatures: Sequence[float] | None,
    of: Sequence[str] | None,
) -> Subject:
    temperature, weight = (
        _option(config['loss'], name) for name in ('temperature', 'loss_weight')
    )
    if weight is None:
        raise ValueError(
            f'distill term {term.name!r}: {config["loss"]["type"]} has no loss_weight '
            "to propose; give it one, or let schedule=dict(type='GradientShare', ...) "
            'weigh it'
        )
    modules: Sequence[str] = of or ('backbone',)
    notes = []
    if isinstance(term.schedule, GradientShare):
        modules = of or term.schedule.modules
        notes.append('its GradientShare changes the weight; leave that schedule out')
    if temperature is None:
        trials = [Trial(term.name, None)]
        if temperatures is not None:
            notes.append('its loss has no temperature; it is measured once')
    else:
        tried = temperatures or [factor * temperature for factor in FACTORS]
        trials = [Trial(_trial_name(term.name, one), one) for one in sorted(tried)]
    return Subject(term.name, config, modules, trials, temperature, weight, notes)


def _option(loss: Mapping[str, Any], name: str) -> float | None:
    """A number that a loss has as an option; `None` if it has no such option."""
    parameters = inspect.signature(LOSSES.get(loss['type'])).parameters
    if name not in parameters:
        return None
    value = loss.get(name, parameters[name].default)
    return value if is_number(value) else None


def _trial_name(term: str, temperature: float) -> str:
    """A name that a term may have: what is logged and reported of it begins so."""
    return re.sub(r'[^\w-]', '_', f'{term}-T{temperature}')


def _probing(subject: Subject, trial: Trial, iters: int) -> dict[str, Any]:
    """The entry of a term that is measured, with `loss_weight=1`."""
    term = deepcopy(dict(subject.term))
    term['loss']['loss_weight'] = 1.0
    if trial.temperature is not None:
        term['loss']['temperature'] = trial.temperature
    term['schedule'] = dict(type='GradientProbe', of=list(subject.of), iters=iters)
    return term


def _leave_evaluation_out(hook: dict[str, Any]) -> None:
    """Have the teachers not evaluated before training, in place."""
    teachers = hook.get('teacher')
    for one in teachers if isinstance(teachers, (list, tuple)) else [teachers]:
        if isinstance(one, dict):
            one.pop('evaluate', None)


def _check_temperatures(temperatures: Sequence[float] | None) -> None:
    for one in temperatures or ():
        positive('temperature', one)
    if temperatures is not None and len(set(temperatures)) < len(temperatures):
        raise ValueError(
            f'temperatures must differ from each other, got {list(temperatures)}'
        )
