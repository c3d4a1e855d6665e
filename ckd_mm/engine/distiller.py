"""One training step: the student's losses in, those of the terms added.

:meth:`Distiller.step` is the whole of it. `docs/explanation/one-step.md` follows a
batch through it in the same words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from mmengine.model import BaseModel
from torch import Tensor

from ckd_mm.adapters import Pair, Step
from ckd_mm.adapters.core.context import asked_for
from ckd_mm.distributed import equal_on_all_ranks
from ckd_mm.engine.connectors import averaged_over_ranks
from ckd_mm.engine.controllers import Controllers, naming_the_term
from ckd_mm.engine.pairs import PairMaker
from ckd_mm.engine.sample_weights import Weighed
from ckd_mm.engine.student_losses import StudentLosses
from ckd_mm.engine.terms import Term
from ckd_mm.teachers import Request, Teacher, TeacherView

__all__ = ['Distiller']


class Distiller:
    """Adds the losses of the terms to the student's losses.

    Args:
        student: The student, without a distributed wrapper; or the semi-supervised
            detector that trains it.
        teachers: The teachers; there may be none, for losses of the student alone.
        terms: What is distilled; each from the teachers that it names, or all.
        student_loss_weight: A factor on the student's losses, or one per loss key, see
            :class:`StudentLosses`. With 0 and terms that need no labels, the student
            runs as far as they read it.
        moves_statistics: Whether the running statistics of BatchNorm see the batches
            without labels.

    Raises:
        ValueError: The terms do not fit the models.
    """

    def __init__(
        self,
        student: BaseModel,
        teachers: Sequence[Teacher],
        terms: Sequence[Term],
        student_loss_weight: float | dict[str, Any] = 1.0,
        moves_statistics: bool = True,
    ) -> None:
        self.terms = terms
        device = next(student.parameters()).device
        self.maker = PairMaker(
            student,
            teachers,
            {term.name: _averaged(term.request, device) for term in terms},
            alone=student_loss_weight == 0,
            moves_statistics=moves_statistics,
        )
        self.losses = {
            term.name: averaged_over_ranks(term.loss.to(device)) for term in terms
        }
        self._arguments = {
            term.name: ('student', 'teacher', *asked_for(term.loss)) for term in terms
        }
        self.sample_weights = {
            term.name: averaged_over_ranks(term.sample_weight.to(device))
            for term in terms
            if term.sample_weight is not None
        }
        self.student_losses = StudentLosses(student_loss_weight)
        for term in terms:
            if term.controller is not None:
                equal_on_all_ranks(term.controller.to(device))
        self.controllers = Controllers(
            student,
            {term.name: term.controller for term in terms},
            alone=student_loss_weight == 0,
        )
        self.factors = {term.name: 1.0 for term in terms}
        self._epoch, self._progress = 0.0, 0.0
        self._unlabelled: Mapping[str, Any] | None = None

    def set_progress(
        self,
        epoch: float,
        factors: Mapping[str, float],
        unlabelled: Mapping[str, Any] | None = None,
        progress: float = 0.0,
    ) -> None:
        """Say how far training is, before a step.

        Args:
            epoch: Epochs done, with the fraction of the running one.
            factors: By term, how much its loss counts in this step. At 0 nothing of it
                is computed.
            unlabelled: The preprocessed batch for terms that compare on it.
            progress: The share of the run's iterations that are done, from 0 to 1.

        Raises:
            ValueError: Nothing would train the student.
        """
        self._epoch, self._progress = epoch, progress
        self.factors, self._unlabelled = dict(factors), unlabelled
        if self.maker.student.label_free is not None and not any(factors.values()):
            raise ValueError(
                'student_loss_weight=0 leaves the terms alone to train the student, '
                f'and none of them acts at epoch {epoch:g}; let the schedule of one '
                'begin at 0, end with the run, and act in every iteration'
            )

    def attach(self) -> None:
        """Listen to the models."""
        self.maker.attach(self._start, self.step)

    def detach(self) -> None:
        """Take all hooks off again."""
        self.maker.detach()

    @contextmanager
    def attached(self) -> Iterator[None]:
        """Listen to the models inside of a `with`."""
        self.attach()
        try:
            yield
        finally:
            self.detach()

    @property
    def views(self) -> Sequence[TeacherView]:
        """One view of each teacher, for the terms that listen to it."""
        return self.maker.views

    def pairs(self, batch: dict[str, Any]) -> dict[str, Pair]:
        """What the loss of each term would get of a batch, see `PairMaker.pairs`."""
        return self.maker.pairs(batch, self._epoch)

    def step(self, step: Step, losses: dict[str, Any]) -> dict[str, Any]:
        """One training step, once the student's forward is done.

        Args:
            step: The batch, and what was noted of the student.
            losses: The student's losses.

        Returns:
            What the forward returns: the student's losses, scaled, those of the terms
            as `loss_<name>`, statistics as `<name>_<statistic>`, and what each peer
            logs as `<peer>/<key>`.
        """
        active = [term for term in self.terms if self.factors[term.name]]
        added = self.maker.losses_of_peers(step)
        for view in self.maker.views_of(term.name for term in active):
            view.run_teacher(step)
            view.rerun_student(step)
        unweighed: dict[str, Tensor] = {}
        for term in self.terms:
            if not self.factors[term.name]:
                added[f'loss_{term.name}'] = step.inputs.new_zeros(())
                continue
            with naming_the_term(term.name):
                unweighed[term.name], logged = self._over_batches(term, step)
                loss = self.controllers.weighed(term.name, unweighed[term.name])
                added[f'loss_{term.name}'] = _scaled(loss, self.factors[term.name])
                added.update(logged)
        self.maker.forget()
        merged = _merged(self.student_losses(losses), added)
        return merged | self.controllers.observe(unweighed, self.factors, merged)

    def _over_batches(self, term: Term, step: Step) -> tuple[Tensor, dict[str, Tensor]]:
        """The sum of a term's losses over the batches it compares on, and its log.

        Of both batches, the log names the second `<name>_unlabelled`.
        """
        losses, logged = [], {}
        names = (term.name, f'{term.name}_unlabelled')
        for pair, name in zip(
            self.maker.pairs_of(term.name, step), names, strict=False
        ):
            fit = self.maker.bound(term.name).fit
            fit.check_values(term.loss, *pair.models())
            loss, of_weighers = self._loss(term, pair, name)
            losses.append(loss)
            logged.update(term.statistics(pair, name) | of_weighers)
        first, *rest = losses
        return sum(rest, first), logged

    def _loss(
        self, term: Term, pair: Pair, name: str
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss of one batch, and what its weighers log under a name."""
        loss, given = self.losses[term.name], pair.arguments()
        names = self._arguments[term.name]
        arguments = {name: one for name, one in given.items() if name in names}
        if term.name not in self.sample_weights:
            return loss(**arguments), {}
        rows = loss(**arguments, reduction='none')
        found: Weighed = self.sample_weights[term.name](rows, given)
        return found.loss, found.logged(name, counts=term.request.counts)

    def _start(self, inputs: Any, data_samples: Any) -> Step:
        """The student's forward is about to begin on this batch."""
        active = [name for name, factor in self.factors.items() if factor]
        batch, self._unlabelled = self._unlabelled, None
        return self.maker.start(
            inputs, data_samples, active, self._epoch, batch, self._progress
        )


def _averaged(request: Request, device: torch.device) -> Request:
    """The same with a connector on this device, averaged over ranks."""
    if request.connector is None:
        return request
    return replace(request, connector=averaged_over_ranks(request.connector.to(device)))


def _scaled(loss: Tensor, factor: float) -> Tensor:
    return loss if factor == 1.0 else factor * loss


def _merged(losses: dict[str, Any], added: dict[str, Any]) -> dict[str, Any]:
    taken = sorted(set(losses) & set(added))
    if taken:
        raise ValueError(
            f'the student already logs {", ".join(taken)}; rename the distill term'
        )
    return {**losses, **added}
