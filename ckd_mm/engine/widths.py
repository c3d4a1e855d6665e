"""The channels of both models, for losses that learn a layer between them.

Such a loss has `student_channels` and `teacher_channels` among its arguments. A config
may leave them out: they are read from a step of a copy of the student beside a sketch
of each teacher, before the optimizer is built. Those that it gives are checked.

A term with `connector=True` has a layer of its own. The part makes it, of the channels
of the modules before and behind it, beside the same sketch.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any

import torch
from mmengine.logging import print_log
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import Tensor, nn

from ckd_mm.adapters import Pair, Value
from ckd_mm.adapters.core.map_connector import reset
from ckd_mm.adapters.core.parts import has_connector
from ckd_mm.engine.pairs import PairMaker
from ckd_mm.engine.sample_weights import EMBEDDING, WIDTHS, filled
from ckd_mm.engine.student import student_of
from ckd_mm.engine.terms import (
    CHANNELS,
    PendingLoss,
    Term,
    build_terms,
    required_channels,
)
from ckd_mm.errors import as_value_error
from ckd_mm.probing.batches import random_batch
from ckd_mm.probing.untrained import build_untrained
from ckd_mm.random_state import preserved_random_state
from ckd_mm.sharding import is_sharded
from ckd_mm.teachers import Request, TeacherKind

__all__ = ['completed', 'with_channels', 'with_connectors']

SIZES = (128, 224, 512)
"""Heights and widths of the images that are tried; some models need larger ones."""


def completed(
    distill: Mapping[str, Any],
    terms: Sequence[Term],
    kinds: Sequence[TeacherKind],
    runner: Runner,
    random_state: Tensor,
) -> list[Term]:
    """The terms with the channels that the config leaves out, and their connectors.

    Args:
        distill: The terms as the user wrote them.
        terms: The terms that were built of it.
        kinds: The teachers, and after them the peers.
        runner: The run.
        random_state: In which first weights are drawn: that in which the hook was
            built, as losses would have if the config had given the channels.

    Raises:
        ValueError: As for :func:`with_channels` and :func:`with_connectors`.
    """
    student = student_of(runner)
    found = with_channels(distill, terms, kinds, runner, student)
    with preserved_random_state():
        torch.set_rng_state(random_state)
        if found != distill:
            peers = [kind.name_in_terms for kind in kinds if kind.name_in_terms]
            terms = build_terms(found, len(kinds) - len(peers), peers)
        return with_connectors(terms, kinds, runner, student)


def with_channels(
    distill: Mapping[str, Any],
    terms: Iterable[Term],
    kinds: Sequence[TeacherKind],
    runner: Runner,
    student: BaseModel,
) -> dict[str, Any]:
    """A `distill` config with the channels that it leaves out.

    Random states, the student and its statistics stay as they are.

    Args:
        distill: The terms as the user wrote them.
        terms: The terms that were built of it.
        kinds: The teachers.
        runner: The run.
        student: The student, without a distributed wrapper.

    Raises:
        ValueError: The channels cannot be read, or the config has other ones.
    """
    asking = [term for term in terms if _asks(term.loss) or _asks_to_weigh(term)]
    if not asking:
        return dict(distill)
    try:
        with preserved_random_state(), as_value_error('a step to read channels'):
            pairs = _pairs(asking, kinds, runner, student)
    except ValueError as error:
        pending = next((one for one in asking if _left_out(one)), None)
        if pending is None:  # the first step checks what is given
            return dict(distill)
        if isinstance(error.__cause__, ValueError):  # says itself what to mend
            raise
        raise ValueError(
            f'distill term {pending.name!r}: {_left_out(pending)} were left out, and '
            f'cannot be read from the models: {error}; give them in the config'
        ) from error
    found = dict(distill)
    for term in asking:
        found[term.name] = _filled(term, distill[term.name], pairs[term.name])
    return found


def with_connectors(
    terms: Iterable[Term],
    kinds: Sequence[TeacherKind],
    runner: Runner,
    student: BaseModel,
) -> list[Term]:
    """The terms, each with its connector where `on` has `connector=True`.

    Their first weights are drawn from the random state in which this is called.

    Raises:
        ValueError: Such a term does not fit the models.
    """
    terms = list(terms)
    asking = [
        term for term in terms if has_connector(term.on) and term.connector is None
    ]
    if not asking:
        return terms
    with preserved_random_state():
        maker = _maker(asking, kinds, runner, student)
    made = {term.name: maker.bound(term.name).connector for term in asking}
    for connector in made.values():
        if connector is not None:
            reset(connector)
    return [
        replace(term, connector=made[term.name]) if term.name in made else term
        for term in terms
    ]


def _asks(loss: nn.Module) -> bool:
    """Whether a loss needs channels that have no default."""
    return isinstance(loss, PendingLoss) or bool(required_channels(type(loss)))


def _asks_to_weigh(term: Term) -> bool:
    """Whether a weigher has widths that the student's tell."""
    return term.sample_weight is not None and term.sample_weight.asks_for_widths


