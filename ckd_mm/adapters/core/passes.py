"""What runs in a step beside the student's own forward: a plan, made before training.

A pass is one run of some modules: of the teacher, or of the student once more. It names
the passes that it needs. A plan has each pass once, behind all that it needs. A step
runs the plan and decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from mmengine.model import BaseModel
from torch import Tensor

from ckd_mm.adapters.core.recorder import Tap
from ckd_mm.adapters.core.step import Step

__all__ = ['BackboneMaps', 'FeatureMaps', 'Made', 'Pass', 'Plan', 'WholeModel']


@dataclass(frozen=True)
class Pass:
    """One run of some modules of a model.

    Equal passes run once in a step: the fields of a subclass say which run it is, and
    models are left out of the comparison (`field(compare=False)`).
    """

    of_student: ClassVar[bool] = False
    """Whether the student's modules run. They run with gradient, the teacher's without.
    """

    crosses: ClassVar[bool] = False
    """Whether the teacher's modules run on the student's tensors, with gradient.

    It passes through the teacher's modules, which stay frozen and in eval mode.
    """

    needs_step: ClassVar[bool] = True
    """Whether it needs what the student's forward noted; else it may run beside it."""

    has_own_taps: ClassVar[bool] = False
    """Whether only taps of this run (`Tap.run`) note it."""

    @property
    def without_labels(self) -> tuple[str, ...]:
        """The children of a student that it runs, if it can run one without labels.

        Empty where a student runs these modules in a training step with labels alone.
        """
        return ()

    def calls(self, tap: Tap) -> bool:
        """Whether it calls the module of a tap inside of these.

        Not those that get labels, such as losses.
        """
        return True

    @property
    def needs(self) -> tuple[Pass, ...]:
        """The passes whose results it takes."""
        return ()

    @property
    def student_taps(self) -> tuple[Tap, ...]:
        """What it reads of the student's forward."""
        return ()

    def covers(self, other: Pass) -> bool:
        """Whether it runs all that another pass runs; the other is then left out."""
        return False

    def joined(self, other: Any) -> Any:
        """The one run for two passes that are equal.

        They may differ in fields that are not compared, such as in what is noted.
        """
        return self

    def run(self, images: Tensor, step: Step, made: Made) -> Any:
        """Run the modules.

        Args:
            images: The teacher's batch (N, 3, H, W).
            step: The student's step.
            made: The results of the passes before, by pass.

        Returns:
            What later passes take of it.
        """
        raise NotImplementedError


Made = Mapping[Pass, Any]


@dataclass(frozen=True)
class BackboneMaps(Pass):
    """The backbone alone, where no term needs more of the teacher."""

    model: BaseModel = field(compare=False, repr=False)
    needs_step = False

    @property
    def without_labels(self) -> tuple[str, ...]:
        return ('backbone',)

    def run(self, images: Tensor, step: Step, made: Made) -> Any:
        return self.model.backbone(images)


@dataclass(frozen=True)
class FeatureMaps(Pass):
    """Backbone and neck."""

    model: BaseModel = field(compare=False, repr=False)
    needs_step = False

    @property
    def tap(self) -> Tap:
        """Where the maps are noted, also in the model's own forward."""
        has_neck = getattr(self.model, 'neck', None) is not None
        return Tap('neck' if has_neck else 'backbone')

    @property
    def without_labels(self) -> tuple[str, ...]:
        return ('backbone', 'neck')

    def covers(self, other: Pass) -> bool:
        return isinstance(other, BackboneMaps)

    def run(self, images: Tensor, step: Step, made: Made) -> Any:
        return self.model.extract_feat(images)


@dataclass(frozen=True)
class WholeModel(Pass):
    """The model's own forward with `mode='tensor'`, for modules that need all of it."""

    model: BaseModel = field(compare=False, repr=False)

    def covers(self, other: Pass) -> bool:
        return other is not self and not (other.of_student or other.crosses)

    def run(self, images: Tensor, step: Step, made: Made) -> Any:
        return self.model(images, step.data_samples, mode='tensor')


class Plan:
    """The passes of a step, in order.

    Args:
        passes: Those that terms read from; what these need is added.

    Raises:
        ValueError: A run of the whole teacher takes the place of what one needs.
    """

    def __init__(self, passes: Iterable[Pass]) -> None:
        found: dict[Pass, Pass] = {}
        for one in passes:
            _add(one, found)
        joined = found.values()
        kept = [one for one in joined if not any(by.covers(one) for by in joined)]
        if any(needed not in kept for one in kept for needed in one.needs):
            raise ValueError(
                "one term sends the student's maps through the teacher's head (on="
                "'cross_...'), and another names a module that only a run of the whole "
                'teacher reaches; leave one of the two out'
            )
        self.passes = tuple(kept)
        self.before_step = tuple(one for one in kept if not one.needs_step)
        """What may run beside the student's forward."""
        self.of_student = tuple(one for one in kept if one.of_student)
        """What the student runs once more, after all of the teacher."""
        self.crossing = tuple(one for one in kept if one.crosses)
        """What the teacher runs on the student's tensors, last."""
        with_gradient = {*self.of_student, *self.crossing}
        self.of_teacher = tuple(
            one for one in kept if one.needs_step and one not in with_gradient
        )
        """What runs after it."""


def _add(one: Pass, found: dict[Pass, Pass]) -> None:
    """Add a pass behind all that it needs."""
    for needed in one.needs:
        _add(needed, found)
    found[one] = found[one].joined(one) if one in found else one
