"""Check indices from the data set before a loss looks them up in a table."""

from __future__ import annotations

from torch import Tensor

__all__ = ['IndexCheck']


class IndexCheck:
    """Refuses indices out of range, without synchronising a GPU in every step.

    On the CPU every call checks. On a GPU only the first call does; in later ones, an
    assertion of CUDA ends the run.

    Args:
        name: Name of the indices.
        limit_name: Name of the hyper-parameter that must be larger than all indices.
        limit: Its value.
        advice: What to do about an error.
    """

    def __init__(self, name: str, limit_name: str, limit: int, advice: str) -> None:
        self.name, self.limit_name, self.limit = name, limit_name, limit
        self.advice = advice
        self.has_run = False

    def __call__(self, indices: Tensor) -> None:
        """Check (B,) indices.

        Raises:
            ValueError: An index is negative or not below the limit.
        """
        if indices.device.type != 'cpu' and self.has_run or not len(indices):
            return
        self.has_run = True
        smallest, largest = (int(value) for value in indices.aminmax())
        if smallest < 0 or largest >= self.limit:
            wrong = smallest if smallest < 0 else largest
            raise ValueError(
                f'{self.name} must be from 0 to {self.limit_name} - 1, got {wrong} '
                f'with {self.limit_name}={self.limit}; {self.advice}'
            )
