"""The widths of embeddings, which a config names and the first batch shows."""

from __future__ import annotations

from torch import Tensor

__all__ = ['check_channels']


def check_channels(name: str, channels: int, rows_BC: Tensor) -> None:
    """Check the width of the embeddings of one model, `student` or `teacher`.

    Raises:
        ValueError: It is not what the config says.
    """
    if rows_BC.shape[1] != channels:
        raise ValueError(
            f'{name}_channels must be the width of the {name} embeddings, got '
            f'{name}_channels={channels} and embeddings {tuple(rows_BC.shape)}; set '
            f'{name}_channels={rows_BC.shape[1]}'
        )