def _left_out(term: Term) -> str:
    """The widths that a term leaves out; empty if it gives them."""
    if isinstance(term.loss, PendingLoss):
        return f'student_channels and teacher_channels of {term.loss.name}'
    if term.sample_weight is not None and term.sample_weight.is_pending:
        return ' and '.join(WIDTHS) + ' of a weigher'
    return ''


def _maker(
    terms: Sequence[Term],
    kinds: Sequence[TeacherKind],
    runner: Runner,
    student: BaseModel,
) -> PairMaker:
    """The terms of a copy of the student beside a sketch of each teacher."""
    copy = _copy(runner, student).train()
    for module in copy.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval()  # no statistics of one rank wait for those of another
    teachers = [kind.sketch(runner, copy) for kind in kinds]
    requests = {
        term.name: Request(
            term.on,
            (EMBEDDING,) if _asks_to_weigh(term) else (),
            term.teachers,
            users=term.weighers,
            learner=term.learner,
        )
        for term in terms
    }
    # Where no term needs labels, the student runs as far as they read it.
    return PairMaker(copy, teachers, requests, alone=True)


def _pairs(
    terms: Sequence[Term],
    kinds: Sequence[TeacherKind],
    runner: Runner,
    student: BaseModel,
) -> dict[str, Pair]:
    """What the terms compare, in a step on random images."""
    error: ValueError | None = None
    for size in SIZES:
        maker = _maker(terms, kinds, runner, student)  # one that failed is half-way
        copy = maker.student.model
        try:
            with torch.no_grad(), as_value_error('a step on random images'):
                return maker.pairs(random_batch(copy, (size, size)))
        except ValueError as failure:
            error = error or failure
    assert error is not None
    raise error


def _copy(runner: Runner, student: BaseModel) -> BaseModel:
    """A model that has the student's shapes; PyTorch copies none that is sharded."""
    if not is_sharded(student):
        return deepcopy(student)
    _, model = build_untrained(runner.cfg)
    return model.to(next(student.parameters()).device)


def _filled(term: Term, config: Mapping[str, Any], pair: Pair) -> dict[str, Any]:
    """The config of a term with the channels of its pair.

    Raises:
        ValueError: The config has other channels.
    """
    loss = dict(config['loss'])
    weighers = {}
    if _asks_to_weigh(term):
        assert isinstance(pair.student, Tensor), 'weighers were checked'
        found = {
            'in_channels': pair.context[EMBEDDING].shape[1],
            'num_classes': pair.student.shape[1],
        }
        try:
            weighers = {'sample_weight': filled(config['sample_weight'], found)}
        except ValueError as error:
            raise ValueError(f'distill term {term.name!r}: {error}') from error
    read = dict(zip(CHANNELS, map(_widths, pair.models()), strict=False))
    cls = term.loss.cls if isinstance(term.loss, PendingLoss) else type(term.loss)
    added = {}
    for name in required_channels(cls):
        if loss.get(name) is None:
            added[name] = read[name]
        elif _listed(loss[name]) != _listed(read[name]):
            raise ValueError(
                f'distill term {term.name!r}: {name} must be the channels of '
                f'on={term.on!r}, level by level, which are {read[name]!r}, got '
                f'{loss[name]!r}; leave {name} out to have them read'
            )
    if added:
        shown = ', '.join(f'{name}={value!r}' for name, value in added.items())
        print_log(
            f'Distill term {term.name!r}: {shown}, as read from the models',
            logger='current',
            level=logging.INFO,
        )
    return {**config, 'loss': {**loss, **added}, **weighers}


def _widths(value: Value) -> int | list[int]:
    if isinstance(value, Tensor):
        return value.shape[1]
    return [level.shape[1] for level in value]


def _listed(widths: Any) -> list[int]:
    return list(widths) if isinstance(widths, (list, tuple)) else [widths]
