"""The classes that two models have in common, as indices.

Shape suffixes: K rows, C classes of one model, M common classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

__all__ = ['ClassMatch', 'ClassSubset']


@dataclass(frozen=True)
class ClassSubset:
    """Some of the classes of a model, in an order.

    Args:
        indices: Which classes.
        num_classes: How many classes the model has.
    """

    indices: tuple[int, ...]
    num_classes: int

    @classmethod
    def every(cls, number: int) -> ClassSubset:
        """All classes of a model."""
        return cls(tuple(range(number)), number)

    @property
    def is_all(self) -> bool:
        """Whether it is all of them, in their order in the model."""
        return self.indices == tuple(range(self.num_classes))

    @property
    def is_partial(self) -> bool:
        """Whether some are left out."""
        return len(self.indices) < self.num_classes

    def of(self, values: Tensor, dim: int = 1) -> Tensor:
        """The entries of these classes, in a dimension that begins with all classes."""
        return values.index_select(dim, self._on_device.to(values.device))

    def left_out(self, rows: Tensor) -> Tensor:
        """The columns of the classes that are left out (K, C - M)."""
        return rows.index_select(1, self._others_on_device.to(rows.device))

    @cached_property
    def _on_device(self) -> _OnDevice:
        return _OnDevice(torch.tensor(self.indices))

    @cached_property
    def _others_on_device(self) -> _OnDevice:
        left = set(range(self.num_classes)) - set(self.indices)
        return _OnDevice(torch.tensor(sorted(left), dtype=torch.long))


@dataclass(frozen=True)
class ClassMatch:
    """The classes that two models have in common, in the student's order.

    Args:
        student: These classes as the student has them.
        teacher: The same classes as the teacher has them.
    """

    student: ClassSubset
    teacher: ClassSubset

    @classmethod
    def same(cls, number: int) -> ClassMatch:
        """The match of two models with the same classes in the same order."""
        return cls(ClassSubset.every(number), ClassSubset.every(number))

    @property
    def is_same(self) -> bool:
        """Whether both have the same classes in the same order."""
        return self.student.is_all and self.teacher.is_all

    def in_teacher(self, labels: Tensor) -> Tensor:
        """The teacher's index of each label (K,); 0 where it has no such class."""
        if self.is_same:
            return labels
        return self._in_teacher.to(labels.device)[labels]

    def in_common(self, labels: Tensor) -> Tensor:
        """The index of each label (K,) among the common classes; background is last.

        Labels are of the student's classes, C is background. A class that the teacher
        lacks counts as background.
        """
        if self.student.is_all:
            return labels
        return self._in_common.to(labels.device)[labels]

    def known_rows(self, labels: Tensor) -> Tensor:
        """The rows whose class the teacher has; this waits for the device.

        Args:
            labels: Class indices (K,), C is background, or shares of classes (K, C).
        """
        if labels.ndim == 2:
            return (self.student.left_out(labels).sum(1) == 0).nonzero().flatten()
        return self._is_known.to(labels.device)[labels].nonzero().flatten()

    @cached_property
    def _in_teacher(self) -> _OnDevice:
        found = dict(zip(self.student.indices, self.teacher.indices, strict=True))
        return _OnDevice(
            torch.tensor([found.get(one, 0) for one in range(self.student.num_classes)])
        )

    @cached_property
    def _in_common(self) -> _OnDevice:
        found = {one: number for number, one in enumerate(self.student.indices)}
        every = range(self.student.num_classes + 1)
        return _OnDevice(torch.tensor([found.get(one, len(found)) for one in every]))

    @cached_property
    def _is_known(self) -> _OnDevice:
        known = [one in self.student.indices for one in range(self.student.num_classes)]
        return _OnDevice(torch.tensor([*known, True]))


class _OnDevice:
    """A tensor that is copied to each device once."""

    def __init__(self, value: Tensor) -> None:
        self._value = value
        self._copies = {value.device: value}

    def to(self, device: torch.device) -> Tensor:
        if device not in self._copies:
            self._copies[device] = self._value.to(device)
        return self._copies[device]
