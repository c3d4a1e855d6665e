"""What a term gets of several teachers: the mean of their values, or probabilities."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ckd_mm.adapters import Value
from ckd_mm.checks import one_of, positive

__all__ = ['Average', 'average', 'average_probabilities']

KINDS = ('values', 'probabilities')


@dataclass(frozen=True)
class Average:
    """How a term averages its teachers.

    Args:
        temperature: At which class probabilities are averaged; `None` averages the
            values as they are.
        weights: The share of each teacher by its number; `None` is the teachers' own.
    """

    temperature: float | None = None
    weights: Mapping[int, float] | None = None

    @classmethod
    def read(
        cls, kind: Any, weights: Any, teachers: Sequence[int], loss: nn.Module
    ) -> Average:
        """The options `average` and `teacher_weights` of a term.

        Args:
            kind: `'values'` or `'probabilities'`; `None` is the first.
            weights: A number > 0 for each of the term's teachers, in their order;
                `None` leaves it to the teachers.
            teachers: The numbers of the teachers that the term hears.
            loss: Its loss, whose temperature is that of the probabilities.

        Raises:
            ValueError: An option is wrong, there is one teacher, or the loss does not
                compare distributions at one temperature.
        """
        for name, value in dict(average=kind, teacher_weights=weights).items():
            if value is not None and len(teachers) < 2:
                raise ValueError(
                    f'{name}={value!r} is for several teachers, and the term hears '
                    'one; leave it out'
                )
        kind = one_of('average', KINDS[0] if kind is None else kind, KINDS)
        return cls(
            None if kind == KINDS[0] else _temperature(loss),
            None if weights is None else _by_number(weights, teachers),
        )

    def weight(self, teacher: int, usual: float) -> float:
        """The share of a teacher in this term; `usual` is its share in all terms."""
        return usual if self.weights is None else self.weights[teacher]

    @torch.no_grad()
    def of(self, values: Sequence[Value], weights: Sequence[float]) -> Value:
        """The average of the values of several teachers; one value stays as it is.

        Args:
            values: A tensor of each teacher, or a tuple of them by level.
            weights: > 0, in any scale.

        Raises:
            ValueError: The shapes differ.
        """
        if len(values) == 1:
            return values[0]
        _check_shapes(values)
        if self.temperature is None:
            return average(values, weights)
        logits = [value for value in values if isinstance(value, Tensor)]
        assert len(logits) == len(values)  # a loss of distributions takes no levels
        return average_probabilities(logits, weights, self.temperature)


def average(values: Sequence[Value], weights: Sequence[float]) -> Value:
    """The weighted mean of several teachers' values; level by level for pyramids.

    Args:
        values: A tensor of each teacher, or a tuple of them by level, of equal shapes.
        weights: > 0, in any scale.
    """
    by_teacher = [(one,) if isinstance(one, Tensor) else one for one in values]
    means = tuple(_mean(levels, weights) for levels in zip(*by_teacher, strict=True))
    return means[0] if isinstance(values[0], Tensor) else means


def average_probabilities(
    logits: Sequence[Tensor], weights: Sequence[float], temperature: float
) -> Tensor:
    r"""Logits whose probabilities are the weighted mean of several teachers'.

    .. math::
        z = T \log \sum_k w_k \, \mathrm{softmax}(t_k / T), \qquad \sum_k w_k = 1

    A loss that divides by the temperature T and takes the softmax gets the mean of the
    probabilities, exactly. MEAL V2 (arXiv:2009.08453) averages so, at T = 1.

    Args:
        logits: (B, C) of each teacher, any real values.
        weights: > 0, in any scale.
        temperature: Of the loss, > 0.

    Returns:
        (B, C), all <= 0, in float32 at least.

    Examples:
        >>> import torch
        >>> teachers = [torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 2.0]])]
        >>> average_probabilities(teachers, [3.0, 1.0], 1.0).softmax(dim=1)
        tensor([[0.6904, 0.3096]])
    """
    logs = []
    for one, weight in zip(logits, weights, strict=True):
        wide = one.to(torch.promote_types(one.dtype, torch.float32))
        share = math.log(weight / sum(weights))
        logs.append(torch.log_softmax(wide / temperature, dim=1) + share)
    return temperature * torch.logsumexp(torch.stack(logs), dim=0)


def _mean(values: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    mean = torch.zeros_like(values[0])
    for value, weight in zip(values, weights, strict=True):
        mean.add_(value, alpha=weight / sum(weights))
    return mean


def _check_shapes(values: Sequence[Value]) -> None:
    """Check that values can be averaged."""
    by_teacher = [(one,) if isinstance(one, Tensor) else one for one in values]
    shapes = [[tuple(level.shape) for level in levels] for levels in by_teacher]
    if any(one != shapes[0] for one in shapes):
        raise ValueError(
            f'teachers that are averaged must agree in shape, got {shapes}; give each '
            'a term of its own with teacher=NUMBER'
        )


def _temperature(loss: nn.Module) -> float:
    """The one temperature at which a loss compares distributions."""
    temperature = getattr(loss, 'temperature', None)
    takes = getattr(loss, 'takes', None) == 'distribution'
    standardized = getattr(loss, 'standardize', False)
    if not takes or standardized or not isinstance(temperature, float | int):
        options = '(standardize=True)' if standardized else ''
        raise ValueError(
            "average='probabilities' needs a loss that divides logits by one fixed "
            'temperature and takes their softmax, and '
            f"{type(loss).__name__}{options} does not; take KDLoss, or average='values'"
        )
    return float(temperature)


def _by_number(weights: Any, teachers: Sequence[int]) -> dict[int, float]:
    if not isinstance(weights, (list, tuple)) or len(weights) != len(teachers):
        raise ValueError(
            f'teacher_weights must be a list of {len(teachers)} numbers > 0, one for '
            f'each teacher of the term in their order, got {weights!r}'
        )
    return {
        number: positive(f'teacher_weights[{index}]', weight)
        for index, (number, weight) in enumerate(zip(teachers, weights, strict=True))
    }
