"""Note what named modules receive and return while a model runs its own forward.

The adapters use it to read a student's logits and RoIs from the one forward of the
training step, and the teacher's from its own. The tensors themselves are noted, without
a copy.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from ckd_mm.registry import did_you_mean

__all__ = ['Recorder', 'Tap']


@dataclass(frozen=True)
class Tap:
    """Where a value is noted: what the module of this name receives or returns.

    Args:
        module: The full name of the module in its model.
        port: What it receives by position or by keyword, or what it returns.
        run: The run that is noted, where the module runs several times in a step: see
            :class:`ckd_mm.adapters.core.passes.Pass`. `None` is every run without taps
            of its own.
        copy: Whether a copy is noted, which has the gradient of the value. It is for
            values that an operation in place writes into, such as a ReLU's input.
    """

    module: str
    port: Literal['input', 'keywords', 'output'] = 'output'
    run: Hashable = None
    copy: bool = False


class Recorder:
    """Notes the values at some taps of a model between `open` and `close`.

    A module that runs several times in one step (an RPN head on each level, a RoI
    extractor that box and mask head share) has several values, in the order of its
    calls.

    Args:
        model: The model whose modules are named.
        taps: What to note.

    Raises:
        ValueError: A name is no module of the model; near names are suggested.
    """

    def __init__(self, model: nn.Module, taps: Iterable[Tap]) -> None:
        self.taps = tuple(dict.fromkeys(taps))
        modules = dict(model.named_modules())
        for tap in self.taps:
            if tap.module not in modules:
                raise ValueError(
                    f'{type(model).__name__} has no module {tap.module!r}'
                    + did_you_mean(tap.module, filter(None, modules))
                )
        self._modules = {tap: modules[tap.module] for tap in self.taps}
        self._handles: list[RemovableHandle] = []
        self._noted: dict[Tap, list[_Note]] = {}
        self._is_open = False
        self._wanted: Collection[Tap] = self.taps
        self._run: Hashable = None

    def attach(self) -> None:
        """Put the forward hooks onto the modules."""
        for tap, module in self._modules.items():
            hook = self._note(tap)
            if tap.port == 'output':
                handle = module.register_forward_hook(hook)
            else:
                handle = module.register_forward_pre_hook(
                    hook, with_kwargs=tap.port == 'keywords'
                )
            self._handles.append(handle)

    def detach(self) -> None:
        """Take the forward hooks off again and forget what was noted."""
        while self._handles:
            self._handles.pop().remove()
        self.close()
        self.forget()

    def open(self, taps: Collection[Tap] | None = None) -> None:
        """Forget the last step and note from now on.

        Args:
            taps: Those that are read in this step; `None` is all.
        """
        self._wanted = self.taps if taps is None else taps
        self._noted = {tap: [] for tap in self.taps}
        self._is_open = True

    def close(self) -> None:
        """Note nothing more; what was noted stays until `open` or `forget`."""
        self._is_open = False

    @contextmanager
    def during(self, run: Hashable) -> Iterator[None]:
        """Note a run, for the taps of this run alone; also once closed."""
        was_open, before = self._is_open, self._run
        self._is_open, self._run = True, run
        try:
            yield
        finally:
            self._is_open, self._run = was_open, before

    def forget(self) -> None:
        """Let go of what was noted, so that its memory is free between steps."""
        self._noted = {}

    def calls(self, tap: Tap) -> list[Any]:
        """All values of a tap in this step, one for each call of its module.

        Calls without gradient are left out beside calls with one. They are not what is
        trained: samplers such as OHEM's and PISA's score candidates so, with the head
        of the step.

        Raises:
            ValueError: A later operation wrote into a noted tensor.
        """
        notes = [note for note in self._noted[tap] if note.has_graph]
        notes = notes or self._noted[tap]
        for note in notes:
            if note.is_overwritten():
                raise ValueError(
                    f'the {tap.port} of {tap.module!r} was overwritten after it was '
                    f'noted{note.last_operation()}; if a module with inplace=True did '
                    'that, such as a ReLU, name this module instead or build it with '
                    'inplace=False; else compare another part'
                )
        return [note.value for note in notes]

    def _note(self, tap: Tap) -> Any:
        def hook(module: nn.Module, *values: Any) -> None:
            if self._is_open and tap.run == self._run and tap in self._wanted:
                # values: (args,) or (args, keywords) before the forward, (args, output)
                # after it
                value = values[-1]
                self._noted[tap].append(_Note(_copied(value) if tap.copy else value))

        return hook


class _Note:
    """A value and the versions its tensors had when it was noted.

    Lists are copied, their tensors are not: FSAF's head puts other tensors into the
    list that it returned.
    """

    def __init__(self, value: Any) -> None:
        self.value = _with_copied_lists(value)
        self.has_graph = torch.is_grad_enabled()
        self._versions = [tensor._version for tensor in _tensors(self.value)]

    def is_overwritten(self) -> bool:
        return bool(self._overwritten())

    def last_operation(self) -> str:
        """What wrote into the value, as far as PyTorch's graph knows."""
        names = {
            tensor.grad_fn.name().rsplit('::', 1)[-1]
            for tensor in self._overwritten()
            if tensor.grad_fn is not None
        }
        return f', by an operation in place ({", ".join(sorted(names))})' * bool(names)

    def _overwritten(self) -> list[Tensor]:
        pairs = zip(_tensors(self.value), self._versions, strict=True)
        return [tensor for tensor, version in pairs if tensor._version != version]


def _with_copied_lists(value: Any) -> Any:
    if type(value) in (list, tuple):
        return type(value)(_with_copied_lists(item) for item in value)
    if type(value) is dict:
        return {key: _with_copied_lists(item) for key, item in value.items()}
    return value


def _copied(value: Any) -> Any:
    """A tensor, or the tensors that a module receives."""
    if isinstance(value, Tensor):
        return value.clone()
    return tuple(one.clone() if isinstance(one, Tensor) else one for one in value)


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _tensors(item)
    elif isinstance(value, dict):
        yield from _tensors(list(value.values()))
