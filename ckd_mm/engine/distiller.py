"""One student, its teachers and the terms between them, during one training run.

The distiller hangs on the student's forward: a pre-hook opens the recorders, a forward
hook runs the teachers, computes the terms and returns the student's loss dict with
theirs added. Only forwards with `mode='loss'` are touched, so validation runs the stock
path. Of a semi-supervised detector, the student is the one inside, on its labelled
images; the forward is that of the whole.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.logging import print_log
from mmengine.model import BaseModel
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from ckd_mm.adapters.core.semi_supervised import (
    LabelledBranch,
    is_semi_supervised,
    preprocessor_of,
    student_within,
)
from ckd_mm.engine.connectors import averaged_over_ranks
from ckd_mm.engine.terms import Term
from ckd_mm.registry import did_you_mean
from ckd_mm.teachers import CachedTeacher, Teacher
from ckd_mm.teachers.cached_view import CachedSource
from ckd_mm.teachers.view import Source, average

__all__ = ['Distiller']


class Distiller:
    """Adds the losses of the terms to the student's own.

    Args:
        student: The student, without a distributed wrapper; or the semi-supervised
            detector that trains it.
        teachers: The teachers.
        terms: What is distilled; each from the teachers that it names, or all.
        student_loss_weight: A factor on the student's own losses, or one per loss key.

    Raises:
        ValueError: The terms do not fit the two models.
    """

    def __init__(
        self,
        student: BaseModel,
        teachers: Sequence[Teacher | CachedTeacher],
        terms: Sequence[Term],
        student_loss_weight: float | dict[str, float] = 1.0,
    ) -> None:
        self.student = student
        self.terms = terms
        self.factors = dict.fromkeys((term.name for term in terms), 1.0)
        self.epoch = 0.0
        self.student_loss_weight = student_loss_weight
        weights = student_loss_weight
        self.unlogged = [*weights] if isinstance(weights, dict) else []
        """Losses that have a weight and were not there in any step so far."""
        self._is_first = True
        device = next(student.parameters()).device
        self.losses = {
            term.name: averaged_over_ranks(term.loss.to(device)) for term in terms
        }
        self.sources = [
            _source(student, teacher, [t for t in terms if t.listens_to(number)])
            for number, teacher in enumerate(teachers)
        ]
        self._check_losses()
        self._check_rows()
        self._signature = inspect.signature(student.forward)
        self._handles: list[RemovableHandle | LabelledBranch] = []
        self._batch: tuple[Any, Any] | None = None

    def attach(self) -> None:
        """Put the forward hooks onto student and teacher."""
        for source in self.sources:
            source.attach()
        self._handles = [
            self.student.register_forward_pre_hook(self._before, with_kwargs=True),
            self.student.register_forward_hook(self._after, with_kwargs=True),
        ]
        if is_semi_supervised(self.student):
            branch = LabelledBranch(self.student, self._open, self._close)
            self._handles.append(branch)

    def detach(self) -> None:
        """Take all forward hooks off again."""
        for source in self.sources:
            source.detach()
        while self._handles:
            self._handles.pop().remove()

    def _before(self, module: nn.Module, args: tuple, kwargs: dict) -> None:
        arguments = self._arguments(args, kwargs)
        is_whole = not is_semi_supervised(self.student)
        if arguments.get('mode') == 'loss' and is_whole:
            self._open(arguments['inputs'], arguments['data_samples'])

    def _after(self, module: nn.Module, args: tuple, kwargs: dict, output: Any) -> Any:
        arguments = self._arguments(args, kwargs)
        if arguments.get('mode') != 'loss':
            return None
        if not is_semi_supervised(self.student):
            self._close()
        if self._batch is None:
            raise ValueError(
                f'the {type(self.student).__name__} did not run loss_by_gt_instances '
                'in this step, and a semi-supervised detector is distilled on its '
                'labelled images; give each batch some'
            )
        inputs, data_samples = self._batch
        self._batch = None
        losses = self._weighted(output)
        added = self._distill(inputs, data_samples)
        taken = sorted(set(losses) & set(added))
        if taken:
            raise ValueError(
                f'the student already logs {", ".join(taken)}; rename the distill term'
            )
        return {**losses, **added}

    def _open(self, inputs: Any, data_samples: Any) -> None:
        """Listen to the student, which is about to run on this batch."""
        self._batch = (inputs, data_samples)
        for source in self._active_sources:
            source.before(inputs, data_samples)

    def _close(self) -> None:
        """Stop listening."""
        for source in self._active_sources:
            source.after()

    def _check_losses(self) -> None:
        """Check that the loss of each term takes what its parts give."""
        for term in self.terms:
            for source in self.sources:
                if term.name in source.terms:
                    source.adapter.fits[term.name].check(term.loss)

    def _check_rows(self) -> None:
        """Check that no term averages rows that are not the same."""
        for term in self.terms:
            heard = [one for one in self.sources if term.name in one.terms]
            if len(heard) > 1 and heard[0].adapter.is_by_teacher(term.name):
                raise ValueError(
                    f'term {term.name!r} compares rows that the teacher chooses, and '
                    f'hears {len(heard)} teachers, whose rows differ; give each a term '
                    'of its own with teacher=NUMBER'
                )
            if len({str(one.adapter.classes(term.name)) for one in heard}) > 1:
                raise ValueError(
                    f'term {term.name!r} averages {len(heard)} teachers that have '
                    'different classes in common with the student; give each a term '
                    'of its own with teacher=NUMBER'
                )

    def _arguments(self, args: tuple, kwargs: dict) -> dict[str, Any]:
        return self._signature.bind(*args, **kwargs).arguments

    @property
    def _active_sources(self) -> list[Source]:
        """The teachers that some term listens to in this step."""
        return [
            source
            for source in self.sources
            if any(self.factors[name] for name in source.terms)
        ]

    def _distill(
        self, inputs: Tensor, data_samples: Sequence[Any]
    ) -> dict[str, Tensor]:
        active = self._active_sources
        for source in active:
            source.observe(inputs, data_samples, self.epoch)
        added: dict[str, Tensor] = {}
        for term in self.terms:
            if self.factors[term.name]:
                try:
                    added.update(self._term(term, active))
                except ValueError as error:
                    if f'term {term.name!r}' in str(error):
                        raise
                    raise ValueError(f'term {term.name!r}: {error}') from error
            else:
                added[f'loss_{term.name}'] = inputs.new_zeros(())
        for source in active:
            source.forget()
        return added

    def _term(self, term: Term, active: list[Source]) -> dict[str, Tensor]:
        heard = [source for source in active if term.name in source.terms]
        pairs = [source.pair(term.name) for source in heard]
        pair = dict(pairs[0])
        with torch.no_grad():
            pair['teacher'] = average(
                [pair['teacher'] for pair in pairs], [source.weight for source in heard]
            )
        fit = heard[0].adapter.fits[term.name]
        fit.check_values(term.loss, pair['student'], pair['teacher'])
        loss = self.losses[term.name](**pair)
        with torch.no_grad():
            statistics = term.statistics(pair['student'], pair['teacher'])
        factor = self.factors[term.name]
        return {
            f'loss_{term.name}': loss if factor == 1.0 else factor * loss,
            **statistics,
        }

    def _weighted(self, losses: dict[str, Any]) -> dict[str, Any]:
        """The student's own losses, scaled."""
        weight = self.student_loss_weight
        if isinstance(weight, dict):
            self._note_logged(losses)
            weights = weight
        else:
            weights = {key: weight for key in losses if 'loss' in key}
        # MMEngine logs the sum of all losses as `loss`; a classifier's own loss of that
        # name would hide it.
        return {
            'loss_student' if key == 'loss' else key: (
                _scaled(value, weights[key]) if weights.get(key, 1) != 1 else value
            )
            for key, value in losses.items()
        }

    def _note_logged(self, losses: Mapping[str, Any]) -> None:
        """See which of the losses that have a weight are there.

        Some come late, as YOLOX's `loss_l1` in its last epochs, or end early, so that
        one that is not there is no error; it may as well be misspelt.
        """
        is_first = self._is_first
        self._is_first = False
        self.unlogged = [key for key in self.unlogged if key not in losses]
        for key in self.unlogged if is_first else ():
            print_log(
                f'student_loss_weight names {key!r}, which the student does not log in '
                'the first step; its weight counts once the student does'
                + did_you_mean(key, losses),
                logger='current',
                level=logging.WARNING,
            )


def _source(
    student: BaseModel, teacher: Teacher | CachedTeacher, terms: Sequence[Term]
) -> Source:
    if isinstance(teacher, CachedTeacher):
        return CachedSource(student_within(student), teacher, terms)
    return Source(student_within(student), teacher, terms, preprocessor_of(student))


def _scaled(value: Tensor | list[Tensor], weight: float) -> Tensor | list[Tensor]:
    if isinstance(value, Tensor):
        return value * weight
    return [item * weight for item in value]
