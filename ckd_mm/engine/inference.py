"""What terms put in place of a student's modules outside of training steps.

A loss whose student needs what the loss has learned at inference has a method
`at_inference(teacher)`: by child of the student, a config and the module with its
weights. `inference_modules` names what such a loss may compare. The student itself
stays the stock one: the modules are in place in the steps of validation alone, and in a
checkpoint they stand beside the student's weights, for `tools/export_student.py`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mmengine.logging import print_log
from mmengine.model import BaseModel
from torch import Tensor, nn

from ckd_mm.engine.connectors import KEY as CONNECTORS
from ckd_mm.engine.connectors import Connectors
from ckd_mm.engine.inherit import have_other_order
from ckd_mm.engine.terms import Term
from ckd_mm.sharding import is_sharded
from ckd_mm.teachers import ALONE, Teacher, TeacherKind

__all__ = ['KEY', 'AtInference', 'changing', 'warn_of_stock_student']

KEY = 'ckd_mm_inference'
"""Where a checkpoint has what takes the place of the student's modules."""


class AtInference:
    """The modules that take the place of the student's.

    Args:
        student: The student, without a distributed wrapper.
        terms: All terms of the run.
        kinds: The kinds of its teachers.
        teachers: The teachers.

    Raises:
        ValueError: A term cannot give them; the message names it.
    """

    def __init__(
        self,
        student: BaseModel,
        terms: Iterable[Term],
        kinds: Sequence[TeacherKind],
        teachers: Sequence[Teacher],
    ) -> None:
        self.student = student
        self._terms = changing(terms)
        self._models: dict[str, Any] = {}
        self._modules: dict[str, nn.Module] = {}
        self._stock: dict[str, tuple[nn.Module | None, bool]] = {}
        for term in self._terms:
            number = _only_teacher(term, kinds)
            self._models[term.name] = getattr(teachers[number], 'model', None)
            try:
                _check(student, term, teachers[number])
                self._add(term)
            except ValueError as error:
                raise ValueError(f'distill term {term.name!r}: {error}') from error

    def begin(self) -> None:
        """Put the modules in place, in eval mode."""
        for name, module in self._modules.items():
            self._stock[name] = getattr(self.student, name), module.training
            setattr(self.student, name, module.eval())

    def end(self) -> None:
        """Give the student its modules back; nothing if it has them."""
        for name, (module, training) in self._stock.items():
            setattr(self.student, name, module)
            self._modules[name].train(training)
        self._stock = {}

    def save(self, checkpoint: dict[str, Any], connectors: Connectors) -> None:
        """Add configs and weights to a checkpoint, by child of the student.

        Tensors that the connectors have saved are not saved again.
        """
        if not self._terms:
            return
        # by the tensors themselves, which are kept: an address may be taken again
        named = connectors.modules.state_dict(keep_vars=True).items()
        saved = {tensor: checkpoint[CONNECTORS][name] for name, tensor in named}
        checkpoint[KEY] = {
            name: dict(config=config, state_dict=_saved(module, saved))
            for term in self._terms
            for name, (config, module) in self._of(term).items()
        }

    def _of(self, term: Term) -> Mapping[str, tuple[dict[str, Any], nn.Module]]:
        loss: Any = term.loss
        return loss.at_inference(self._models[term.name])

    def _add(self, term: Term) -> None:
        """Note the modules of a term.

        Raises:
            ValueError: The student has no such child, or another term replaces it.
        """
        for name, (_, module) in self._of(term).items():
            if not hasattr(self.student, name):
                raise ValueError(
                    f'{type(term.loss).__name__} replaces {name!r} of the student at '
                    f'inference, and a {type(self.student).__name__} has none; train '
                    'an image classifier, or take another loss'
                )
            if name in self._modules:
                raise ValueError(
                    f'{type(term.loss).__name__} replaces {name!r} of the student at '
                    'inference, which another term replaces as well; leave one out'
                )
            self._modules[name] = module


def changing(terms: Iterable[Term]) -> list[Term]:
    """The terms that change the student at inference; one of weight 0 does not."""
    return [
        term
        for term in terms
        if hasattr(term.loss, 'at_inference') and term.request.counts
    ]


def warn_of_stock_student(terms: Iterable[Term]) -> None:
    """Warn that a student is tested without what its terms give it at inference."""
    names = [
        term.name
        for term in terms
        if term.request.counts
        # of a loss whose channels were not read, as no training begins
        and hasattr(getattr(term.loss, 'cls', term.loss), 'at_inference')
    ]
    if names:
        print_log(
            f'the stock student is evaluated, without what {", ".join(names)} gives '
            'it at inference: its head may be untrained; write the student with '
            'tools/export_student.py, and test that',
            logger='current',
            level=logging.WARNING,
        )


def _only_teacher(term: Term, kinds: Sequence[TeacherKind]) -> int:
    """The number of the teacher of a term.

    Raises:
        ValueError: There are several, or its weights change or are not there.
    """
    numbers = range(len(kinds)) if term.teachers is None else term.teachers
    name = type(term.loss).__name__
    if ALONE in numbers:
        raise ValueError(
            f'distill term {term.name!r}: {name} gives the student modules of a '
            'teacher at inference, and reads the student alone; give its forward an '
            'argument teacher'
        )
    if len(numbers) > 1:
        raise ValueError(
            f'distill term {term.name!r}: {name} gives the student the modules of one '
            f'teacher, got {len(numbers)}; choose one with teacher=NUMBER'
        )
    kind = kinds[numbers[0]]
    if not kind.can_be_cached:  # nothing of it changes in training
        raise ValueError(
            f'distill term {term.name!r}: {name} gives the student modules of the '
            f'teacher, which must be a model that stays as it is, got a '
            f'{type(kind).__name__}; name a teacher with teacher=dict(config=...)'
        )
    return numbers[0]


def _check(student: BaseModel, term: Term, teacher: Any) -> None:
    """Check what is compared, and the classes.

    Raises:
        ValueError: Modules that are in place of others would not fit there.
    """
    allowed = getattr(term.loss, 'inference_modules', ())
    if allowed and not set(_modules(term.on)) <= set(allowed):
        raise ValueError(
            f'{type(term.loss).__name__} must compare what its modules get at '
            f"inference, such as on='module:{allowed[-1]}', got on={term.on!r}"
        )
    if is_sharded(student):
        raise ValueError(
            f'{type(term.loss).__name__} changes the student at inference, which does '
            'not work with a sharded student; train with DDP'
        )
    both = [getattr(one, 'head', None) for one in (student, teacher.model)]
    ours, theirs = (getattr(one, 'num_classes', None) for one in both)
    differ = teacher.names is not None and have_other_order(teacher.names)
    if ours != theirs or differ:
        raise ValueError(
            f'{type(term.loss).__name__} gives the student the head of the teacher, '
            f'whose classes must be the same in the same order, got {ours} classes of '
            f'the student and {theirs} of the teacher'
            + (' under other names' if differ else '')
            + '; take a teacher of these classes'
        )


def _modules(on: Any) -> list[str]:
    """The modules of both models that an `on` names."""
    if isinstance(on, Mapping) and set(on) == {'student', 'teacher'}:
        return [on['student'], on['teacher']]
    return [on.removeprefix('module:')] if isinstance(on, str) else [repr(on)]


def _saved(module: nn.Module, saved: Mapping[Tensor, Tensor]) -> dict[str, Tensor]:
    """A state dict on the CPU, with the tensors that are saved already."""
    return {
        name: saved.get(tensor, tensor).detach().cpu()
        for name, tensor in module.state_dict(keep_vars=True).items()
    }
