"""The linear layer that brings embeddings of two models to one width."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ['EmbeddingLinear']


class EmbeddingLinear(nn.Linear):
    """A linear layer that computes in the precision of its input.

    Args:
        name: Whose embeddings these are, such as `student`.
        in_channels: Their width.
        out_channels: The width of the result.
    """

    def __init__(self, name: str, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels)
        self.name = name

    def forward(self, rows_BC: Tensor) -> Tensor:
        """Rows (B, D) from rows (B, C).

        Raises:
            ValueError: The rows are of another width.
        """
        check_channels(self.name, self.in_features, rows_BC)
        weight, bias = (value.to(rows_BC.dtype) for value in (self.weight, self.bias))
        return F.linear(rows_BC, weight, bias)


def check_channels(name: str, channels: int, rows_BC: Tensor) -> None:
    """Check the width of the embeddings of one model.

    Raises:
        ValueError: It is not what the config says.
    """
    if rows_BC.shape[1] != channels:
        raise ValueError(
            f'{name}_channels must be the width of the {name} embeddings, got '
            f'{name}_channels={channels} and embeddings {tuple(rows_BC.shape)}; set '
            f'{name}_channels={rows_BC.shape[1]}'
        )
