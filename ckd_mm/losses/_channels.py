"""Compare the width of embeddings with the width that the config gives."""

from __future__ import annotations

from torch import Tensor

__all__ = ['check_channels']


def check_channels(name: str, channels: int, rows_BC: Tensor) -> None:
    """Check the width of the embeddings of one model.

    Args:
        name: `student` or `teacher`.
        channels: The width that the config gives.
        rows_BC: The embeddings.

    Raises:
        ValueError: The embeddings have another width.
    """
    if rows_BC.shape[1] != channels:
        raise ValueError(
            f'{name}_channels must be the width of the {name} embeddings, got '
            f'{name}_channels={channels} and embeddings {tuple(rows_BC.shape)}; set '
            f'{name}_channels={rows_BC.shape[1]}'
        )
