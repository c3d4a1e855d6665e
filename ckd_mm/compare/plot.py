"""The plot of a comparison."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from matplotlib.figure import Figure

from ckd_mm.compare.comparison import ALONE
from ckd_mm.compare.intervals import difference

__all__ = ['draw']


def draw(
    path: Path,
    values: Mapping[str, Mapping[int, float]],
    metric: str,
    alone: Mapping[str, str] | None = None,
) -> None:
    """Draw each method's difference to the student alone, with its interval.

    Args:
        path: File to write, PNG or SVG by its suffix.
        values: Result by method and seed.
        metric: Name of the results.
        alone: The student alone of each method, where there are several.
    """
    alone = alone or dict.fromkeys(values, ALONE)
    methods = [name for name in values if name != alone[name]]
    figure = Figure(figsize=(8, 1.2 + 0.4 * len(methods)), layout='constrained')
    axis = figure.subplots()
    for row, method in enumerate(methods):
        baseline = values[alone[method]]
        found = difference(values[method], baseline)
        if found is None:
            continue
        gains = [
            value - baseline[seed]
            for seed, value in values[method].items()
            if seed in baseline
        ]
        axis.plot(gains, [row] * len(gains), '.', color='tab:grey', zorder=1)
        axis.errorbar(
            found.mean, row, xerr=found.half_width, fmt='o', color='tab:blue', capsize=4
        )
    axis.axvline(0, color='black', linewidth=1, linestyle='--')
    axis.set_yticks(range(len(methods)), methods)
    axis.set_ylim(len(methods) - 0.5, -0.5)
    several = max(map(len, values.values())) > 1
    bars = 'mean with its 95 % interval, dots: seeds' if several else 'one seed'
    axis.set_xlabel(f'{metric}: difference to the student alone ({bars})')
    axis.grid(axis='x', alpha=0.3)
    figure.savefig(path, dpi=110)
