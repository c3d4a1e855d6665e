"""Checks of the values of a config: hyper-parameters, options, numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real
from typing import Any

__all__ = [
    'at_least_one',
    'boolean',
    'check_any_positive',
    'fraction',
    'integer',
    'is_number',
    'non_negative',
    'one_of',
    'positive',
    'positive_integer',
    'positive_numbers',
    'share',
    'unit_interval',
]


def positive(name: str, value: Any) -> float:
    """Return `value` if it is a finite number > 0.

    Raises:
        ValueError: It is not.
    """
    if not (is_number(value) and value > 0):
        raise ValueError(f'{name} must be a finite number > 0, got {value!r}')
    return value


def at_least_one(name: str, value: Any) -> float:
    """Return `value` if it is a finite number >= 1.

    Raises:
        ValueError: It is not.
    """
    if not (is_number(value) and value >= 1):
        raise ValueError(f'{name} must be a finite number >= 1, got {value!r}')
    return value


def non_negative(name: str, value: Any) -> float:
    """Return `value` if it is a finite number >= 0.

    Raises:
        ValueError: It is not.
    """
    if not (is_number(value) and value >= 0):
        raise ValueError(f'{name} must be a finite number >= 0, got {value!r}')
    return value


def fraction(name: str, value: Any) -> float:
    """Return `value` if it is a number from 0 to below 1.

    Raises:
        ValueError: It is not.
    """
    if not (is_number(value) and 0 <= value < 1):
        raise ValueError(f'{name} must be a number >= 0 and < 1, got {value!r}')
    return value


def share(name: str, value: Any) -> float:
    """Return `value` if it is a number above 0 and at most 1.

    Raises:
        ValueError: It is not.
    """
    if not (is_number(value) and 0 < value <= 1):
        raise ValueError(f'{name} must be a number > 0 and <= 1, got {value!r}')
    return value


def unit_interval(name: str, value: Any) -> float:
    """Return `value` if it is a number from 0 to 1.

    Raises:
        ValueError: It is not.
    """
    if not (is_number(value) and 0 <= value <= 1):
        raise ValueError(f'{name} must be a number from 0 to 1, got {value!r}')
    return value


def positive_integer(name: str, value: Any) -> int:
    """Return `value` if it is an integer >= 1.

    Raises:
        ValueError: It is not.
    """
    return integer(name, value, least=1)


def integer(name: str, value: Any, least: int) -> int:
    """Return `value` if it is an integer that is not below `least`.

    Raises:
        ValueError: It is not.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f'{name} must be an integer >= {least}, got {value!r}')
    return value


def positive_numbers(name: str, value: Any) -> Sequence[float]:
    """Return `value` if it is a list of finite numbers > 0.

    Raises:
        ValueError: It is not, or the list is empty.
    """
    if not (
        isinstance(value, Sequence)
        and value
        and all(is_number(item) and item > 0 for item in value)
    ):
        raise ValueError(
            f'{name} must be a list of one or more finite numbers > 0, got {value!r}'
        )
    return value


def one_of(name: str, value: Any, known: Sequence[str]) -> Any:
    """Return `value` if it is one of some names.

    Raises:
        ValueError: It is not.
    """
    if value not in known:
        names = ', '.join(map(repr, known))
        raise ValueError(f'{name} must be one of {names}, got {value!r}')
    return value


def boolean(name: str, value: Any) -> bool:
    """Return `value` if it is True or False.

    Raises:
        ValueError: It is neither, for example the string 'False', which Python takes
            for true.
    """
    if not isinstance(value, bool):
        raise ValueError(f'{name} must be True or False, got {value!r}')
    return value


def check_any_positive(**weights: float) -> None:
    """Check that at least one part of a loss has a weight above 0.

    Raises:
        ValueError: All weights are 0.
    """
    if not any(weights.values()):
        raise ValueError(
            f'{" and ".join(weights)} are all 0, which leaves nothing of the loss; '
            'set one of them, or loss_weight=0 to monitor the loss only'
        )


def is_number(value: Any) -> bool:
    """Whether it is a finite number. A bool is not one: in a config it is a slip."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return False
    return math.isfinite(value)
