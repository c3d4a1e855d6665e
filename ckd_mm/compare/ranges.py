"""How much a result depends on a choice: the range over the methods of a group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ckd_mm.compare.intervals import difference

__all__ = ['range_lines', 'ranges']

Values = Mapping[str, Mapping[int, float]]


def ranges(values: Values, members: Sequence[str]) -> dict[int, float]:
    """The best less the worst result of a group, by seed.

    Args:
        values: Result by method and seed.
        members: Names of the methods.

    Returns:
        The ranges, >= 0, of the seeds that all members have.

    Examples:
        >>> ranges({'a': {0: 1.0, 1: 4.0}, 'b': {0: 3.0}}, ['a', 'b'])
        {0: 2.0}
    """
    found = [values[name] for name in members]
    seeds = [seed for seed in found[0] if all(seed in one for one in found)]
    return {
        seed: max(one[seed] for one in found) - min(one[seed] for one in found)
        for seed in seeds
    }


def range_lines(
    values: Values, groups: Mapping[str, Sequence[str]], digits: int
) -> list[str]:
    """A table of the range of each group, and its difference to the first one's.

    Args:
        values: Result by method and seed.
        groups: Names of methods, by the name of the group.
        digits: Number of digits behind the point.
    """
    by_group = {name: ranges(values, members) for name, members in groups.items()}
    first = next(iter(by_group))
    lines = [
        f'| best less worst of | by seed | mean | less that of {first} |',
        '| --- | --- | --- | --- |',
    ]
    for name, found in by_group.items():
        mean = difference(found, dict.fromkeys(found, 0.0))
        gap = difference(found, by_group[first])
        cells = [
            ', '.join(groups[name]),
            ' / '.join(f'{value:.{digits}f}' for value in found.values()),
            mean.text(digits).lstrip('+') if mean else '-',
            '' if name == first else gap.text(digits) if gap else '-',
        ]
        lines.append('| ' + ' | '.join(cells) + ' |')
    return lines
