"""The student's head maps through the rest of the teacher's dense head.

Of each branch of the student's head, the maps behind one convolution go on through the
convolutions behind it in the teacher, with gradient. What comes out is compared with
the teacher's own output, so that the labels, which train the student's own head, and
the teacher do not pull at the same layers. CrossKD, arXiv:2306.11369.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar

from torch import Tensor

from ckd_mm.adapters.core.class_logits import Pixels
from ckd_mm.adapters.core.map_connector import Connector, connector_of
from ckd_mm.adapters.core.pair_spec import PairSpec, Part, Readout, Unavailable
from ckd_mm.adapters.core.step import Step
from ckd_mm.adapters.dense.boxes import box_rows, why_no_boxes
from ckd_mm.adapters.dense.head import DenseHead
from ckd_mm.adapters.dense.parts import ROWS, DenseParts
from ckd_mm.adapters.dense.passes import HeadOnStudent
from ckd_mm.adapters.dense.priors import rows_of
from ckd_mm.adapters.dense.stacks import Stacks, missing_stacks
from ckd_mm.checks import one_of

__all__ = ['CrossDenseParts']

EVERY = 'all'
CLASSES, BOXES = 0, 1
"""The branches of a head, by number."""

WAYS_OUT = (
    'set connector=True, which trains a 1 x 1 convolution between them '
    "(on=dict(part='cross_...', connector=True)), or compare on='dense_logits'"
)


@dataclass(frozen=True)
class Edges(Pixels):
    """The columns of rows (K, 4 * B): a distribution over B distances of each edge."""

    bins: int = 1
    kind: ClassVar[str] = 'distributions of the distances to the edges of a box'
    is_distribution = True

    def student(self, rows: Tensor) -> Tensor:
        """Rows (4 * K, B)."""
        return rows.reshape(-1, self.bins)

    def teacher(self, rows: Tensor) -> Tensor:
        """Rows (4 * K, B)."""
        return rows.reshape(-1, self.bins)


class CrossDenseParts:
    """The parts of two heads that stack convolutions.

    `at` is the student's convolution, counted from 1, whose output goes on in the
    teacher; by default the last but one. `rows` says which anchors or points are
    compared: `'all'`, or as for :class:`DenseParts`, whose context a loss gets as well.

    With `connector=True` the maps go through a trained 1 x 1 convolution first, so that
    the heads may be of two widths or depths. `teacher_at` is then the convolution of
    the teacher; by default `at`, or its last but one if the depths differ. The branch
    that the part does not read goes on with the teacher's maps.

    Args:
        parts: What the heads of the two models are compared by.
    """

    def __init__(self, parts: DenseParts) -> None:
        self._parts = parts
        self._missing = missing_stacks(parts.student, parts.teacher)
        if self._missing is None:
            self._student, self._teacher = Stacks(parts.student), Stacks(parts.teacher)

    def parts(self) -> dict[str, Part]:
        """The parts by name, or why there is none."""
        teacher, of_classes = self._parts.teacher, self._parts.of_classes()
        no_rows = of_classes if isinstance(of_classes, Unavailable) else None
        missing = self._missing or no_rows
        has_edges = hasattr(teacher.module, 'integral')
        no_edges = (
            None
            if has_edges
            else Unavailable(
                'only the heads of GFL and its kind have it, and the teacher needs '
                "one; compare on='cross_boxes'"
            )
        )
        return {
            'cross_logits': missing or self.logits,
            'cross_boxes': missing or why_no_boxes(teacher) or self.boxes,
            'cross_distribution': missing or no_edges or self.distribution,
        }

    def logits(
        self,
        at: int | None = None,
        rows: str = EVERY,
        topk: int | None = None,
        activation: str | None = None,
        connector: Connector = False,
        teacher_at: int | None = None,
    ) -> PairSpec:
        """Class logits, (K, C): as of :meth:`DenseParts.class_logits`."""
        chosen, number = _chosen(rows, topk)
        spec = self._parts.class_logits(number, chosen, activation)
        return self._crossed(spec, rows, self._run(CLASSES, at, teacher_at, connector))

    def boxes(
        self,
        at: int | None = None,
        rows: str = EVERY,
        topk: int | None = None,
        connector: Connector = False,
        teacher_at: int | None = None,
    ) -> PairSpec:
        """Boxes (K, 4), x1, y1, x2, y2, in units of their anchor or point."""
        chosen, number = _chosen(rows, topk)
        spec = self._parts.spec(box_rows, number, chosen, False, self._parts.match())
        spec = replace(spec, gives='boxes')
        return self._crossed(spec, rows, self._run(BOXES, at, teacher_at, connector))

    def distribution(
        self,
        at: int | None = None,
        rows: str = EVERY,
        topk: int | None = None,
        connector: Connector = False,
        teacher_at: int | None = None,
    ) -> PairSpec:
        """Logits of the distances to the edges of a box, (4 * K, B)."""
        chosen, number = _chosen(rows, topk)
        spec = self._parts.spec(_edges, number, chosen, False, self._parts.match())
        bins = self._parts.teacher.module.reg_max + 1
        run = self._run(BOXES, at, teacher_at, connector)
        return self._crossed(replace(spec, columns=Edges(bins=bins)), rows, run)

    def _crossed(self, spec: PairSpec, rows: str, run: HeadOnStudent) -> PairSpec:
        """The student's value becomes what the teacher makes of its maps."""
        (tap,) = spec.teacher.taps
        teacher = spec.teacher
        if rows == EVERY:
            assert teacher.select_rows is not None
            select = partial(_every, teacher.select_rows)
            teacher = Readout(teacher.taps, select)
            spec = replace(spec, choose=None, by_teacher=False)
        student = replace(teacher, taps=(replace(tap, run=run),))
        return replace(
            spec,
            student=student,
            teacher=teacher,
            crossed=True,
            connector=run.connector,
        )

    def _run(
        self, branch: int, at: int | None, teacher_at: int | None, option: Connector
    ) -> HeadOnStudent:
        """The run of the teacher's head on the student's maps.

        Raises:
            ValueError: There is no such convolution, or a connector is needed.
        """
        student, teacher = self._student, self._teacher
        at = _convolution('at', at, student.depth)
        if teacher_at is None and student.depth == teacher.depth:
            teacher_at = at
        behind = _convolution('teacher_at', teacher_at, teacher.depth)
        widths = student.channels(at)[branch], teacher.channels(behind)[branch]
        modules = len(teacher.layers(teacher.branches[branch]))
        # standardised channels have lost a bias
        connector = connector_of(option, [widths] * modules, bias=False)
        if connector is not None:
            return HeadOnStudent(at, behind, student, teacher, (branch,), connector)
        self._check_same(at, behind)
        return HeadOnStudent(at, behind, student, teacher)

    def _check_same(self, at: int, behind: int) -> None:
        """Check that maps of the student go on in the teacher as they are.

        Raises:
            ValueError: They do not.
        """
        depths = self._student.depth, self._teacher.depth
        if depths[0] != depths[1] or at != behind:
            raise ValueError(
                f'the student stacks {depths[0]} convolutions in its head and the '
                f'teacher {depths[1]}, and maps would leave the student behind number '
                f'{at} for what the teacher has behind number {behind}; {WAYS_OUT}'
            )
        student, teacher = self._student.channels(at), self._teacher.channels(at)
        if student != teacher:
            raise ValueError(
                f'behind convolution {at} the branches of the student have {student} '
                f"channels and the teacher's {teacher}, and maps go on in the teacher "
                f'only with as many; {WAYS_OUT}'
            )


