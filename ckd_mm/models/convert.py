"""Convert public checkpoints of the CIFAR-100 distillation benchmark."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ckd_mm.models.benchmark import NETWORKS, tensors
from ckd_mm.registry import did_you_mean

__all__ = ['convert_checkpoint', 'convert_weights', 'recognise']


def convert_checkpoint(
    source: Path, target: Path, network: str, overwrite: bool = False
) -> None:
    """Convert a checkpoint of the benchmark to one of our classifier.

    The target is a dict with `state_dict`, as MMEngine and the hook's
    `teacher=dict(checkpoint=...)` read it.

    Args:
        source: A checkpoint of the benchmark: a dict whose `model` has the weights.
        target: The file to write.
        network: The benchmark's name of the network, such as 'resnet32x4'.
        overwrite: Whether an existing target is replaced.

    Raises:
        FileExistsError: The target exists, and `overwrite` is not set.
        ValueError: The source cannot be read or has other weights, or the network is
            unknown.
    """
    if target.exists() and not overwrite:
        raise FileExistsError(
            f'{target} exists; choose another name, or overwrite it (--force)'
        )
    weights = convert_weights(_read(source), network)
    meta = dict(network=network, source=source.name)
    target.parent.mkdir(parents=True, exist_ok=True)
    torch.save({'state_dict': weights, 'meta': meta}, target)


def convert_weights(weights: Mapping[str, Tensor], network: str) -> dict[str, Tensor]:
    """The weights of a network of the benchmark under the names of our classifier.

    Args:
        weights: All weights of the network by the benchmark's names, and no others.
        network: The benchmark's name of the network.

    Raises:
        ValueError: The network is unknown, or the weights are not those of it.
    """
    if network not in NETWORKS:
        raise ValueError(
            f'unknown network {network!r}{did_you_mean(network, NETWORKS)}'
        )
    if _differences(weights, network):
        raise ValueError(_explanation(weights, network))
    return {ours: weights[theirs] for theirs, (ours, _) in tensors(network).items()}


def recognise(weights: Mapping[str, Tensor]) -> str | None:
    """The network whose tensor names and shapes the weights have, or None."""
    fitting = (name for name in NETWORKS if not _differences(weights, name))
    return next(fitting, None)


def _read(source: Path) -> dict[str, Tensor]:
    if not source.is_file():
        raise ValueError(f'{source} does not exist; expected a checkpoint')
    try:
        content = torch.load(source, map_location='cpu', weights_only=True)
    except Exception as error:
        raise ValueError(
            f'{source} cannot be read ({type(error).__name__}); expected a checkpoint '
            'of tensors, numbers and text. One that holds other objects could run '
            'code: if you trust it, load it with weights_only=False, save '
            "dict(model=...) of its 'model' alone, and convert that"
        ) from error
    model = content.get('model') if isinstance(content, dict) else None
    if not isinstance(model, dict):
        raise ValueError(
            f'{source} holds {_described(content)}; expected a checkpoint of the '
            "benchmark, a dict whose 'model' is a dict with the weights"
        )
    return model


def _differences(weights: Mapping[str, Tensor], network: str) -> list[str]:
    """How the weights differ from the network, one line for each tensor."""
    expected = {theirs: shape for theirs, (_, shape) in tensors(network).items()}
    lines = [f'{name} is missing' for name in expected if name not in weights]
    lines += [f'{name} is unknown' for name in weights if name not in expected]
    lines += [
        f'{name} has shape {tuple(weights[name].shape)} instead of {tuple(shape)}'
        for name, shape in expected.items()
        if name in weights and weights[name].shape != shape
    ]
    return lines


def _explanation(weights: Mapping[str, Tensor], network: str) -> str:
    lines = _differences(weights, network)
    shown = '; '.join(lines[:3])
    found = recognise(weights)
    advice = (
        f'these are the weights of {found}: convert them as that network'
        if found
        else 'they are those of no network of the benchmark '
        f'({", ".join(NETWORKS)}) with 100 classes'
    )
    return (
        f'expected the weights of {network}, but {len(lines)} tensors differ ({shown}'
        f'{"; ..." if len(lines) > 3 else ""}); {advice}'
    )


def _described(content: Any) -> str:
    if not isinstance(content, dict):
        return f'a {type(content).__name__}'
    keys = ', '.join(map(str, list(content)[:5])) or 'nothing'
    return f'a dict with {keys}{", ..." if len(content) > 5 else ""}'
