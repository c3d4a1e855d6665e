"""Makes the pairs of each step, from a student, its teachers and the terms."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from itertools import chain
from typing import Any

from mmengine.model import BaseModel
from torch import Tensor

from ckd_mm.adapters import BoundTerm, Pair, Step, Tap
from ckd_mm.adapters.core.batch_checks import check_batch
from ckd_mm.engine.label_free import LabelFreeForward, why_labels
from ckd_mm.engine.student_view import StudentView
from ckd_mm.engine.unlabelled import unlabelled_student, views_by_data
from ckd_mm.probing.steps import first_iteration
from ckd_mm.random_state import preserved_random_state
from ckd_mm.teachers import ALONE, Request, Teacher, TeacherView, introduced

__all__ = ['PairMaker']


class PairMaker:
    """Makes the pair of each term in a step of the student.

    Args:
        student: The student, without a distributed wrapper; or the semi-supervised
            detector that trains it.
        teachers: The teachers; there may be none.
        requests: What each term asks for, by its name.
        alone: Whether the student's own losses do not count. It then runs as far as
            the terms read it, if they need no labels.
        moves_statistics: Whether the running statistics of BatchNorm see the batches
            without labels.

    Raises:
        ValueError: The terms do not fit the models.
    """

    def __init__(
        self,
        student: BaseModel,
        teachers: Sequence[Teacher],
        requests: Mapping[str, Request],
        alone: bool = False,
        moves_statistics: bool = True,
    ) -> None:
        self.peers = introduced(student, teachers)
        labelled, unlabelled = views_by_data(student, teachers, requests)
        self.unlabelled = unlabelled_student(
            student, unlabelled, requests, moves_statistics
        )
        self.views: list[TeacherView] = [*labelled.values(), *unlabelled.values()]
        self.numbers = [*labelled, *unlabelled]
        self._batches: dict[str, list[list[int]]] = {}
        self._first_unlabelled = len(labelled)
        self.weights = [
            1.0 if number == ALONE else teachers[number].weight
            for number in self.numbers
        ]
        self.averages = {name: request.average for name, request in requests.items()}
        self.needing_labels = why_labels(student, labelled.values())
        taps = [tap for view in labelled.values() for tap in view.student_taps]
        label_free = alone and not self.needing_labels and not self.peers
        self.student = StudentView(
            student, taps, LabelFreeForward(student, taps) if label_free else None
        )
        self._attached: tuple[Any, Any] | None = None
        self._taps_of: dict[frozenset[str], frozenset[Tap]] = {}
        for name in requests:
            self._batches[name] = self._batches_of(name)
            for batch in self._batches[name]:
                _check_same_rows(name, [self.views[one].terms[name] for one in batch])

    def heard(self, term: str) -> list[TeacherView]:
        """The teachers that a term listens to."""
        return [view for view in self.views if term in view.terms]

    def bound(self, term: str) -> BoundTerm:
        """A term, bound to the first of its teachers."""
        return self.heard(term)[0].terms[term]

    def start(
        self,
        inputs: Tensor,
        data_samples: Sequence[Any],
        terms: Collection[str],
        epoch: float = 0.0,
        unlabelled: Mapping[str, Any] | None = None,
        progress: float = 0.0,
    ) -> Step:
        """Begin a step for some terms, before the student's forward.

        Args:
            inputs: The preprocessed batch (N, 3, H, W).
            data_samples: Its N data samples.
            terms: Those that act.
            epoch: How many epochs are done.
            unlabelled: `inputs` and `data_samples` of the batch without labels; `None`
                is the same batch once more.
            progress: The share of the run's iterations that are done.

        Raises:
            ValueError: The batch is not one tensor of images.
        """
        check_batch(inputs, data_samples)
        step = Step(
            inputs,
            data_samples,
            self.student.recorder,
            epoch,
            set(terms),
            unlabelled=self._unlabelled_step(
                unlabelled or dict(inputs=inputs, data_samples=data_samples),
                set(terms),
                epoch,
                progress,
            ),
            taps=self._taps(frozenset(terms)),
            progress=progress,
        )
        for view in self.views_of(terms):
            view.start(step)
        return step

    def _taps(self, terms: frozenset[str]) -> frozenset[Tap]:
        """What these terms read of the student on the batch with labels."""
        if terms not in self._taps_of:
            found = (view.taps_of(terms) for view in self.views)
            self._taps_of[terms] = frozenset(chain.from_iterable(found))
        return self._taps_of[terms]

    def _unlabelled_step(
        self,
        batch: Mapping[str, Any],
        terms: Collection[str],
        epoch: float,
        progress: float,
    ) -> Step | None:
        if self.unlabelled is None:
            return None
        inputs, data_samples = batch['inputs'], batch['data_samples']
        check_batch(inputs, data_samples)
        recorder = self.unlabelled.recorder
        return Step(inputs, data_samples, recorder, epoch, terms, progress=progress)

    def losses_of_peers(self, step: Step) -> dict[str, Any]:
        """Run the peers; their own losses and what else they log, by key."""
        found = (peer.losses(step).items() for peer in self.peers)
        return dict(chain.from_iterable(found))

    def pairs_of(self, term: str, step: Step) -> list[Pair]:
        """What the loss of a term gets, of each batch that it compares on.

        That with labels comes first.
        """
        return [self._pair(term, step, batch) for batch in self._batches[term]]

    def _batches_of(self, term: str) -> list[list[int]]:
        """The views that a term listens to, batch by batch, by their positions."""
        heard = [at for at, view in enumerate(self.views) if term in view.terms]
        batches = (
            [at for at in heard if at < self._first_unlabelled],
            [at for at in heard if at >= self._first_unlabelled],
        )
        return [batch for batch in batches if batch]

    def _pair(self, term: str, step: Step, batch: Iterable[int]) -> Pair:
        """What the loss of a term gets; of several teachers, their average.

        A loss of the student alone gets no teacher's value. The student's value is the
        same beside each of several, see `_check_same_rows`.
        """
        average = self.averages[term]
        pairs, weights = [], []
        for at in batch:
            pairs.append(self.views[at].pair(term, step))
            weights.append(average.weight(self.numbers[at], self.weights[at]))
        values = [pair.teacher for pair in pairs if pair.teacher is not None]
        return replace(
            pairs[0], teacher=average.of(values, weights) if values else None
        )

    def forget(self) -> None:
        """Let go of the step's tensors."""
        self.student.forget()
        if self.unlabelled is not None:
            self.unlabelled.recorder.forget()
        for view in self.views:
            view.forget()

    def pairs(self, batch: dict[str, Any], epoch: float = 0.0) -> dict[str, Pair]:
        """What the loss of each term would get of a batch.

        The student makes one training step without a backward pass, in the mode that it
        is in. In training mode the statistics of its normalisation layers move. Random
        states stay the same. It may be called between the steps of a run as well.

        Args:
            batch: As a data loader gives it; the student's preprocessor prepares it.
            epoch: How many epochs are done, for losses that ask for it.

        Raises:
            ValueError: A term does not fit the models.
        """
        terms = {name: None for view in self.views for name in view.terms}
        found: dict[str, Pair] = {}

        def before(inputs: Any, data_samples: Any) -> Step:
            return self.start(inputs, data_samples, terms, epoch)

        def after(step: Step, losses: dict[str, Any]) -> dict[str, Any]:
            for view in self.views:
                view.run_teacher(step)
                view.rerun_student(step)
            found.update({name: self.pairs_of(name, step)[0] for name in terms})
            self.forget()
            return losses

        in_a_run = self._attached
        self.detach()
        self.attach(before, after)
        try:
            with first_iteration(), preserved_random_state():
                student = self.student.model
                data = student.data_preprocessor(deepcopy(batch), True)
                student(**data, mode='loss')
        finally:
            self.detach()
            if in_a_run is not None:
                self.attach(*in_a_run)
        return found

    def attach(self, before: Any, after: Any) -> None:
        """Put the forward hooks onto all models, see :meth:`StudentView.attach`."""
        for view in self.views:
            view.attach()
        if self.unlabelled is not None:
            self.unlabelled.recorder.attach()
        self.student.attach(before, after)
        self._attached = (before, after)

    def detach(self) -> None:
        """Take them off again."""
        for view in self.views:
            view.detach()
        if self.unlabelled is not None:
            self.unlabelled.recorder.detach()
        self.student.detach()
        self._attached = None

    def views_of(self, terms: Iterable[str]) -> list[TeacherView]:
        """The teachers that any of these terms listens to."""
        names = set(terms)
        return [view for view in self.views if not names.isdisjoint(view.terms)]


def _check_same_rows(term: str, bound: Sequence[BoundTerm]) -> None:
    """Check that a term does not average what is not of the same rows and tensors."""
    if len(bound) > 1 and bound[0].by_teacher:
        raise ValueError(
            f'term {term!r} compares rows that the teacher chooses, and '
            f'hears {len(bound)} teachers, whose rows differ; give each a term '
            'of its own with teacher=NUMBER'
        )
    if len(bound) > 1 and bound[0].crossed:
        raise ValueError(
            f"term {term!r} compares what a teacher makes of the student's maps, and "
            f'hears {len(bound)} teachers, each of which makes something else; give '
            'each a term of its own with teacher=NUMBER'
        )
    names = ' and '.join(map(repr, bound[0].of_one_teacher))
    if len(bound) > 1 and names:
        raise ValueError(
            f'the loss of term {term!r} asks for {names} of a teacher, and hears '
            f'{len(bound)} teachers, each of which has its own; give each a term of '
            'its own with teacher=NUMBER'
        )
    if len({str(one.classes) for one in bound}) > 1:
        raise ValueError(
            f'term {term!r} averages {len(bound)} teachers that have '
            'different classes in common with the student; give each a term '
            'of its own with teacher=NUMBER'
        )
