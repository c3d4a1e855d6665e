"""The table and the picture of tools/demo.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from demo_runs import Log
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

__all__ = ['Panel', 'draw', 'table', 'verdict']

COLOURS = ('grey', 'tab:orange', 'tab:blue')

Curve = dict[int, float]
"""A metric by iteration."""


@dataclass(frozen=True)
class Panel:
    """One image of the picture.

    Attributes:
        title: What is shown.
        image: Pixels, RGB.
        boxes: x, y, width, height and text of each box to draw.
    """

    title: str
    image: NDArray[np.uint8]
    boxes: Sequence[tuple[float, float, float, float, str]] = ()


def table(logs: Mapping[str, Log], columns: Mapping[str, str]) -> str:
    """A Markdown table: a row for each run, the last validation's metrics and the time.

    Args:
        logs: Title of the run -> its log.
        columns: Heading -> key of the metric in the log.
    """
    headings = ['', *columns, 'training time']
    rows = [headings, ['---'] * len(headings)]
    for title, log in logs.items():
        values = [_format(log.last[key]) for key in columns.values()]
        rows.append([title, *values, f'{log.seconds:.0f} s'])
    return '\n'.join('| ' + ' | '.join(row) + ' |' for row in rows)


def verdict(logs: Mapping[str, Log], columns: Mapping[str, str]) -> str:
    """Say whether the distilled student is better than the student alone."""
    heading, key = next(iter(columns.items()))
    _, student, distilled = (log.last[key] for log in logs.values())
    gain = distilled - student
    said = 'CKD helped here' if gain > 0 else 'CKD did not help here'
    sign = '+' if gain > 0 else ''
    return (
        f'{said}: {heading} {sign}{_format(gain)} against the student alone, with the '
        'same schedule and seed. One seed is one sample; --seed N draws another.'
    )


def draw(
    path: Path,
    heading: str,
    curves: Mapping[str, Curve],
    examples: Sequence[Sequence[Panel]],
) -> None:
    """Write the picture: validation curves on the left, rows of images on the right.

    Args:
        path: PNG file.
        heading: Name of the metric.
        curves: Title of the run -> its curve; the first is the teacher's.
        examples: Rows of panels, all of one length.
    """
    figure = Figure(figsize=(13, 2.2 * max(len(examples), 2)), layout='constrained')
    halves: Any = figure.subfigures(1, 2, width_ratios=(1, 1.1))
    left, right = halves
    _draw_curves(left.subplots(), heading, curves)
    if examples:
        shape = (len(examples), len(examples[0]))
        axes = right.subplots(*shape, squeeze=False)
        for row, panels in zip(axes, examples, strict=True):
            for axis, panel in zip(row, panels, strict=True):
                _draw_panel(axis, panel)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def _draw_curves(axis: Axes, heading: str, curves: Mapping[str, Curve]) -> None:
    """The students' curves, and the level that the teacher ended at."""
    (teacher, teacher_curve), *students = curves.items()
    end = teacher_curve[max(teacher_curve)]
    axis.axhline(end, color=COLOURS[0], linestyle='--', label=f'{teacher}, at its end')
    for (title, curve), colour in zip(students, COLOURS[1:], strict=True):
        axis.plot(list(curve), list(curve.values()), 'o-', color=colour, label=title)
    axis.set(xlabel='iteration', ylabel=f'{heading} on the validation set')
    axis.grid(alpha=0.3)
    axis.legend(loc='lower right')


def _draw_panel(axis: Axes, panel: Panel) -> None:
    axis.imshow(panel.image)
    axis.set_title(panel.title, fontsize=9)
    axis.set_axis_off()
    for x, y, w, h, text in panel.boxes:
        box = Rectangle((x, y), w, h, fill=False, edgecolor='yellow', linewidth=1.2)
        axis.add_patch(box)
        axis.text(x, y - 2, text, fontsize=6, color='black', backgroundcolor='yellow')


def _format(value: float) -> str:
    """COCO's metrics are fractions, accuracies are percentages."""
    return f'{value:.3f}' if abs(value) <= 1 else f'{value:.2f}'
