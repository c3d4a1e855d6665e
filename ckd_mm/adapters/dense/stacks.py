"""The stacked convolutions of a dense head: one branch for classes, one for boxes.

Most heads have them once for all levels (`cls_convs`, `reg_convs`), some once for each
level. Each is a convolution, its normalisation and its activation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from torch import Tensor, nn

from ckd_mm.adapters.core.pair_spec import Unavailable
from ckd_mm.adapters.core.recorder import Tap
from ckd_mm.adapters.dense.head import DenseHead

__all__ = ['Stacks', 'missing_stacks']

NAMES = (('cls_convs', 'reg_convs'), ('multi_level_cls_convs', 'multi_level_reg_convs'))


class Stacks:
    """The stacked convolutions of a head.

    Args:
        head: A head that :func:`missing_stacks` has nothing against.
    """

    def __init__(self, head: DenseHead) -> None:
        self.head = head
        self.branches = next(names for names in NAMES if hasattr(head.module, names[0]))
        """The names of both branches in the head."""
        self.by_level = not _is_layer(self._list(self.branches[0])[0])
        """Whether each level has convolutions of its own."""

    @property
    def depth(self) -> int:
        """The number of convolutions of the shorter branch."""
        return min(len(self.layers(branch)[0]) for branch in self.branches)

    def channels(self, at: int) -> list[int]:
        """The channels behind a convolution, of both branches; the first is 1."""
        return [self.layers(branch)[0][at - 1].out_channels for branch in self.branches]

    def by_module(self, levels: Sequence[Tensor]) -> list[list[Tensor]]:
        """Maps by level, in groups that go through the same convolutions."""
        return [[level] for level in levels] if self.by_level else [[*levels]]

    def layers(self, branch: str) -> list[Any]:
        """The convolutions of a branch, level by level; one entry if all share them."""
        found = self._list(branch)
        return list(found) if self.by_level else [found]

    def taps(self, branch: str, at: int) -> tuple[Tap, ...]:
        """Where a branch is noted between a convolution and its activation.

        A copy is noted, as most activations write into what they receive.
        """
        levels = range(len(self.layers(branch))) if self.by_level else ['']
        names = (
            [self.head.path, branch, str(level), str(at - 1), 'activate']
            for level in levels
        )
        return tuple(
            Tap('.'.join(filter(None, parts)), 'input', copy=True) for parts in names
        )

    @contextmanager
    def beginning_behind(
        self,
        at: int,
        given: Mapping[str, Sequence[Tensor]],
        ends: Mapping[str, Sequence[Tensor]],
    ) -> Iterator[None]:
        """Let the branches begin behind a convolution, with given maps.

        Args:
            at: Which convolution; its activation is the first thing that runs.
            given: By branch, what it begins with, level by level.
            ends: By branch, what its last convolution has given; it does not run.
        """
        whole = {branch: self._list(branch) for branch in self.branches}
        try:
            for branch, maps in given.items():
                rest = self._rest(branch, maps, partial(_begun, at))
                setattr(self.head.module, branch, rest)
            for branch, maps in ends.items():
                setattr(self.head.module, branch, self._rest(branch, maps, _ended))
            yield
        finally:
            for branch, layers in whole.items():
                setattr(self.head.module, branch, layers)

    def _rest(
        self, branch: str, maps: Sequence[Tensor], rest: Callable[..., list[nn.Module]]
    ) -> nn.ModuleList | nn.Sequential:
        layers = self._list(branch)
        if not self.by_level:
            return _like(layers, rest(layers, maps))
        levels = zip(layers, maps, strict=True)
        return nn.ModuleList(
            _like(of_level, rest(of_level, [one])) for of_level, one in levels
        )

    def _list(self, branch: str) -> Any:
        return getattr(self.head.module, branch)


class _Given(nn.Module):
    """Stands for the first layers: whatever it receives, it returns the next maps."""

    def __init__(self, maps: Sequence[Tensor]) -> None:
        super().__init__()
        self._maps = iter(maps)

    def forward(self, x: Tensor) -> Tensor:
        return next(self._maps)


def _why_no_stacks(whose: str, head: DenseHead) -> str:
    """Why a head has no two branches of stacked convolutions; empty if it has."""
    start = f'the {type(head.module).__name__} of the {whose} '
    names = next(
        (one for one in NAMES if all(hasattr(head.module, name) for name in one)), None
    )
    if names is None:
        return f'{start}has no stacked convolutions (cls_convs, reg_convs)'
    for name in names:
        layers = list(getattr(head.module, name))
        stacks = [layers] if layers and _is_layer(layers[0]) else layers
        flat = [layer for stack in stacks for layer in _children(stack)]
        if not flat:
            return f'{start}stacks no convolution in {name}'
        if not all(map(_is_layer, flat)):
            return f'{start}has other layers than convolution and activation in {name}'
    return ''


def missing_stacks(student: DenseHead, teacher: DenseHead) -> Unavailable | None:
    """Why the maps of one head cannot go on in the other one, if so."""
    reason = _why_no_stacks('student', student) or _why_no_stacks('teacher', teacher)
    return Unavailable(f"{reason}; compare on='dense_logits'") if reason else None


def _begun(at: int, layers: Any, maps: Sequence[Tensor]) -> list[nn.Module]:
    return [_Given(maps), layers[at - 1].activate, *layers[at:]]


def _ended(layers: Any, maps: Sequence[Tensor]) -> list[nn.Module]:
    return [_Given(maps)]


def _like(layers: Any, rest: Sequence[nn.Module]) -> nn.ModuleList | nn.Sequential:
    """What stands for the layers of a head: they are iterated over, or called."""
    is_sequential = isinstance(layers, nn.Sequential)
    return nn.Sequential(*rest) if is_sequential else nn.ModuleList(rest)


def _children(stack: Any) -> list[nn.Module]:
    return (
        list(stack)
        if isinstance(stack, (nn.Sequential, nn.ModuleList, list))
        else [stack]
    )


def _is_layer(module: Any) -> bool:
    """Whether it is a convolution, then a normalisation if any, then an activation."""
    order = getattr(module, 'order', None)
    return order == ('conv', 'norm', 'act') and getattr(
        module, 'with_activation', False
    )