def _convolution(name: str, number: int | None, depth: int) -> int:
    """The number of a stacked convolution; `None` is the last but one.

    Raises:
        ValueError: There is none of this number.
    """
    number = max(depth - 1, 1) if number is None else number
    known = isinstance(number, int) and not isinstance(number, bool)
    if not known or not 1 <= number <= depth:
        whose = 'teacher' if name == 'teacher_at' else 'student'
        raise ValueError(
            f'{name} must be the number of one of the {depth} stacked convolutions of '
            f"the {whose}'s head, from 1 to {depth}, got {number!r}"
        )
    return number


def _chosen(rows: str, topk: int | None) -> tuple[str, int | None]:
    """The choice of rows for :class:`DenseParts`, of which `'all'` takes no part.

    Raises:
        ValueError: There is no such choice.
    """
    one_of('rows', rows, (EVERY, *ROWS))
    if rows != EVERY:
        return rows, topk
    if topk is not None:
        raise ValueError(
            f"topk={topk!r} is for a choice of rows, and rows='all' takes them all; "
            "leave it out, or give rows='confident'"
        )
    return 'confident', None


def _edges(head: DenseHead, values: list[Any], rows: Tensor | None) -> Tensor:
    return rows_of(values[0][1], 4 * (head.module.reg_max + 1), rows)


def _every(select_rows: Any, values: list[Any], step: Step) -> Tensor:
    return select_rows(values, None)
