"""The pictures of a report, as PNG data that stand inside of the page."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from ckd_mm.report.history import Curve
from ckd_mm.report.models import Logits

__all__ = [
    'LEAST_ROWS',
    'Box',
    'boxes',
    'curves',
    'embed',
    'has_tsne',
    'plain',
    'similarity',
    'tsne',
]

Box = tuple[float, float, float, float, str]
"""x, y, width, height and label."""

LEAST_ROWS = 4
"""The least for a t-SNE."""

DPI = 170
WIDTH = 4.4
"""In inches. A phone shows a picture about as wide, so its letters stay legible."""


def curves(
    named: Mapping[str, Curve],
    ylabel: str,
    levels: Mapping[str, float] | None = None,
    is_share: bool = False,
) -> str:
    """Values over the iterations.

    Args:
        named: The curves by label.
        ylabel: What the values are.
        levels: Dashed lines by label, such as the teacher's metric.
        is_share: Whether the axis is that of a share, from 0 to 1.
    """
    figure = Figure(figsize=(WIDTH, 3.5), layout='constrained')
    axis = figure.subplots()
    for label, level in (levels or {}).items():
        axis.axhline(level, color='grey', linestyle='--', label=label)
    for label, curve in named.items():
        marker = 'o-' if len(curve) <= 30 else '-'
        axis.plot(list(curve), list(curve.values()), marker, markersize=4, label=label)
    if is_share:
        axis.set_ylim(-0.02, 1.02)
    axis.set(xlabel='iteration', ylabel=ylabel)
    axis.grid(alpha=0.3)
    if len(named) + len(levels or {}) > 1:
        figure.legend(loc='outside lower center', ncols=2, fontsize=9)
    return embed(figure)


def similarity(logits: Logits, names: Sequence[str]) -> str:
    """Cosines of each teacher row with each student row, ordered by class.

    Args:
        logits: Sorted by class.
        names: The names of the classes.
    """
    cosines = _unit(logits.teacher) @ _unit(logits.student).T
    figure = Figure(figsize=(WIDTH, 3.9), layout='constrained')
    axis = figure.subplots()
    image = axis.imshow(cosines, vmin=-1, vmax=1, cmap='RdBu_r', aspect='equal')
    figure.colorbar(image, label='cosine', shrink=0.85)
    classes, starts = np.unique(logits.labels, return_index=True)
    ends = np.append(starts[1:], len(logits.labels))
    if len(classes) <= 20:
        middles = (starts + ends - 1) / 2
        labels = [_name(names, label) for label in classes]
        axis.set_xticks(middles, labels, rotation=90, fontsize=9)
        axis.set_yticks(middles, labels, fontsize=9)
    axis.set(xlabel='student', ylabel='teacher')
    return embed(figure)


def tsne(logits: Logits, names: Sequence[str]) -> str:
    """The rows of both models in one map by t-SNE, on the cosine.

    Args:
        logits: At least :data:`LEAST_ROWS` rows.
        names: The names of the classes.
    """
    from sklearn.manifold import TSNE

    count = len(logits.labels)
    rows = np.concatenate([_unit(logits.teacher), _unit(logits.student)])
    perplexity = min(30.0, (len(rows) - 1) / 3)
    points = TSNE(perplexity=perplexity, init='pca', random_state=0).fit_transform(rows)
    figure = Figure(figsize=(WIDTH, 4.4), layout='constrained')
    axis = figure.subplots()
    classes = list(np.unique(logits.labels))
    pairs = [colormaps['tab20'](number) for number in range(20)]
    colours = [*pairs[::2], *pairs[1::2]]  # the dark ones first
    shown: list[Any] = []
    for number, label in enumerate(classes):
        of_class = np.flatnonzero(logits.labels == label)
        colour = colours[number % len(colours)]
        teacher, student = points[of_class], points[of_class + count]
        axis.scatter(
            teacher[:, 0], teacher[:, 1], s=40, facecolors='none', edgecolors=colour
        )
        crosses = axis.scatter(
            student[:, 0], student[:, 1], s=26, marker='x', color=colour
        )
        shown.append(crosses)
    axis.set(xticks=[], yticks=[])
    if len(classes) <= 20:
        labels = [_name(names, label) for label in classes]
        figure.legend(shown, labels, loc='outside lower center', ncols=5, fontsize=9)
    return embed(figure)


def has_tsne() -> bool:
    """Whether scikit-learn is there, which the package does not require."""
    return find_spec('sklearn') is not None


def boxes(image: NDArray[np.uint8], found: Sequence[Box]) -> str:
    """An image with labelled boxes, the surest first.

    A label has the size of ordinary text, and stays inside of the image. Where another
    one is already, it moves down.
    """
    height, width = image.shape[:2]
    figure = Figure(figsize=(3.2, 3.2 * height / width))
    axis = figure.add_axes((0, 0, 1, 1))
    axis.imshow(image)
    axis.set_axis_off()
    axis.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
    for x, y, w, h, _ in reversed(found):
        edges = Rectangle((x, y), w, h, fill=False, edgecolor='yellow', linewidth=1.5)
        axis.add_patch(edges)
    taken: list[tuple[float, float, float]] = []
    for x, y, _, _, text in found:
        label = _free_place(x, y, 0.027 * len(text) * width, (width, height), taken)
        taken.append(label)
        axis.text(
            *label[:2],
            text,
            va='top',
            fontsize=9,
            bbox=dict(facecolor='yellow', edgecolor='none', pad=1, alpha=0.85),
        )
    return embed(figure)


def _free_place(
    x: float,
    y: float,
    room: float,
    size: tuple[int, int],
    taken: Sequence[tuple[float, float, float]],
) -> tuple[float, float, float]:
    """Left, top and width of a label: on a box, or the next free place below that."""
    width, height = size
    tall = 0.062 * width  # the letters have the same size on each image
    left = max(0.01 * width, min(x, 0.99 * width - room))
    wanted = y - tall if y > tall else max(y, 0.01 * height)
    top = wanted
    while any(
        abs(top - other_top) < tall
        and left < other + other_room
        and other < left + room
        for other, other_top, other_room in taken
    ):
        top += tall / 4
    if top + tall > height:
        top = wanted
    return left, top, room


def plain(image: NDArray[np.uint8]) -> str:
    """An image as it is, enlarged to at least 96 pixels."""
    from PIL import Image

    picture = Image.fromarray(image)
    factor = max(1, -(-96 // min(picture.size)))
    if factor > 1:
        size = (picture.width * factor, picture.height * factor)
        picture = picture.resize(size, Image.Resampling.NEAREST)
    picture.thumbnail((480, 480))
    file = io.BytesIO()
    picture.save(file, 'PNG')
    return _data(file.getvalue())


def embed(figure: Figure) -> str:
    """A figure as the address of an image."""
    file = io.BytesIO()
    figure.savefig(file, format='png', dpi=DPI)
    return _data(file.getvalue())


def _data(content: bytes) -> str:
    return 'data:image/png;base64,' + base64.b64encode(content).decode()


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.maximum(lengths, np.finfo(np.float32).tiny)


def _name(names: Sequence[str], label: int) -> str:
    """Of a class; what follows the last one is the background of RoIs."""
    if label < len(names):
        return str(names[label])
    return 'background' if label == len(names) and len(names) else str(label)
