"""Who learns in a term, and whom it hears: teachers by number, peers by name.

A loss whose `forward` takes no teacher hears none.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from torch import nn

from ckd_mm.registry import LOSSES, did_you_mean
from ckd_mm.teachers import ALONE, STUDENT, Request

__all__ = ['Roles', 'check_all_are_heard', 'roles_of']

BOTH = 'both'
NAME = 'student'


class _Term(Protocol):
    @property
    def request(self) -> Request: ...


@dataclass(frozen=True)
class Roles:
    """Who learns and who teaches in a term, by number; peers come after teachers.

    Args:
        teachers: Who teaches; `None` is all teachers.
        learner: Who learns.
        mutual: Whether the one that teaches learns as well.
    """

    teachers: tuple[int, ...] | None
    learner: int = STUDENT
    mutual: bool = False


def roles_of(
    loss: nn.Module,
    config: Mapping[str, Any],
    num_teachers: int,
    peers: Sequence[str] = (),
) -> Roles:
    """The roles in a term, from its options `teacher` and `learner`.

    Args:
        loss: Its loss.
        config: The term as the user wrote it.
        num_teachers: How many frozen teachers the hook has.
        peers: The names of its peers.

    Raises:
        ValueError: There is no such teacher or peer, or the loss does not fit the
            roles.
    """
    teacher, learner = config.get('teacher'), config.get('learner')
    cls = getattr(loss, 'cls', type(loss))  # one that is pending names its class
    known = _Known(num_teachers, tuple(peers))
    if 'teacher' not in inspect.signature(cls.forward).parameters:
        for name, value in dict(teacher=teacher, learner=learner).items():
            if value is not None:
                raise ValueError(
                    f'{cls.__name__} reads the student alone; leave {name}={value!r} '
                    'out'
                )
        return Roles((ALONE,))
    if not num_teachers and not peers:
        raise ValueError(
            f'{cls.__name__} compares with a teacher, and the hook has none; give the '
            'hook one with teacher=dict(config=...), or the student itself with '
            'teacher=dict(itself=True), or take a loss of the student alone, such as '
            'USKDLoss'
        )
    if learner is None or learner == NAME:
        roles = Roles(known.teachers_of_student(teacher))
        _check_data(config, any(one >= num_teachers for one in roles.teachers or ()))
        return roles
    roles = _with_peers(teacher, learner, known)
    _check_loss(cls, config, roles)
    return roles


@dataclass(frozen=True)
class _Known:
    """The models that a term can name."""

    num_teachers: int
    peers: tuple[str, ...]

    def teachers_of_student(self, teacher: Any) -> tuple[int, ...] | None:
        """Who teaches the student; left out, all teachers, or else the only peer."""
        if teacher is not None:
            return self._numbers(teacher)
        if self.num_teachers:
            return tuple(range(self.num_teachers)) if self.peers else None
        if len(self.peers) > 1:
            raise ValueError(
                f'the hook has the peers {_listed(self.peers)}, and the term does not '
                f'say which of them teaches; give it teacher={self.peers[0]!r}, or a '
                'list of them for their average'
            )
        return (0,)

    def trained(self, name: Any, option: str) -> int:
        """The number of a model that is trained: the student, or a peer.

        Raises:
            ValueError: There is none of this name.
        """
        if name == NAME:
            return STUDENT
        if name in self.peers:
            return self.num_teachers + self.peers.index(name)
        if not self.peers:
            raise ValueError(
                f'{option}={name!r} names a peer, and the hook has none; give it one '
                f'with peers=[dict(config=...)], or leave {option} out'
            )
        if isinstance(name, (list, tuple)):
            raise ValueError(
                f'{option}={name!r} names several models, and a term in which a peer '
                'learns is between two; name one of them, and write a term for each two'
            )
        raise ValueError(
            f'{option}={name!r} names no model that is trained, which are '
            f'{_listed((NAME, *self.peers))}{did_you_mean(str(name), self.peers)}; a '
            'peer learns from these alone, not from teachers that stay as they are'
        )

    def _numbers(self, teacher: Any) -> tuple[int, ...]:
        several = tuple(teacher) if isinstance(teacher, (list, tuple)) else (teacher,)
        if not several:
            raise ValueError(
                'teacher=[] leaves no teacher; leave it out for all of them'
            )
        return tuple(self._number(one, teacher) for one in several)

    def _number(self, one: Any, teacher: Any) -> int:
        if isinstance(one, str) and one != NAME and self.peers:
            return self.trained(one, 'teacher')
        if isinstance(one, bool) or one not in range(self.num_teachers):
            last = self.num_teachers - 1
            of_peers = f', or a peer: {_listed(self.peers)}' if self.peers else ''
            if last < 0:
                raise ValueError(
                    f'teacher={teacher!r} must be the name of a peer, as the hook has '
                    f'no teacher: {_listed(self.peers)}; give it teacher=NAME'
                )
            raise ValueError(
                f'teacher={teacher!r} must be a number from 0 to {last}, '
                "the position in the hook's list of teachers, or a list of them"
                f'{of_peers}'
            )
        return one


def _with_peers(teacher: Any, learner: Any, known: _Known) -> Roles:
    """The roles where a peer learns.

    Raises:
        ValueError: A name is wrong, or one model would learn from itself.
    """
    if isinstance(learner, (list, tuple)) or learner == BOTH:
        two = [NAME, teacher] if learner == BOTH else [*learner]
        if learner == BOTH and teacher is None:
            raise ValueError(
                "learner='both' needs the peer that learns with the student; give "
                "teacher='peer0', or learner=[NAME, NAME] for two peers"
            )
        if len(two) != 2 or (learner != BOTH and teacher not in (None, two[1])):
            raise ValueError(
                f'learner={learner!r} must be one name, or the two models that both '
                f'learn, with teacher left out, got teacher={teacher!r}; write a term '
                'for each two'
            )
        options = ('learner', 'teacher' if learner == BOTH else 'learner')
        first, second = map(known.trained, two, options)
        if first == second:
            raise ValueError(
                f'learner={learner!r} names one model twice; name two of them'
            )
        if second == STUDENT:
            raise ValueError(
                f'learner={learner!r} must begin with the student, whose rows and '
                f"labels a term has; write learner=['student', {two[0]!r}]"
            )
        return Roles((second,), first, mutual=True)
    first = known.trained(learner, 'learner')
    second = known.trained(NAME if teacher is None else teacher, 'teacher')
    if first == second:
        raise ValueError(
            f'learner={learner!r} and teacher={teacher!r} are one model; leave teacher '
            'out to learn from the student'
        )
    return Roles((second,), first)


def _check_loss(cls: type, config: Mapping[str, Any], roles: Roles) -> None:
    """Check that a loss and the other options of a term fit the roles.

    Raises:
        ValueError: They do not.
    """
    if roles.mutual and not getattr(cls, 'trains_teacher', False):
        fitting = sorted(
            name
            for name, one in LOSSES.module_dict.items()
            if getattr(one, 'trains_teacher', False)
        )
        others = f', or take {" or ".join(fitting)}' if fitting else ''
        raise ValueError(
            f'{cls.__name__} gives a gradient to who learns alone, so that '
            f'learner={config["learner"]!r} would train one of the two; write a term '
            f'for each direction{others}'
        )
    if hasattr(cls, 'at_inference'):
        raise ValueError(
            f'{cls.__name__} changes the student at inference, and '
            f'learner={config["learner"]!r} is another model; leave learner out'
        )
    _check_data(config, has_peer=True)


def _check_data(config: Mapping[str, Any], has_peer: bool) -> None:
    """Check that a term with a peer compares on the labelled images alone.

    Raises:
        ValueError: It compares on images without labels.
    """
    if has_peer and config.get('data', 'labelled') != 'labelled':
        raise ValueError(
            f'data={config["data"]!r} is for what the student learns from frozen '
            'teachers: a peer sees the labelled images alone, which train it; leave '
            'data out, or name a teacher with teacher=0'
        )


def check_all_are_heard(
    teacher: Any, terms: Sequence[_Term], peers: Sequence[str] = ()
) -> None:
    """Check that some term listens to each teacher, and has a part for each peer.

    Args:
        teacher: The option of the hook.
        terms: All terms.
        peers: The names of its peers.

    Raises:
        ValueError: None listens to one.
    """
    teachers = teacher if isinstance(teacher, (list, tuple)) else [teacher]
    frozen = [] if teacher is None else teachers
    for number, one in enumerate(frozen):
        if not any(term.request.listens_to(number) for term in terms):
            shown = ', '.join(f'{key}={value!r}' for key, value in one.items())
            raise ValueError(
                f'no distill term compares with teacher {number} ({shown}); leave it '
                'out, or name it in a term'
            )
    requests = [term.request for term in terms]
    named = {one.learner for one in requests}
    named |= {number for one in requests for number in one.teachers or ()}
    for number, name in enumerate(peers, len(frozen)):
        if number not in named:
            raise ValueError(
                f'no distill term names the peer {name!r}; leave it out, or name it '
                f'with teacher={name!r} or learner={name!r}'
            )


def _listed(names: Sequence[str]) -> str:
    return ', '.join(map(repr, names))
