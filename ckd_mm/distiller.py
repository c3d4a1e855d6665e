"""One student, one teacher and the terms between them, during one training run.

The distiller hangs on the student's forward: a pre-hook opens the recorders, a forward
hook runs the teacher, computes the terms and returns the student's loss dict with
theirs added. Only forwards with `mode='loss'` are touched, so validation runs the stock
path.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import torch
from mmengine.model import BaseModel
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from ckd_mm.adapters import Step, build_adapter
from ckd_mm.connectors import averaged_over_ranks
from ckd_mm.registry import did_you_mean
from ckd_mm.teachers import TeacherInputs
from ckd_mm.terms import Term

__all__ = ['Distiller']


class Distiller:
    """Adds the losses of the terms to the student's own.

    Args:
        student: The student, without a distributed wrapper.
        teacher: The teacher, frozen, on the student's device.
        terms: What is distilled.
        student_loss_weight: A factor on the student's own losses, or one per loss key.

    Raises:
        ValueError: The terms do not fit the two models.
    """

    def __init__(
        self,
        student: BaseModel,
        teacher: BaseModel,
        terms: Sequence[Term],
        student_loss_weight: float | dict[str, float] = 1.0,
    ) -> None:
        self.student = student
        self.terms = terms
        self.factors = dict.fromkeys((term.name for term in terms), 1.0)
        self.epoch = 0.0
        self.student_loss_weight = student_loss_weight
        device = next(student.parameters()).device
        self.losses = {
            term.name: averaged_over_ranks(term.loss.to(device)) for term in terms
        }
        wanted = {term.name: (term.on, term.needs) for term in terms}
        self.adapter = build_adapter(student, teacher, wanted)
        self.teacher_inputs = TeacherInputs(
            student.data_preprocessor, teacher.data_preprocessor
        ).to(device)
        self._signature = inspect.signature(student.forward)
        self._handles: list[RemovableHandle] = []

    def attach(self) -> None:
        """Put the forward hooks onto student and teacher."""
        self.adapter.attach()
        self._handles = [
            self.student.register_forward_pre_hook(self._before, with_kwargs=True),
            self.student.register_forward_hook(self._after, with_kwargs=True),
        ]

    def detach(self) -> None:
        """Take all forward hooks off again."""
        self.adapter.detach()
        while self._handles:
            self._handles.pop().remove()

    def _before(self, module: nn.Module, args: tuple, kwargs: dict) -> None:
        if self._arguments(args, kwargs).get('mode') == 'loss' and self._is_active:
            self.adapter.student_recorder.open()

    def _after(self, module: nn.Module, args: tuple, kwargs: dict, output: Any) -> Any:
        arguments = self._arguments(args, kwargs)
        if arguments.get('mode') != 'loss':
            return None
        self.adapter.student_recorder.close()
        losses = self._weighted(output)
        added = self._distill(arguments['inputs'], arguments['data_samples'])
        self.adapter.forget()
        taken = sorted(set(losses) & set(added))
        if taken:
            raise ValueError(
                f'the student already logs {", ".join(taken)}; rename the distill term'
            )
        return {**losses, **added}

    def _arguments(self, args: tuple, kwargs: dict) -> dict[str, Any]:
        return self._signature.bind(*args, **kwargs).arguments

    @property
    def _is_active(self) -> bool:
        return any(self.factors.values())

    def _distill(
        self, inputs: Tensor, data_samples: Sequence[Any]
    ) -> dict[str, Tensor]:
        noted = self.adapter.student_recorder.calls
        step = Step(inputs, data_samples, noted, self.epoch)
        if self._is_active:
            self.adapter.note_teacher(self.teacher_inputs(inputs, data_samples), step)
        added: dict[str, Tensor] = {}
        for term in self.terms:
            added.update(self._term(term, step))
        return added

    def _term(self, term: Term, step: Step) -> dict[str, Tensor]:
        factor = self.factors[term.name]
        if not factor:
            return {f'loss_{term.name}': step.inputs.new_zeros(())}
        pair = self.adapter.pair(term.name, step)
        loss = self.losses[term.name](**pair)
        with torch.no_grad():
            statistics = term.statistics(pair['student'], pair['teacher'])
        return {
            f'loss_{term.name}': loss if factor == 1.0 else factor * loss,
            **statistics,
        }

    def _weighted(self, losses: dict[str, Any]) -> dict[str, Any]:
        """The student's own losses, scaled."""
        weight = self.student_loss_weight
        if isinstance(weight, dict):
            for key in weight:
                if key not in losses:
                    hint = did_you_mean(key, losses)
                    raise ValueError(
                        f'student_loss_weight names {key!r}, which the student does '
                        f'not log{hint}'
                    )
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


def _scaled(value: Tensor | list[Tensor], weight: float) -> Tensor | list[Tensor]:
    if isinstance(value, Tensor):
        return value * weight
    return [item * weight for item in value]
