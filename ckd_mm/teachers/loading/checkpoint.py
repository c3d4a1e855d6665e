"""Weights of a teacher: all of them, or an error that says what does not fit.

The model's own loading code runs first, with the versions that the file notes, so that
a file which it converts loads here as it does in MMEngine. After that each parameter
and buffer must have been written.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from mmengine.logging import print_log
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from ckd_mm.teachers.loading.misfit import Misfit, grouped, listed
from ckd_mm.teachers.loading.weight_file import Weights, read_weights

__all__ = ['fill', 'load_weights']


def load_weights(
    model: nn.Module, checkpoint: str, prefix: str = '', what: str = 'teacher'
) -> dict[str, Any]:
    """Load a checkpoint of MMEngine, or a plain state dict, into a model.

    What the file has too much is ignored with a warning. It may lack
    `num_batches_tracked`, as files of old PyTorch versions do, and buffers that the
    model's own loading code takes out of it: index tables that follow from the config.

    Args:
        model: Takes the weights; not to be used after an error.
        checkpoint: Path or URL, in any form that MMEngine's `CheckpointLoader` knows.
        prefix: Takes only the weights whose names begin so, and removes it: `student.`
            for a file of SoftTeacher, `model.` for `{'model': state_dict}`.
        what: What the model is in the run, for messages.

    Returns:
        The checkpoint's `meta`, empty where it has none.

    Raises:
        ValueError: The file is missing or unreadable, holds no weights or none with
            the prefix, leaves a parameter or buffer of the model unfilled, or has NaN
            or infinity in one.
    """
    prefix = prefix and prefix.removesuffix('.') + '.'
    weights, meta = read_weights(checkpoint, prefix, what)
    fill(model, weights, checkpoint, prefix, what)
    return meta


def fill(
    model: nn.Module,
    weights: Weights,
    source: str,
    prefix: str = '',
    what: str = 'teacher',
) -> None:
    """Load weights into a model, all of them.

    Args:
        model: Takes the weights; not to be used after an error.
        weights: What was read.
        source: Where it was read, for messages.
        prefix: What was removed from the names, for messages.
        what: What the model is in the run, for messages.

    Raises:
        ValueError: They leave a parameter or buffer of the model unfilled, or have NaN
            or infinity in one.
    """
    misfit = _load(model, weights)
    if misfit.is_error:
        raise ValueError(
            f'{what} checkpoint {source!r} does not hold the weights of this '
            f'{type(model).__name__}: '
            f'{misfit.text(list(weights.values), prefix)}'
        )
    if misfit.unexpected:
        print_log(
            f'{what} checkpoint {source!r}: {len(misfit.unexpected)} entries that '
            f'{type(model).__name__} does not have are ignored: '
            f'{grouped(misfit.unexpected, misfit.expected)}',
            logger='current',
            level=logging.WARNING,
        )
    broken = [name for name, value in _tensors(model) if not value.isfinite().all()]
    if broken:
        raise ValueError(
            f'{what} checkpoint {source!r} has NaN or infinity in '
            f'{listed("tensors", broken)}: its training diverged; give an earlier '
            'checkpoint'
        )


def _load(model: nn.Module, weights: Weights) -> Misfit:
    """Let the model load the weights; what was not filled, and what is left over."""
    before = dict(_tensors(model))
    unexpected: list[str] | None = None

    def note(_: nn.Module, keys: Any) -> None:
        nonlocal unexpected
        unexpected = list(keys.unexpected_keys)

    error, handle = None, model.register_load_state_dict_post_hook(note)
    try:
        with _Writes() as writes:
            model.load_state_dict(weights.state_dict(), strict=False)
    except Exception as caught:  # of torch, or of a model's own loading code
        error = caught
    finally:
        handle.remove()
    if unexpected is None:  # the loading broke off: the names tell
        unexpected = [name for name in weights.values if name not in before]
        unfilled = [name for name in before if name not in weights.values]
    else:
        unfilled = [
            name
            for name, tensor in _tensors(model)
            if tensor is before.get(name) and not writes.reached(tensor)
        ]
    parameters = {name for name, _ in model.named_parameters()}
    may_lack = {
        name
        for name in unfilled
        if name.endswith('num_batches_tracked')
        or (name in weights.values and name not in parameters)
    }
    return Misfit.of(unfilled, may_lack, unexpected, list(before), error)


def _tensors(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Parameters and persistent buffers, by the names that they have in the model.

    A state dict would do if there were no models that take out or rename some of it.
    """
    saved = {id(value) for value in model.state_dict(keep_vars=True).values()}
    yield from model.named_parameters()
    for name, buffer in model.named_buffers():
        if id(buffer) in saved:
            yield name, buffer


class _Writes(TorchDispatchMode):
    """Notes which memory operations write to.

    A model's own loading code may leave a tensor alone without a word, or fill it by
    its `data`: neither the missing keys nor a tensor's version tell.
    """

    def __init__(self) -> None:
        super().__init__()
        self._written: set[int] = set()

    def reached(self, tensor: Tensor) -> bool:
        return not tensor.numel() or _memory(tensor) in self._written

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        if func._schema.is_mutable and isinstance(args[0], Tensor):
            self._written.add(_memory(args[0]))
        return func(*args, **(kwargs or {}))


def _memory(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()
