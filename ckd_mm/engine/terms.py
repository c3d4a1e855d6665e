"""The terms of a `distill` config: what is compared, by which loss, when."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ckd_mm.adapters import Pair
from ckd_mm.adapters.core.context import asked_for
from ckd_mm.adapters.core.parts import has_connector
from ckd_mm.checks import one_of
from ckd_mm.engine.controllers import Controller
from ckd_mm.engine.hearing import roles_of
from ckd_mm.engine.sample_weights import (
    SampleWeights,
    build_sample_weights,
)
from ckd_mm.engine.schedules import Schedule, build_schedule
from ckd_mm.functional import top1_agreement
from ckd_mm.registry import LOSSES, build, did_you_mean
from ckd_mm.teachers import STUDENT, Average, Request

__all__ = [
    'CHANNELS',
    'Term',
    'build_terms',
    'check_loss_classes',
    'required_channels',
]

CHANNELS = ('student_channels', 'teacher_channels')
KEYS = ('on', 'loss', 'sample_weight', 'schedule', 'teacher', 'learner', 'data')
AVERAGE = ('average', 'teacher_weights')
DATA = ('labelled', 'unlabelled', 'both')
"""On which of the two batches of a step a term compares."""


@dataclass(frozen=True)
class Term:
    """One distillation loss, what it compares, and when.

    Args:
        name: Its key in the config; the log keys are `loss_<name>` and
            `<name>_<statistic>`.
        on: What is compared.
        loss: A registered loss.
        schedule: Scales the loss over training.
        teachers: The numbers of the teachers that it compares with, whose values are
            averaged; `None` is all. A loss of the student alone has `(ALONE,)`.
        controller: The weight that the schedule keeps beside its factor, if any.
        data: On which batches of a step it compares, one of :data:`DATA`. Of both, each
            has a loss, and their sum counts.
        average: How it averages several teachers.
        connector: What is trained between the student's maps and the teacher's modules,
            where `on` has `connector=True`; its widths are those of the models.
        sample_weight: How much each row counts, where they count differently.
        learner: The number of the peer that learns in it; `STUDENT` in most terms.
        mutual: Whether the one that teaches gets a gradient as well.
    """

    name: str
    on: Any
    loss: nn.Module
    schedule: Schedule
    teachers: tuple[int, ...] | None = None
    controller: Controller | None = None
    data: str = DATA[0]
    average: Average = Average()
    connector: nn.Module | None = None
    sample_weight: SampleWeights | None = None
    learner: int = STUDENT
    mutual: bool = False

    @property
    def request(self) -> Request:
        """What it asks of its teachers."""
        counts = getattr(self.loss, 'loss_weight', 1.0) != 0
        return Request(
            self.on,
            self.context,
            self.teachers,
            self.data,
            counts,
            average=self.average,
            connector=self.connector,
            users=(self.loss, *self.weighers),
            learner=self.learner,
            mutual=self.mutual,
        )

    @property
    def context(self) -> tuple[str, ...]:
        """What loss and weighers ask for beside student and teacher."""
        weighers = () if self.sample_weight is None else self.sample_weight.context
        return tuple(dict.fromkeys([*asked_for(self.loss), *weighers]))

    @property
    def weighers(self) -> tuple[nn.Module, ...]:
        """What says how much each row counts."""
        return () if self.sample_weight is None else (*self.sample_weight.weighers,)

    @torch.no_grad()
    def statistics(self, pair: Pair, name: str | None = None) -> dict[str, Tensor]:
        """Readable figures beside the loss, by log key, which begins with a name.

        For losses of a distribution, the agreement of both models. A loss adds more by
        a method `statistics(student, teacher)`.
        """
        values: dict[str, Tensor] = {}
        if getattr(self.loss, 'takes', '') == 'distribution':
            assert isinstance(pair.student, Tensor) and isinstance(pair.teacher, Tensor)
            values['top1_agreement'] = top1_agreement(pair.student, pair.teacher)
        of_loss: Any = getattr(self.loss, 'statistics', None)
        if of_loss is not None:
            values.update(of_loss(*pair.models()))
        return {f'{name or self.name}_{key}': value for key, value in values.items()}


def build_terms(
    distill: dict[str, dict[str, Any]] | None,
    num_teachers: int = 1,
    peers: Sequence[str] = (),
) -> list[Term]:
    """The terms of a `distill` config.

    Args:
        distill: By name of the term.
        num_teachers: How many frozen teachers the hook has.
        peers: The names of its peers.

    Raises:
        ValueError: There is no term, or one is wrong; the message names it.
    """
    if not isinstance(distill, dict) or not distill:
        raise ValueError(
            'distill needs at least one term, such as '
            "dict(ckd=dict(on='roi_logits', loss=dict(type='CKDLoss'))), "
            f'got {distill!r}'
        )
    return [
        _build_term(name, config, num_teachers, peers)
        for name, config in distill.items()
    ]


def _check_keys(name: Any, config: Any) -> None:
    """Check a term's name, and the names of its options.

    Raises:
        ValueError: One is wrong or missing.
    """
    known = (*KEYS, *AVERAGE)
    if not isinstance(name, str) or not re.fullmatch(r'[\w-]+', name):
        raise ValueError(
            'the name of a distill term must have only letters, digits, _ and -, as '
            f'it names what is logged, got {name!r}'
        )
    if 'loss' in name:
        raise ValueError(
            f"the name of a distill term must not contain 'loss', got {name!r}: "
            'MMEngine sums every logged key that does, and would add the statistics to '
            'the loss'
        )
    if not isinstance(config, dict):
        raise ValueError(
            f'distill term {name!r} must be a dict with on and loss, got {config!r}'
        )
    for key in config:
        if key not in known:
            hint = did_you_mean(key, known)
            raise ValueError(f'distill term {name!r} has no option {key!r}{hint}')
    for key in ('on', 'loss'):
        if key not in config:
            raise ValueError(
                f'distill term {name!r} lacks {key!r}, it has {sorted(config)}'
            )


def _build_term(
    name: str, config: dict[str, Any], num_teachers: int, peers: Sequence[str]
) -> Term:
    _check_keys(name, config)
    try:
        has_connector(config['on'])
        loss = _build_loss(config['loss'])
        schedule = build_schedule(config.get('schedule'))
        roles = roles_of(loss, config, num_teachers, peers)
        data = one_of('data', config.get('data', DATA[0]), DATA)
        heard = tuple(dict.fromkeys(roles.teachers or range(num_teachers)))
        kind, weights = (config.get(key) for key in AVERAGE)
        average = Average.read(kind, weights, heard, loss)
        sample_weight = build_sample_weights(
            config.get('sample_weight'),
            loss.cls if isinstance(loss, PendingLoss) else type(loss),
        )
    except ValueError as error:
        raise ValueError(f'distill term {name!r}: {error}') from error
    controller = schedule.controller()
    if controller is not None and (roles.learner != STUDENT or roles.mutual):
        raise ValueError(
            f'distill term {name!r}: a schedule of type {type(schedule).__name__!r} '
            'looks at the losses of the student, and a peer learns in the term; take '
            'one by time, such as schedule=dict(warmup=EPOCHS)'
        )
    return Term(
        name,
        config['on'],
        loss,
        schedule,
        roles.teachers,
        controller,
        data,
        average,
        sample_weight=sample_weight,
        learner=roles.learner,
        mutual=roles.mutual,
    )


class PendingLoss(nn.Module):
    """Stands for a loss whose channels are left out, until they are read.

    Args:
        cls: The loss.
    """

    def __init__(self, cls: type[nn.Module]) -> None:
        super().__init__()
        self.cls, self.name = cls, cls.__name__

    def forward(self, student: Any, teacher: Any) -> Tensor:
        """There is no loss yet."""
        raise RuntimeError(f'{self.name} has no student_channels and teacher_channels')


def _build_loss(config: Any) -> nn.Module:
    """A loss; one whose channels are left out is pending."""
    cls = LOSSES.get(config['type']) if _names_a_loss(config) else None
    if cls is not None and any(
        config.get(name) is None for name in required_channels(cls)
    ):
        _check_arguments(cls, {key: config[key] for key in config if key != 'type'})
        return PendingLoss(cls)
    return build(LOSSES, config)


def _check_arguments(cls: type, arguments: dict[str, Any]) -> None:
    """Check the names of a pending loss's options; its values are checked when built.

    Raises:
        ValueError: It does not take one, or lacks another than its channels.
    """
    channels = dict.fromkeys(required_channels(cls))
    try:
        inspect.signature(cls).bind(**{**channels, **arguments})
    except TypeError as error:
        raise ValueError(
            f'{cls.__name__} does not take {arguments}: {error}'
        ) from error


def required_channels(cls: type) -> list[str]:
    """Which of :data:`CHANNELS` a loss takes and has no default for."""
    parameters = inspect.signature(cls).parameters
    return [
        name
        for name in CHANNELS
        if name in parameters and parameters[name].default is inspect.Parameter.empty
    ]


def _names_a_loss(config: Any) -> bool:
    return isinstance(config, dict) and isinstance(config.get('type'), str)


def check_loss_classes(terms: Iterable[Term], names: Sequence[str] | None) -> None:
    """Check that losses and weighers that hold a row for each class count as it does.

    Args:
        terms: All terms.
        names: The student's classes in their order; `None` where they have no names.

    Raises:
        ValueError: A loss was made for other names, or for another order.
    """
    for term in terms:
        check = getattr(term.loss, 'check_classes', None)
        try:
            if check is not None and names:
                check(names)
            if term.sample_weight is not None:
                term.sample_weight.check_classes(names)
        except ValueError as error:
            raise ValueError(f'distill term {term.name!r}: {error}') from error
