"""The table and the picture of tools/demo.py."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

__all__ = ['Log', 'Panel', 'cells', 'draw', 'read_log', 'table', 'verdict']

LABEL = (0.12, 0.3)
"""Height and width that the label of a box may have, as shares of the image."""

COLOURS = ('grey', 'tab:orange', 'tab:blue')

Curve = dict[int, float]
"""A metric by iteration."""

Box = tuple[float, float, float, float, str]
"""x, y, width, height and text."""


@dataclass(frozen=True)
class Panel:
    """One image of the picture.

    Attributes:
        title: What is shown.
        image: Pixels, RGB.
        boxes: To draw, the surest first.
    """

    title: str
    image: NDArray[np.uint8]
    boxes: Sequence[Box] = ()


@dataclass(frozen=True)
class Log:
    """What a run has logged.

    Attributes:
        metrics: Validation results by iteration.
        seconds: Training time: all iterations, without set-up and validation.
    """

    metrics: dict[int, dict[str, float]]
    seconds: float

    @property
    def last(self) -> dict[str, float]:
        """The results of the last validation."""
        return self.metrics[max(self.metrics)]

    def curve(self, metric: str) -> dict[int, float]:
        """One metric by iteration."""
        return {step: entry[metric] for step, entry in self.metrics.items()}


def read_log(folder: Path) -> Log:
    """Read what MMEngine logged last in a run's folder, one JSON object a line.

    A training line has the mean time of the iterations since the last line (the configs
    set `window_size` to the logging interval), a validation line the metrics.
    """
    metrics: dict[int, dict[str, float]] = {}
    seconds, last_step = 0.0, 0
    # MMEngine names the folders after the time
    path = max(folder.glob('*/vis_data/scalars.json'))
    for line in path.read_text().splitlines():
        entry = json.loads(line)
        if 'loss' in entry:
            seconds += entry['time'] * (entry['step'] - last_step)
            last_step = entry['step']
        else:
            metrics[entry['step']] = entry
    return Log(metrics, seconds)


def table(logs: Mapping[str, Log], columns: Mapping[str, str]) -> str:
    """A Markdown table: a row for each run, the last validation's metrics and the time.

    Args:
        logs: Title of the run -> its log.
        columns: Heading -> key of the metric in the log.
    """
    headings, *rows = cells(logs, columns)
    lines = [headings, ['---'] * len(headings), *rows]
    return '\n'.join('| ' + ' | '.join(line) + ' |' for line in lines)


def cells(logs: Mapping[str, Log], columns: Mapping[str, str]) -> list[list[str]]:
    """The cells of the table, the headings first."""
    rows = [['', *columns, 'training time']]
    for title, log in logs.items():
        values = [_format(log.last[key]) for key in columns.values()]
        rows.append([title, *values, f'{log.seconds:.0f} s'])
    return rows


def verdict(logs: Mapping[str, Log], columns: Mapping[str, str]) -> str:
    """Say whether the distilled student is better than the student alone."""
    heading, key = next(iter(columns.items()))
    _, student, distilled = (log.last[key] for log in logs.values())
    gain = distilled - student
    outcome = 'CKD helped here' if gain > 0 else 'CKD did not help here'
    sign = '+' if gain > 0 else ''
    return (
        f'{outcome}: {heading} {sign}{_format(gain)} against the student alone, with '
        'the same schedule and seed. One seed is one sample; --seed N draws another.'
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
    figure = Figure(figsize=(10, 2.1 * max(len(examples), 2)), layout='constrained')
    halves: Any = figure.subfigures(1, 2, width_ratios=(1, 1.5))
    left, right = halves
    _draw_curves(left.subplots(), heading, curves)
    if examples:
        shape = (len(examples), len(examples[0]))
        axes = right.subplots(*shape, squeeze=False)
        above: Sequence[Panel] = ()
        for row, panels in zip(axes, examples, strict=True):
            repeated = {panel.title for panel in above}
            for axis, panel in zip(row, panels, strict=True):
                _draw_panel(axis, panel, panel.title not in repeated)
            above = panels
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)


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


def _draw_panel(axis: Axes, panel: Panel, with_title: bool) -> None:
    height, width = panel.image.shape[:2]
    axis.imshow(panel.image)
    axis.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
    axis.set_axis_off()
    if with_title:
        axis.set_title(panel.title, fontsize=9)
    for box in reversed(panel.boxes):  # the surest on top
        _draw_box(axis, panel.image, box)


def _draw_box(axis: Axes, image: NDArray[np.uint8], box: Box) -> None:
    """A box and its label, above it and to its right or where the image has room."""
    height, width = image.shape[:2]
    x, y, w, h, text = box
    edges = Rectangle((x, y), w, h, fill=False, edgecolor='yellow', linewidth=1.2)
    axis.add_patch(edges)
    has_room_above = y > LABEL[0] * height
    has_room_right = x < (1 - LABEL[1]) * width
    axis.text(
        max(x, 0.02 * width) if has_room_right else min(x + w, 0.98 * width),
        y if has_room_above else max(y, 0.02 * height),
        text,
        ha='left' if has_room_right else 'right',
        va='bottom' if has_room_above else 'top',
        fontsize=7,
        bbox=dict(facecolor='yellow', edgecolor='none', pad=1),
    )


def _format(value: float) -> str:
    """COCO's metrics are fractions, accuracies are percentages."""
    return f'{value:.3f}' if abs(value) <= 1 else f'{value:.2f}'
