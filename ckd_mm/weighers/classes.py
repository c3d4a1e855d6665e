"""Rows by the class of their label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ckd_mm.checks import boolean, is_number, non_negative
from ckd_mm.losses._indices import IndexCheck
from ckd_mm.registry import WEIGHERS, did_you_mean

__all__ = ['ClassWeight']


@WEIGHERS.register_module()
class ClassWeight(nn.Module):
    """Rows by the class of their label, or that the student's assigner gave.

    Args:
        weights: A number >= 0 by the name of a class; or a list, one for each class of
            the student's data, in order.
        others: The weight of classes that a dict does not name.
        background: The weight of rows without an object.
        normalize: Whether all weights are divided by their mean.

    Raises:
        ValueError: An argument is out of its range.

    Examples:
        >>> import torch
        >>> from ckd_mm.weighers import ClassWeight
        >>> rows = torch.zeros(3, 3)
        >>> labels = torch.tensor([0, 1, 2])
        >>> ClassWeight([1.0, 5.0], background=0.5)(rows, rows, labels)
        tensor([1.0000, 5.0000, 0.5000])
    """

    table: Tensor | None

    def __init__(
        self,
        weights: Mapping[str, float] | Sequence[float],
        others: float = 1.0,
        background: float = 1.0,
        normalize: bool = False,
    ) -> None:
        super().__init__()
        self.weights = _checked(weights)
        self.others = non_negative('others', others)
        self.background = non_negative('background', background)
        self.normalize = boolean('normalize', normalize)
        self.register_buffer('table', None, persistent=False)
        if not isinstance(self.weights, Mapping):
            self._fill(list(self.weights))

    def forward(self, student: Any, teacher: Any, assigned_class: Tensor) -> Tensor:
        """The weights (B,).

        Args:
            student: Not looked at.
            teacher: Not looked at.
            assigned_class: Class indices (B,) in the student's order, background last;
                or soft labels (B, C).

        Raises:
            ValueError: A class is none of them.
        """
        assert self.table is not None, 'check_classes comes first'
        if assigned_class.ndim == 2:
            return assigned_class.to(self.table.dtype) @ self.table[:-1]
        self._check_index(assigned_class)
        return self.table[assigned_class]

    def check_classes(self, names: Sequence[str] | None) -> None:
        """Look the names up in the classes of the student's data.

        Raises:
            ValueError: There is no such class, or there are no names.
        """
        if not isinstance(self.weights, Mapping):
            if names and len(names) != len(self.weights):
                raise ValueError(
                    f'weights must be one for each of the {len(names)} classes of the '
                    f"student's data, got {len(self.weights)}; give a dict by name to "
                    'name some of them'
                )
            return
        if not names:
            raise ValueError(
                "the classes of the student's data have no names, and weights are "
                'given by name; give a list with one number for each class'
            )
        for name in self.weights:
            if name not in names:
                raise ValueError(
                    f"the student's data has no class {name!r}"
                    + did_you_mean(name, names)
                )
        self._fill([self.weights.get(name, self.others) for name in names])

    def _fill(self, of_classes: list[float]) -> None:
        self.table = torch.tensor([*of_classes, self.background])
        self._check_index = IndexCheck(
            'a class',
            'the number of weights',
            len(self.table),
            "give one for each class of the student's data",
        )


def _checked(weights: Any) -> Mapping[str, float] | Sequence[float]:
    listed = isinstance(weights, (Mapping, list, tuple)) and len(weights)
    values = weights.values() if isinstance(weights, Mapping) else weights
    are_named = not isinstance(weights, Mapping) or all(
        isinstance(name, str) for name in weights
    )
    if listed and are_named and all(is_number(one) and one >= 0 for one in values):
        return weights
    raise ValueError(
        'weights must be a dict of finite numbers >= 0 by the name of a class, such as '
        f"{{'person': 2.0}}, or a list with one for each class, got {weights!r}"
    )
