"""What a peer and the student, or two peers, say in the terms between them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from mmengine.model import BaseModel

from ckd_mm.adapters import (
    BoundTerm,
    FeatureMaps,
    Pair,
    Pass,
    Recorder,
    Step,
    Tap,
    Value,
)
from ckd_mm.adapters import build_adapter as adapter_of
from ckd_mm.adapters.core.detached import detached
from ckd_mm.teachers.base import STUDENT, Request
from ckd_mm.teachers.peers.beside import passes_beside

if TYPE_CHECKING:
    from ckd_mm.teachers.peers.peer import Peer

__all__ = ['PeerView']


class _Sides(NamedTuple):
    """The two models of a term, by number.

    Args:
        rows: Whose rows and labels are compared; the adapter's student.
        beside: The other one; the adapter's teacher.
    """

    rows: int
    beside: int


class PeerView:
    """A :class:`ckd_mm.teachers.TeacherView` of models that both learn.

    A term compares who learns in it with who teaches. Each of the two is the student,
    this peer or another one. Both values are of the models' own forwards of the step,
    so none has seen what the other learns in it. Only who learns gets a gradient, or
    both where the term trains both.

    RoIs are those of who learns, and those of the student where it takes part. The
    other model's heads run on them once more; the student's never do.

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
        self._models = {number: one.model for number, one in peer.others.items()}
        self._models[STUDENT] = student
        self.terms: dict[str, BoundTerm] = {}
        self._sides: dict[str, _Sides] = {}
        self._passes: dict[str, tuple[Pass, ...]] = {}
        for name, one in requests.items():
            self._bind(name, one)
        self._recorders = {
            number: Recorder(
                self._models[number], self._taps_of_model(number, self.terms)
            )
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
        acting = step.acting(self.terms)
        both = {number for name in acting for number in self._sides[name]}
        for number in sorted(both - {STUDENT}):
            self._peer.others[number].run(step)
        for recorder in self._recorders.values():
            recorder.close()

    def rerun_student(self, step: Step) -> None:
        """Run heads of a peer on the RoIs of another model; nothing of the student."""
        acting = step.acting(self.terms)
        for sides in dict.fromkeys(self._sides[name] for name in acting):
            names = [name for name in acting if self._sides[name] == sides]
            passes = [one for name in names for one in self._passes[name]]
            if passes:
                self._peer.others[sides.beside].run_beside(
                    passes,
                    self._step_of(sides.rows, step),
                    self._recorders[sides.beside],
                    learns=any(self._learns(name, sides.beside) for name in names),
                )

    def pair(self, term: str, step: Step) -> Pair:
        """What the loss of a term gets in this step."""
        sides = self._sides[term]
        of_rows = self._step_of(sides.rows, step)
        pair = self.terms[term].pair(of_rows, self._recorder(sides.beside, step))
        assert pair.teacher is not None
        if self._requests[term].learner != sides.rows:
            pair = replace(pair, student=pair.teacher, teacher=pair.student)
        return pair if self._requests[term].mutual else _constant_teacher(pair)

    def teacher_value(self, term: str, step: Step) -> Value:
        """The teacher's value for a term, without a graph."""
        value = self.pair(term, step).teacher
        assert value is not None
        return value

    def forget(self) -> None:
        """Let go of the step's tensors."""
        for recorder in self._recorders.values():
            recorder.forget()
        self._peer.forget()

    def _bind(self, name: str, request: Request) -> None:
        """Bind a term to its two models.

        Raises:
            ValueError: It does not fit them.
        """
        sides = _Sides(request.learner, _teacher_of(request, self._peer.number))
        bound = self._bound(name, request, sides)
        if sides.beside == STUDENT and bound.runs_beside:
            sides = _Sides(STUDENT, request.learner)
            _check_embedding(name, request.context)
            bound = self._bound(name, request, sides)
        self.terms[name], self._sides[name] = bound, sides
        self._passes[name] = passes_beside(name, request.on, bound)

    def _bound(self, name: str, request: Request, sides: _Sides) -> BoundTerm:
        rows, beside = (self._models[number] for number in sides)
        return adapter_of(rows, beside).bind(
            name, request.on, request.context, request.connector, request.users
        )

    def _learns(self, term: str, number: int) -> bool:
        request = self._requests[term]
        return request.mutual or request.learner == number

    def _step_of(self, number: int, step: Step) -> Step:
        """The step of a model that has the rows of a term."""
        if number == STUDENT:
            return step
        return self._peer.others[number].as_learner(self._recorders[number])

    def _recorder(self, number: int, step: Step) -> Recorder:
        return step.student if number == STUDENT else self._recorders[number]

    def _taps_of_model(self, number: int, terms: Collection[str]) -> Iterator[Tap]:
        """Where a model is noted for some terms."""
        for name in terms:
            if name not in self.terms:
                continue
            sides, passes = self._sides[name], self._passes[name]
            if sides.rows == number:
                yield from self.terms[name].student_taps()
                yield from (tap for one in passes for tap in one.student_taps)
            if sides.beside == number:
                yield from self.terms[name].teacher_taps()
                yield from [FeatureMaps(self._models[number]).tap] * bool(passes)


def _check_embedding(term: str, context: Collection[str]) -> None:
    """Check that nothing reads the embedding of who learns.

    Raises:
        ValueError: Its RoIs are those of the student, whose embedding is at hand.
    """
    if 'student_embedding' in context:
        raise ValueError(
            f"term {term!r}: its loss or weigher reads 'student_embedding', of who "
            "learns, and the peer's heads run on the RoIs of the student; leave the "
            'weigher (IPWDWeight) out of terms on RoIs in which a peer learns'
        )


def _constant_teacher(pair: Pair) -> Pair:
    assert pair.teacher is not None
    return replace(pair, teacher=detached(pair.teacher))


def _teacher_of(request: Request, peer: int) -> int:
    """Who teaches in a term that this peer takes part in."""
    if request.learner == STUDENT:
        return peer
    (teacher,) = request.teachers or ()
    return teacher
