"""What terms put in place of a student's modules outside of training steps.

A loss whose student needs what the loss has learned at inference has a method
`at_inference`: by child of the student, a config and the module with its weights. It
gets what its arguments name:

* `teacher`: the model whose modules the student takes. The term must then compare with
  one teacher that stays as it is; else any teachers will do;
* `student`: the student, of whose modules the new ones may consist;
* `config`: the config of the student.

`inference_modules` names what such a loss may read of the student, and of the teacher
whose modules it takes. The student itself stays the stock one: the modules are in place
in the steps of validation alone, and in a checkpoint they stand beside the student's
weights, for `tools/export_student.py`.
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
from ckd_mm.engine.inference_fit import (
    asked_at_inference,
    check_at_inference,
    heard_at_inference,
)
from ckd_mm.engine.terms import Term
from ckd_mm.teachers import Teacher, TeacherKind

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
        config: The config of the student, of `Runner.cfg`.

    Raises:
        ValueError: A term cannot give them; the message names it.
    """

    def __init__(
        self,
        student: BaseModel,
        terms: Iterable[Term],
        kinds: Sequence[TeacherKind],
        teachers: Sequence[Teacher],
        config: Any = None,
    ) -> None:
        self.student = student
        self._terms = changing(terms)
        self._given: dict[str, dict[str, Any]] = {}
        self._modules: dict[str, nn.Module] = {}
        self._stock: dict[str, nn.Module | None] = {}
        self._modes: dict[nn.Module, bool] = {}
        for term in self._terms:
            try:
                numbers = heard_at_inference(term, kinds)
                heard = [teachers[number] for number in numbers]
                check_at_inference(student, term, heard)
                self._given[term.name] = _given(term, student, heard, config)
                self._add(term)
            except ValueError as error:
                raise ValueError(f'distill term {term.name!r}: {error}') from error

    def begin(self) -> None:
        """Put the modules in place, in eval mode."""
        for name, module in self._modules.items():
            self._modes.update({one: one.training for one in module.modules()})
            self._stock[name] = getattr(self.student, name)
            setattr(self.student, name, module.eval())

    def end(self) -> None:
        """Give the student its modules back; nothing if it has them."""
        for name, module in self._stock.items():
            setattr(self.student, name, module)
        for one, training in self._modes.items():
            one.training = training
        self._stock, self._modes = {}, {}

    def save(self, checkpoint: dict[str, Any], connectors: Connectors) -> None:
        """Add configs and weights to a checkpoint, by child of the student.

        Tensors that the connectors have saved are not saved again. Of the student's,
        which another hook may replace in the checkpoint, only the names are.
        """
        if not self._terms:
            return
        # by the tensors themselves, which are kept: an address may be taken again
        named = connectors.modules.state_dict(keep_vars=True).items()
        saved = {tensor: checkpoint[CONNECTORS][name] for name, tensor in named}
        names = _names(self.student)
        checkpoint[KEY] = {
            name: dict(config=config, **_saved(module, saved, names))
            for term in self._terms
            for name, (config, module) in self._of(term).items()
        }

    def _of(self, term: Term) -> Mapping[str, tuple[dict[str, Any], nn.Module]]:
        loss: Any = term.loss
        return loss.at_inference(**self._given[term.name])

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


def _given(
    term: Term, student: BaseModel, teachers: Sequence[Any], config: Any
) -> dict[str, Any]:
    """What the loss of a term gets to make its modules of."""
    found: dict[str, Any] = {}
    for name in asked_at_inference(term):
        if name == 'teacher':
            found[name] = getattr(teachers[0], 'model', None)
        else:
            found[name] = student if name == 'student' else _plain(config)
    return found


def _plain(config: Any) -> dict[str, Any]:
    """The config of a model as a dict.

    Raises:
        ValueError: The runner has no config of its model.
    """
    if not isinstance(config, Mapping):
        raise ValueError(
            'what the student gets at inference is written with the config of its '
            'model, which this runner lacks; build the runner with Runner.from_cfg'
        )
    return config.to_dict() if hasattr(config, 'to_dict') else dict(config)


def _names(student: nn.Module) -> dict[Tensor, str]:
    """The names of the student's tensors in its checkpoint."""
    named = student.state_dict(keep_vars=True).items()
    return {tensor: name for name, tensor in named}


def _saved(
    module: nn.Module, saved: Mapping[Tensor, Tensor], names: Mapping[Tensor, str]
) -> dict[str, dict[str, Any]]:
    """A state dict on the CPU, and which of the student's tensors complete it.

    Args:
        module: The module.
        saved: What is saved already, by the tensor it was saved from.
        names: The names of the student's tensors.
    """
    state, of_student = {}, {}
    for name, tensor in module.state_dict(keep_vars=True).items():
        if tensor in names:
            of_student[name] = names[tensor]
        else:
            state[name] = saved.get(tensor, tensor).detach().cpu()
    return dict(state_dict=state, of_student=of_student)
