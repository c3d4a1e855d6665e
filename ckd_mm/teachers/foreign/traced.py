"""Runs a library's own forward, and listens to its blocks or stages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from ckd_mm.teachers.foreign.layers import (
    Layer,
    Layers,
    find_layers,
    first_tensor,
    size_to_try,
)
from ckd_mm.teachers.foreign.model import Body

__all__ = ['TracedBody']


class TracedBody(Body):
    """Any model whose blocks or stages are modules.

    The forward is the library's own. It ends with the last layer that is wanted, by an
    exception that nobody else sees. Under `torch.compile` it runs on; what nobody uses
    is then left out of the compiled code.

    Args:
        model: The library's model, in eval mode.
        norm: Whether the norm that follows the last block is applied to each block.
        options: What the model's forward gets beside the images.
        size: Height and width that it takes; `None` where it takes any.
        title: What it is called in messages.

    Raises:
        ValueError: The model does not run on an image.
    """

    def __init__(
        self,
        model: nn.Module,
        norm: bool = True,
        options: Mapping[str, Any] | None = None,
        size: tuple[int, int] | None = None,
        title: str = '',
    ) -> None:
        super().__init__()
        self.model, self._options = model.eval(), dict(options or {})
        self._found = _found(model, self._run, size or size_to_try(model), title)
        if size and not self._found.kind:  # it may be no multiple of the strides
            with suppress(ValueError):
                self._found = _found(model, self._run, size_to_try(model), title)
        self.kind = self._found.kind
        self.channels = [layer.channels for layer in self._found.layers]
        strides = [layer.stride for layer in self._found.layers]
        self.divisor = max(strides, default=1)
        self.patch = self.divisor if self.kind == 'blocks' else 1
        self._norm = self._found.norm if norm else ''
        self._noted: dict[int, Tensor] = {}
        self._wanted: tuple[int, ...] = ()
        self._whole = True
        for number, layer in enumerate(self._found.layers):
            module = model.get_submodule(layer.module)
            module.register_forward_hook(partial(self._note, number))

    def forward(
        self, images: Tensor, wanted: Sequence[int], whole: bool = False
    ) -> Sequence[Tensor]:
        self._wanted, self._whole = tuple(wanted), whole or not wanted
        self._noted = {}
        try:
            with suppress(_Enough):
                self._run(images)
        finally:
            noted, self._noted, self._wanted = self._noted, {}, ()
        size = tuple(images.shape[2:])
        return [self._map(self._found.layers[one], noted[one], size) for one in wanted]

    def _run(self, images: Tensor) -> Any:
        return self.model(images, **self._options)

    def _note(self, number: int, module: nn.Module, args: Any, output: Any) -> None:
        if number not in self._wanted:
            return
        self._noted[number] = first_tensor(output)
        is_last = number == self._wanted[-1] and not self._whole
        if is_last and not torch.compiler.is_compiling():
            raise _Enough

    def _map(self, layer: Layer, value: Tensor, size: tuple[int, ...]) -> Tensor:
        """The map (N, C, H, W) of what a layer returned."""
        if layer.layout == 'NCHW':
            return value
        if layer.layout == 'NHWC':
            return value.permute(0, 3, 1, 2)
        if self.kind == 'blocks' and self._norm:
            value = self.model.get_submodule(self._norm)(value)
        rows, columns = (side // layer.stride for side in size)
        patches = value[:, self._found.prefix :].transpose(1, 2)
        return patches.unflatten(2, (rows, columns))


class _Enough(Exception):
    """All that is wanted has been noted."""


def _found(
    model: nn.Module,
    run: Callable[[Tensor], Any],
    size: tuple[int, int],
    title: str,
) -> Layers:
    try:
        return find_layers(model, run, size)
    except Exception as error:
        shown = f'{type(error).__name__}: {error}'.splitlines()[0][:200]
        raise ValueError(
            f'{title or type(model).__name__} does not run on a normalised image '
            f'of {size[0]} x {size[1]} pixels ({shown}); if it takes images of one '
            'size, give the teacher input_size=(HEIGHT, WIDTH)'
        ) from error
