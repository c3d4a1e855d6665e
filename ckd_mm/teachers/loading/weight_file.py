"""The weights in a checkpoint file, whichever program has written it."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ckd_mm.registry import did_you_mean
from ckd_mm.teachers.loading.safe import TRUST, read_file, reason, refused

__all__ = ['Weights', 'read_weights']


@dataclass
class Weights:
    """A state dict and its versions, apart from each other.

    Args:
        values: Weights by name.
        versions: `_metadata` of a state dict: what a module noted of its version when
            it was saved, by the module's name. Models convert old files by it.
    """

    values: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, content: Any) -> Weights:
        """The weights of a dict or module, arrays as tensors; else empty."""
        if isinstance(content, nn.Module):
            content = content.state_dict()
        if not isinstance(content, Mapping):
            return cls()
        return cls(
            {
                name: torch.as_tensor(value) if isinstance(value, np.ndarray) else value
                for name, value in content.items()
                if isinstance(name, str)
            },
            dict(getattr(content, '_metadata', None) or {}),
        )

    def renamed(self, change: Callable[[str], str | None]) -> Weights:
        """The weights under other names; those renamed to `None` are left out."""
        values = {change(name): value for name, value in self.values.items()}
        versions = {change(f'{name}.'): note for name, note in self.versions.items()}
        return Weights(
            {name: value for name, value in values.items() if name is not None},
            {
                name.removesuffix('.'): note
                for name, note in versions.items()
                if name is not None
            },
        )

    def state_dict(self) -> OrderedDict[str, Any]:
        """The weights as `torch.nn.Module.load_state_dict` takes them."""
        weights = OrderedDict(self.values)
        weights._metadata = OrderedDict(self.versions)  # type: ignore[attr-defined]
        return weights


def read_weights(
    checkpoint: str, prefix: str = '', what: str = 'teacher'
) -> tuple[Weights, dict[str, Any]]:
    """The weights in a file, and its `meta`.

    Names lose `module.` at their beginning (DistributedDataParallel, averaged models)
    and `_orig_mod.` anywhere (`torch.compile`).

    Args:
        checkpoint: Path or URL, in any form that MMEngine's `CheckpointLoader` knows.
        prefix: Takes only the weights whose names begin so, and removes it.
        what: What the model is in the run, for messages.

    Raises:
        ValueError: The file is missing or unreadable, or it holds no weights, or none
            with the prefix.
    """
    content = _read(checkpoint, what)
    if not isinstance(content, (Mapping, nn.Module)):
        raise ValueError(
            f'{what} checkpoint {checkpoint!r} holds a {type(content).__name__}; '
            "expected a state dict or MMEngine's dict with a 'state_dict'"
        )
    found = _found(content)
    if not any(_is_weight(value) for value in found.values.values()):
        raise ValueError(
            f'{what} checkpoint {checkpoint!r} holds no weights: {_shown(content)}; '
            "expected a state dict or MMEngine's dict with a 'state_dict'"
        )
    if prefix:
        found = _chosen(found, content, prefix, f'{what} checkpoint {checkpoint!r}')
    meta = content.get('meta') if isinstance(content, Mapping) else None
    return found, meta if isinstance(meta, dict) else {}


def _read(checkpoint: str, what: str) -> Any:
    try:
        if checkpoint.endswith('.safetensors') and '://' not in checkpoint:
            from safetensors.torch import load_file  # an extra

            return load_file(checkpoint)
        return read_file(checkpoint)
    except Exception as error:
        raise ValueError(
            f'{what} checkpoint {checkpoint!r} cannot be read: '
            f'{reason(error)}; {_advice(error)}'
        ) from error


def _advice(error: Exception) -> str:
    if isinstance(error, OSError):  # missing, forbidden, no connection
        return 'give a path or URL that can be loaded'
    if isinstance(error, (ImportError, AttributeError)):
        return (
            'it holds classes of a program that is missing here; give a path or URL of '
            'what torch.save(model.state_dict(), PATH) writes there'
        )
    if refused(error):
        return (
            'reading that can run code of the file; give the path or URL of what '
            'torch.save(model.state_dict(), PATH) writes, or, if you trust the '
            f'source of this file, set {TRUST}=1'
        )
    return (
        'give a path or URL that can be loaded; this file was cut short, or it is none '
        'of PyTorch (a pickle of Detectron2): write its state dict with torch.save'
    )


def _found(content: Mapping[Any, Any] | nn.Module) -> Weights:
    """The weights under `state_dict`, or else all weights."""
    if isinstance(content, Mapping):
        stored = Weights.of(content.get('state_dict'))
        if stored.values:
            return stored.renamed(_unwrapped)
    return _everything(content)


def _everything(content: Mapping[Any, Any] | nn.Module) -> Weights:
    """Weights of a dict or module, and of those within a dict under `key.`."""
    everything = Weights.of(content)
    inner = {name: Weights.of(value) for name, value in everything.values.items()}
    everything.values = {
        name: value
        for name, value in everything.values.items()
        if _is_weight(value) or name.endswith('_extra_state')
    }
    for key, weights in inner.items():
        if any(_is_weight(value) for value in weights.values.values()):
            below = weights.renamed(_below(key))
            everything.values |= below.values
            everything.versions |= below.versions
    return everything.renamed(_unwrapped)


def _chosen(
    found: Weights, content: Mapping[Any, Any] | nn.Module, prefix: str, source: str
) -> Weights:
    def inside(name: str) -> str | None:
        return _unwrapped(name[len(prefix) :]) if name.startswith(prefix) else None

    everything = _everything(content)
    for weights in (found, everything):
        chosen = weights.renamed(inside)
        if chosen.values:
            return chosen
    known = {name.split('.')[0] + '.' for name in [*found.values, *everything.values]}
    raise ValueError(
        f'no weight in {source} begins with prefix={prefix!r}'
        f'{did_you_mean(prefix, known)}'
    )


def _below(key: str) -> Callable[[str], str]:
    return lambda name: f'{key}.{_unwrapped(name)}'


def _unwrapped(name: str) -> str:
    return re.sub(r'^(module\.)+', '', name.replace('_orig_mod.', ''))


def _is_weight(value: Any) -> bool:
    return isinstance(value, (Tensor, np.ndarray))


def _shown(content: Mapping[Any, Any] | nn.Module) -> str:
    if not content:
        return 'it is an empty dict'
    if isinstance(content, Mapping) and 'state_dict' in content:
        return f'its state_dict is {content["state_dict"]!r}'[:200]
    keys = list(content) if isinstance(content, Mapping) else []
    return f'its keys are {", ".join(map(repr, keys[:10]))}'
