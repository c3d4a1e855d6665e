"""Weights of a teacher: all of them, or an error that says what does not fit."""

from __future__ import annotations

from typing import Any

from mmengine.runner import CheckpointLoader
from torch import nn

__all__ = ['load_weights']


def load_weights(model: nn.Module, checkpoint: str) -> dict[str, Any]:
    """Load a checkpoint of MMEngine, or a plain state dict, into a model.

    Args:
        model: Takes the weights.
        checkpoint: Path or URL, in any form that MMEngine's `CheckpointLoader` knows.

    Returns:
        The checkpoint's `meta`, empty where it has none.

    Raises:
        ValueError: The file is missing or unreadable, holds no weights, has missing,
            unexpected or differently shaped tensors, or NaN or infinity in one.
    """
    content = _read(checkpoint)
    weights = content.get('state_dict', content)
    weights = {key.removeprefix('module.'): value for key, value in weights.items()}
    own = model.state_dict()
    missing = [key for key in own if key not in weights]
    unexpected = [key for key in weights if key not in own]
    reshaped = [
        f'{key} {tuple(weights[key].shape)} in the checkpoint, {tuple(own[key].shape)} '
        'here'
        for key in own
        if key in weights and weights[key].shape != own[key].shape
    ]
    if missing or unexpected or reshaped:
        raise ValueError(
            f'{checkpoint!r} does not hold the weights of this {type(model).__name__}: '
            f'{_listed("missing", missing)}; {_listed("unexpected", unexpected)}; '
            f'{_listed("of another shape", reshaped)}; give the checkpoint that was '
            "trained with the teacher's config"
        )
    broken = [key for key, value in weights.items() if not value.isfinite().all()]
    if broken:
        raise ValueError(
            f'{checkpoint!r} has NaN or infinity in {_listed("tensors", broken)}: the '
            "teacher's training diverged; give an earlier checkpoint"
        )
    model.load_state_dict(weights)
    meta = content.get('meta', {})
    return meta if isinstance(meta, dict) else {}


def _read(checkpoint: str) -> dict[str, Any]:
    try:
        content = CheckpointLoader.load_checkpoint(checkpoint, map_location='cpu')
    except Exception as error:
        raise ValueError(
            f'teacher checkpoint {checkpoint!r} cannot be read: '
            f'{type(error).__name__}: {error}; give a path or URL that can be loaded'
        ) from error
    if not isinstance(content, dict):
        raise ValueError(
            f'teacher checkpoint {checkpoint!r} holds a {type(content).__name__}; '
            "expected a state dict or MMEngine's dict with a 'state_dict'"
        )
    return content


def _listed(what: str, keys: list[str], most: int = 10) -> str:
    shown = ', '.join(keys[:most]) + (', ...' if len(keys) > most else '')
    return f'{len(keys)} {what}' + (f' ({shown})' if keys else '')
