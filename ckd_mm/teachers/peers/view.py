"""What a peer and the student, or two peers, say in the terms between them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mmengine.model import BaseModel

from ckd_mm.adapters import BoundTerm, Pair, Recorder, Step, Tap, Value, build_adapter
from ckd_mm.adapters.core.pair_spec import detached
from ckd_mm.teachers.base import STUDENT, Request

if TYPE_CHECKING:
    from ckd_mm.teachers.peers.peer import Peer

__all__ = ['PeerView']


class PeerView:
    """A :class:`ckd_mm.teachers.TeacherView` of models that both learn.

    A term compares who learns in it with who teaches. Each of the two is the student,
    this peer or another one. Both values are of their own forward of the step, so none
    has seen what the other learns in it. Only who learns gets a gradient, or both where
    the term trains both.

    Args:
        student: The student, without a distributed wrapper.
        peer: This peer, which knows the others.
        requests: What the terms ask for in which it learns or teaches, by name.

    Raises:
        ValueError: The terms do not fit the models.
    """

    def __init__(
        self, student: BaseModel, peer: Peer, requests: Mapping[str, Request]
    ) -> None:
        self._peer, self._requests = peer, requests
        models = {number: one.model for number, one in peer.others.items()}
        models[STUDENT] = student
        self._sides = {
            name: (one.learner, _teacher_of(one, peer.number))
            for name, one in requests.items()
        }
        self.terms: dict[str, BoundTerm] = {}
        for name, one in requests.items():
            learner, teacher = (models[number] for number in self._sides[name])
            self.terms[name] = build_adapter(learner, teacher).bind(
                name, one.on, one.context, one.connector, one.users
            )
            _check_needs_no_runs(name, one.on, self.terms[name])
        self._recorders = {
            number: Recorder(models[number], self._taps_of_model(number, self.terms))
            for number in peer.others
        }

    @property
    def student_taps(self) -> Collection[Tap]:
        """The taps of the student's forward that it needs."""
        return self.taps_of(self.terms)

    def taps_of(self, terms: Collection[str]) -> Collection[Tap]:
        """Those of them that it needs for some of its terms."""
        return [*self._taps_of_model(STUDENT, terms)]

    def attach(self) -> None:
        """Put the forward hooks onto the peers."""
        for recorder in self._recorders.values():
            recorder.attach()

    def detach(self) -> None:
        """Take them off again."""
        for recorder in self._recorders.values():
            recorder.detach()
        self._peer.forget()

    def start(self, step: Step) -> None:
        """Note what the peers do in this step."""
        acting = step.acting(self.terms)
        for number, recorder in self._recorders.items():
            recorder.open([*self._taps_of_model(number, acting)])

    def run_teacher(self, step: Step) -> None:
        """Run the peers of the terms that act, unless they have run."""
        acting = {
            side for name in step.acting(self.terms) for side in self._sides[name]
        }
        for number in acting - {STUDENT}:
            self._peer.others[number].run(step)
        for recorder in self._recorders.values():
            recorder.close()

    def rerun_student(self, step: Step) -> None:
        """Nothing: terms that need that are refused."""

    def pair(self, term: str, step: Step) -> Pair:
        """What the loss of a term gets in this step."""
        learner, _ = self._sides[term]
        of_teacher = self._teachers_recorder(term, step)
        if learner != STUDENT:
            step = self._peer.others[learner].as_learner(self._recorders[learner])
        pair = self.terms[term].pair(step, of_teacher)
        assert pair.teacher is not None
        if self._requests[term].mutual:
            return pair
        return replace(pair, teacher=detached(pair.teacher))

    def teacher_value(self, term: str, step: Step) -> Value:
        """The teacher's value for a term, without a graph."""
        recorder = self._teachers_recorder(term, step)
        return detached(self.terms[term].teacher_value(step, recorder))

    def forget(self) -> None:
        """Let go of the step's tensors."""
        for recorder in self._recorders.values():
            recorder.forget()
        self._peer.forget()

    def _acting(self, step: Step) -> set[int]:
        """The models that take part in the terms that act."""
        return {side for name in step.acting(self.terms) for side in self._sides[name]}

    def _teachers_recorder(self, term: str, step: Step) -> Recorder:
        _, teacher = self._sides[term]
        return step.student if teacher == STUDENT else self._recorders[teacher]

    def _taps_of_model(self, number: int, terms: Collection[str]) -> Iterator[Tap]:
        """Where a model is noted for some terms."""
        for name in terms:
            if name in self.terms:
                learner, teacher = self._sides[name]
                if learner == number:
                    yield from self.terms[name].student_taps()
                if teacher == number:
                    yield from self.terms[name].teacher_taps()


def _teacher_of(request: Request, peer: int) -> int:
    """Who teaches in a term that this peer takes part in."""
    if request.learner == STUDENT:
        return peer
    (teacher,) = request.teachers or ()
    return teacher


def _check_needs_no_runs(term: str, on: Any, bound: BoundTerm) -> None:
    """Check that both values are of the forwards that the models run anyway.

    Raises:
        ValueError: A module would run once more, or the loss asks for a part of a model
            that changes.
    """
    taps = [*bound.student_taps(), *bound.teacher_taps()]
    if bound.crossed or any(tap.run is not None for tap in taps):
        raise ValueError(
            f'term {term!r} compares with a peer, of which each step runs one forward, '
            f"and on={on!r} runs modules beside it; compare on='logits', "
            "'embedding', 'backbone', 'neck' or two modules"
        )
    if bound.of_one_teacher:
        names = ' and '.join(map(repr, bound.of_one_teacher))
        raise ValueError(
            f'the loss of term {term!r} asks for {names} of a teacher that stays as it '
            'is, and compares with a peer, which is trained; take another loss'
        )
