"""What all adapters share: which taps an `on` means, and the pair read from them.

An adapter of a task names what can be compared between two models (`comparisons`) and
knows how to run a teacher on the student's step, only as far as the terms need it
(`extract` and `run_teacher`).
Both sides are read in the same way: taps on modules, the student's filled by its own
forward, the teacher's by `run_teacher`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial
from typing import Any, ClassVar

import torch
from mmengine.model import BaseModel
from torch import Tensor

from ckd_mm.adapters.core.batch_checks import check_roi_images
from ckd_mm.adapters.core.bound_term import Pairing
from ckd_mm.adapters.core.class_names import ClassNames
from ckd_mm.adapters.core.loss_fit import LossFit
from ckd_mm.adapters.core.pair_spec import (
    Comparison,
    Extra,
    Missing,
    Part,
    Side,
    Step,
    Value,
)
from ckd_mm.adapters.core.parts import resolve
from ckd_mm.adapters.core.recorder import Recorder, Tap

__all__ = ['Adapter']


class Adapter:
    """Aligned pairs of student and teacher tensors, from one step of the student.

    Args:
        student: The student, without a distributed wrapper.
        teacher: The teacher, frozen.
        wanted: Per term its `on` and the names of the extras its loss asks for.
        names: The names of the classes of both; `None` where one side has none.

    Raises:
        ValueError: An `on` or a module name that does not exist here, an extra that the
            pair does not have, or classes that cannot be matched.
    """

    reachable: ClassVar[tuple[str, ...]] = ('',)
    """Prefixes of the teacher's modules that `run_teacher` can run."""

    def __init__(
        self,
        student: BaseModel,
        teacher: BaseModel,
        wanted: Mapping[str, tuple[Any, Collection[str]]],
        names: ClassNames | None = None,
    ) -> None:
        self.student, self.teacher, self.names = student, teacher, names
        known, extras = self.comparisons(), self.extras()
        models = ' and '.join(type(model).__name__ for model in (student, teacher))
        self._pairings: dict[str, Pairing] = {}
        self.fits: dict[str, LossFit] = {}
        """By term, whether its loss takes what the pair is."""
        for term, (on, needs) in wanted.items():
            parts = on if isinstance(on, list) and on else [on]
            try:
                found = [resolve(part, known, self.modules, models) for part in parts]
            except ValueError as error:
                raise ValueError(f'term {term!r}: {error}') from error
            self._pairings[term] = Pairing(term, found, extras, needs)
            self.fits[term] = LossFit(term, on, found, known)
        pairings = self._pairings.values()
        for pairing in pairings:
            pairing.check_modules(student, teacher)
        self.teacher_recorder = Recorder(
            teacher, [tap for pairing in pairings for tap in pairing.teacher_taps()]
        )
        own = [tap for pairing in pairings for tap in pairing.student_taps()]
        self.student_recorder = Recorder(student, [*own, *self.student_taps()])
        for pairing in pairings:
            pairing.check_reachable(self.reachable)

    @classmethod
    def supports(cls, model: BaseModel) -> bool:
        """Whether this adapter knows models of this type."""
        raise NotImplementedError

    def comparisons(self) -> dict[str, Part]:
        """What can be compared between these two models, by the name for `on`.

        `backbone` and `neck`: all feature maps that they return, (N, C, H, W) each.
        """
        known: dict[str, Part] = {}
        for name in ('backbone', 'neck'):
            lacking = [
                f'the {whose} has none'
                for whose in ('student', 'teacher')
                if getattr(getattr(self, whose), name, None) is None
            ]
            sides = [
                Side((Tap(name),), partial(_maps, getattr(model, name, None)))
                for model in (self.student, self.teacher)
            ]
            known[name] = (
                Missing(' and '.join(lacking))
                if lacking
                else Comparison(sides[0], sides[1], levels=True)
            )
        return known

    def modules(self, student: str, teacher: str) -> Comparison:
        """The comparison of what two modules return."""
        return Comparison(Side((Tap(student),)), Side((Tap(teacher),)))

    def extras(self) -> dict[str, Extra]:
        """What a loss can ask for in any comparison; `epoch`: see :class:`Step`."""
        return {'epoch': Extra(lambda step: step.epoch)}

    def student_taps(self) -> list[Tap]:
        """What `run_teacher` needs from the student's forward."""
        return []

    def extract(self, inputs: Tensor) -> Any:
        """The teacher's feature maps, which need nothing of the student's step.

        Its neck only runs if a term needs more than the backbone.
        """
        names = (f'{tap.module}.' for tap in self.teacher_recorder.taps)
        if all(name.startswith('backbone.') for name in names):
            return self.teacher.backbone(inputs)
        return self.teacher.extract_feat(inputs)

    def run_teacher(self, inputs: Tensor, features: Any, step: Step) -> None:
        """Run what follows its feature maps, as far as the teacher's taps need it."""
        raise NotImplementedError

    def attach(self) -> None:
        """Put the forward hooks onto both models."""
        self.student_recorder.attach()
        self.teacher_recorder.attach()

    def detach(self) -> None:
        """Take the forward hooks off both models."""
        self.student_recorder.detach()
        self.teacher_recorder.detach()

    @torch.no_grad()
    def note_features(self, inputs: Tensor) -> Any:
        """Begin the one run of the teacher, in eval mode and without gradient.

        Returns:
            Its feature maps, for :meth:`note_teacher`.
        """
        self.teacher.eval()  # whoever has called train() since the last step
        self.teacher_recorder.open()
        return self.extract(inputs)

    @torch.no_grad()
    def note_teacher(self, inputs: Tensor, features: Any, step: Step) -> None:
        """Go on with it after the student's forward."""
        check_roi_images(self.student_recorder, features)
        self.run_teacher(inputs, features, step)
        self.teacher_recorder.close()

    def note_student(self, step: Step) -> None:
        """Run some of the student's modules once more, if a term needs that."""

    def forget(self) -> None:
        """Let go of the step's tensors."""
        self.student_recorder.forget()
        self.teacher_recorder.forget()

    def pair(self, term: str, step: Step) -> dict[str, Any]:
        """The arguments of a term's loss: student, teacher and what else it asks for.

        Both are a tensor each, or a tuple of feature maps by level.

        Raises:
            ValueError: A module of the term did not run exactly once in this step, or
                the student's tensor has no gradient.
        """
        recorders = (self.student_recorder, self.teacher_recorder)
        return self._pairings[term].pair(*recorders, step)

    def pair_with(self, term: str, teacher: Value, step: Step) -> dict[str, Any]:
        """The same with a value of the teacher that is known, of all rows."""
        return self._pairings[term].pair_with(self.student_recorder, teacher, step)

    def teacher_side(self, term: str, step: Step) -> Value:
        """What `pair` has of the teacher, for terms that do not choose rows."""
        return self._pairings[term].teacher_side(self.teacher_recorder, step)

    def offers(self, term: str) -> list[str]:
        """What the loss of a term can ask for beside student and teacher, by name."""
        return self._pairings[term].offers

    def is_by_teacher(self, term: str) -> bool:
        """Whether the rows of a term depend on the teacher."""
        return self._pairings[term].by_teacher

    def classes(self, term: str) -> list[tuple[int, ...] | None]:
        """Which of the student's classes a term compares, where that matters."""
        return self._pairings[term].classes

    def runs(self, prefix: str) -> bool:
        """Whether any tap of the teacher lies in the module of this name."""
        return any(
            f'{tap.module}.'.startswith(f'{prefix}.')
            for tap in self.teacher_recorder.taps
        )


def _maps(module: Any, values: list[Any], step: Step) -> Value:
    """Feature maps, without the image that the backbones of DetectoRS pass on."""
    (maps,) = values
    return maps[1:] if getattr(module, 'output_img', False) else maps
