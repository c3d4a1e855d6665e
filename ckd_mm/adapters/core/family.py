"""What the adapters of all families share: from an `on` to a bound term and a plan.

An adapter of a family names what can be compared between two models (`parts`), and
which pass of the teacher runs which of its modules (`runs`). Student and teacher are
read in the same way: taps on modules, filled by the student's own forward and by the
passes of the plan. An adapter is only used before training; a step runs the plan.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

from mmengine.model import BaseModel
from torch import nn

from ckd_mm.adapters.core.bound_term import BoundTerm
from ckd_mm.adapters.core.class_names import ClassNames
from ckd_mm.adapters.core.levels import maps_of, number_of_maps, readout_of
from ckd_mm.adapters.core.loss_fit import LossFit
from ckd_mm.adapters.core.pair_spec import (
    Context,
    PairSpec,
    Part,
    Readout,
    Unavailable,
    Value,
)
from ckd_mm.adapters.core.parts import resolve, with_connector
from ckd_mm.adapters.core.passes import BackboneMaps, FeatureMaps, Pass
from ckd_mm.adapters.core.recorder import Tap
from ckd_mm.adapters.core.step import Step
from ckd_mm.registry import ADAPTERS

__all__ = ['Adapter']

OLD_METHODS = {'comparisons': 'parts', 'run_teacher': 'runs', 'extras': 'context'}
"""Methods of adapters of version 0.1, and those that have taken their place."""


class Adapter:
    """What can be compared between a student and a teacher, and how it is made.

    Args:
        student: The student, without a distributed wrapper.
        teacher: The teacher, frozen.
        names: The names of the classes of both; `None` where student or teacher has
            none.
    """

    def __init__(
        self,
        student: BaseModel,
        teacher: BaseModel,
        names: ClassNames | None = None,
    ) -> None:
        self.student, self.teacher, self.names = student, teacher, names

    map_parts: ClassVar[tuple[str, ...]] = ('backbone', 'neck')
    """Names of the parts that are feature maps."""

    head_parts: ClassVar[tuple[str, ...]] = ()
    """Names of the parts that this family has beside feature maps."""

    who: ClassVar[str] = ''
    """The models that have its `head_parts`, for messages."""

    def __init_subclass__(cls) -> None:
        """Refuse an adapter of version 0.1, whose methods nothing would call.

        Raises:
            ValueError: It has a method that is named otherwise now.
        """
        for old, new in OLD_METHODS.items():
            if hasattr(cls, old):
                raise ValueError(
                    f'the adapter {cls.__name__} has the method {old}() of version '
                    f'0.1, which is {new}() now; docs/adapters.md says how an adapter '
                    'is written'
                )

    @classmethod
    def supports(cls, model: BaseModel) -> bool:
        """Whether this adapter knows models of this type."""
        raise NotImplementedError

    def parts(self) -> dict[str, Part]:
        """What can be compared between these two models, by the name for `on`.

        `backbone` and `neck`: all feature maps that they return, (N, C, H, W) each, or
        those of the option `levels`.
        """
        return {name: self._feature_maps(name) for name in self.map_parts}

    def modules(self, student: str, teacher: str) -> PairSpec:
        """The pair spec of what two modules return, see :func:`readout_of`."""
        return PairSpec(
            readout_of(self.student, student), readout_of(self.teacher, teacher)
        )

    def context(self) -> dict[str, Context]:
        """What a loss can ask for with any part, see :class:`Step`."""
        return {
            'epoch': Context(lambda step: step.epoch),
            'progress': Context(lambda step: step.progress),
        }

    def runs(self) -> dict[str, Pass]:
        """The pass that runs the teacher's module of this name and those inside it.

        The longest name counts; an empty one stands for all modules.
        """
        backbone = BackboneMaps(self.teacher)
        inside = getattr(self.teacher, 'in_backbone', ())  # under names of their own
        return {
            'backbone': backbone,
            **dict.fromkeys(inside, backbone),
            'neck': FeatureMaps(self.teacher),
        }

    def bind(
        self,
        term: str,
        on: Any,
        context_names: Collection[str],
        connector: nn.Module | None = None,
        users: Sequence[nn.Module] = (),
    ) -> BoundTerm:
        """The bound term of an `on` and a loss.

        Args:
            term: The term's name, for messages.
            on: What it compares.
            context_names: What its loss asks for beside student and teacher.
            connector: The one that is trained, where `on` has `connector=True`; `None`
                makes one, whose widths are right.
            users: The loss and the weighers, each of which must take what `on` gives.

        Raises:
            ValueError: An `on` or a module name that does not exist here, a loss or a
                context that the pair does not fit, or classes that cannot be matched.
        """
        known = self.parts()
        models = ' and '.join(
            getattr(one, 'title', type(one).__name__)  # of another library
            for one in (self.student, self.teacher)
        )
        given = with_connector(on, connector)
        elsewhere = _parts_elsewhere(self.head_parts)
        parts = given if isinstance(on, list) and on else [given]
        try:
            specs = [
                resolve(part, known, self.modules, models, elsewhere) for part in parts
            ]
        except ValueError as error:
            raise ValueError(f'term {term!r}: {error}') from error
        shared = self.context()
        fit = LossFit(term, on, specs, known, tuple(shared))
        bound = BoundTerm(term, specs, shared, context_names, fit)
        bound.check_modules(self.student, self.teacher)
        for user in users:
            fit.check(user)
        bound.check_context()
        return bound

    def passes(self, terms: Mapping[str, BoundTerm]) -> dict[str, list[Pass]]:
        """What must run in a step for each of these terms.

        Raises:
            ValueError: The teacher is not run as far as a module that one names.
        """
        runs = self.runs()
        found: dict[str, list[Pass]] = {}
        for name, bound in terms.items():
            taps = [*bound.student_taps(), *bound.teacher_taps()]
            found[name] = [tap.run for tap in taps if isinstance(tap.run, Pass)]
            found[name] += [
                _run_of(tap.module, runs, name)
                for tap in bound.teacher_taps()
                if tap.run is None
            ]
        return found

    def run_without_labels(self, tap: Tap) -> Pass | None:
        """The pass that runs a module of the student without labels, if one does.

        This adapter was made of the student twice.
        """
        found = tap.run
        if found is None:
            try:
                found = _run_of(tap.module, self.runs(), '')
            except ValueError:
                return None
        if not isinstance(found, Pass) or not found.without_labels:
            return None
        return found if found.calls(tap) else None

    def _feature_maps(self, name: str) -> Part:
        student, teacher = (
            getattr(model, name, None) for model in (self.student, self.teacher)
        )
        lacking = Unavailable.where_lacking(
            name, student=student is None, teacher=teacher is None
        )
        return lacking or PairSpec(
            _all_maps(name, student), _all_maps(name, teacher), levels=True
        )


def _parts_elsewhere(own: Collection[str]) -> dict[str, str]:
    """The models that have the parts of the other families, by part."""
    return {
        name: cls.who
        for cls in ADAPTERS.module_dict.values()
        for name in getattr(cls, 'head_parts', ())
        if name not in own and cls.who
    }


def _run_of(module: str, runs: Mapping[str, Pass], term: str) -> Pass:
    """The pass that runs a module of the teacher."""
    names = module.split('.')
    for length in range(len(names), -1, -1):
        found = runs.get('.'.join(names[:length]))
        if found is not None:
            return found
    raise ValueError(
        f'term {term!r}: the teacher is not run as far as module {module!r}; name a '
        f'module in {", ".join(runs)}'
    )


def _all_maps(name: str, module: Any) -> Readout:
    return Readout(
        (Tap(name),), partial(_maps, module), num_levels=number_of_maps(module)
    )


def _maps(module: Any, values: list[Any], step: Step) -> Value:
    """All feature maps that a module returns."""
    (maps,) = values
    return maps_of(module, maps)
