"""Mean, spread and the interval of a difference, over seeds."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ['Difference', 'difference', 'spread', 't_quantile']

LEVEL = 0.95


@dataclass(frozen=True)
class Difference:
    """A mean difference over seeds.

    Attributes:
        mean: The mean of the differences with the same seed.
        half_width: Half the width of its 95 % confidence interval; None for one seed.
        num_seeds: How many pairs there are.
    """

    mean: float
    half_width: float | None
    num_seeds: int

    def text(self, digits: int) -> str:
        """For a table: with its sign and, for several seeds, its interval.

        Examples:
            >>> Difference(0.5, 0.25, num_seeds=3).text(2)
            '+0.50 ± 0.25'
        """
        interval = self.half_width
        end = '' if interval is None else f' ± {interval:.{digits}f}'
        return f'{self.mean:+.{digits}f}{end}'


def difference(
    values: Mapping[int, float], baseline: Mapping[int, float]
) -> Difference | None:
    """Compare results by seed with those of a baseline with the same seeds.

    Args:
        values: Result by seed.
        baseline: The same for what is compared with.

    Returns:
        The paired difference over the seeds that both have; None if there are none.

    Examples:
        >>> found = difference({0: 2.0, 1: 4.0}, {0: 1.0, 1: 1.0})
        >>> found.mean, round(found.half_width, 3)  # 12.706 * sqrt(2) / sqrt(2)
        (2.0, 12.706)
    """
    pairs = [values[seed] - baseline[seed] for seed in values if seed in baseline]
    if not pairs:
        return None
    mean, deviation = statistics.mean(pairs), spread(pairs)
    if deviation is None:
        return Difference(mean, None, 1)
    half_width = t_quantile(len(pairs) - 1) * deviation / math.sqrt(len(pairs))
    return Difference(mean, half_width, len(pairs))


def spread(values: list[float]) -> float | None:
    """The standard deviation, with n - 1; None for a single value."""
    return statistics.stdev(values) if len(values) > 1 else None


def t_quantile(degrees: int) -> float:
    """The number that Student's t exceeds in size with a probability of 5 %.

    By bisection, from the closed form of the distribution for whole degrees of freedom
    (Abramowitz and Stegun, 26.7.3 and 26.7.4), since SciPy need not be installed.

    Args:
        degrees: Degrees of freedom, >= 1.

    Examples:
        >>> round(t_quantile(2), 3)
        4.303
    """
    low, high = 0.0, 20.0  # the largest quantile, for one degree, is 12.7
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (
            (middle, high) if _probability(middle, degrees) < LEVEL else (low, middle)
        )
    return high


def _probability(t: float, degrees: int) -> float:
    """That Student's t is at most `t` in size."""
    angle = math.atan(t / math.sqrt(degrees))
    odd = degrees % 2
    term = math.cos(angle) if odd else 1.0
    total = 0.0
    for k in range(odd + 2, degrees + 1, 2):
        total += term
        term *= (k - 1) / k * math.cos(angle) ** 2
    if odd:
        return 2 / math.pi * (angle + math.sin(angle) * total)
    return math.sin(angle) * total
