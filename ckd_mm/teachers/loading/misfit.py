"""Says in a sentence what does not fit between a checkpoint and a model."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import accumulate

__all__ = ['Misfit', 'grouped', 'listed']

_RESHAPED = re.compile(
    r'size mismatch for (.+?): .*?torch\.Size\(\[(.*?)\]\).*?torch\.Size\(\[(.*?)\]\)'
)


@dataclass(frozen=True)
class Misfit:
    """Outcome of loading a checkpoint.

    Args:
        missing: Tensors of the model that the file does not have.
        unexpected: Entries of the file that the model does not have.
        reshaped: Tensors of another shape, each with both.
        failure: What else went wrong.
        expected: All tensors of the model.
    """

    missing: list[str]
    unexpected: list[str]
    reshaped: list[str]
    failure: str
    expected: list[str]

    @classmethod
    def of(
        cls,
        unfilled: Iterable[str],
        may_lack: Collection[str],
        unexpected: list[str],
        expected: list[str],
        error: Exception | None,
    ) -> Misfit:
        """Sort what the loading did not match.

        Args:
            unfilled: Tensors of the model to which nothing was written.
            may_lack: Those of them that the file may lack, unless their shapes differ.
            unexpected: Entries of the file that the model does not have.
            expected: All tensors of the model.
            error: What torch or the model's own loading code raised.
        """
        shapes = {name: both for name, *both in _RESHAPED.findall(str(error))}
        reshaped = [
            f'{name} {_shape(in_file)} in the checkpoint, {_shape(here)} here'
            for name, (in_file, here) in shapes.items()
        ]
        gone = [
            name for name in unfilled if name not in may_lack and name not in shapes
        ]
        failure = ''
        if error is not None and not shapes:
            failure = f'{type(error).__name__}: {error}'.splitlines()[0]
        return cls(gone, unexpected, reshaped, failure, expected)

    @property
    def is_error(self) -> bool:
        return bool(self.missing or self.reshaped or self.failure)

    def text(self, names: list[str], prefix: str) -> str:
        """The whole misfit in a sentence, and what to do.

        Args:
            names: The names of the weights that were to be loaded.
            prefix: The prefix that was removed from them.
        """
        foreign = 2 * len(self.unexpected) > len(names)
        within = _prefixes(names, self.expected) if foreign else []
        if within:
            return (
                f'its names begin with {" or ".join(map(repr, within))}; write '
                f'prefix={prefix + within[0]!r} beside checkpoint, or --teacher-prefix '
                f'{prefix + within[0]} with tools/train.py'
            )
        found = [
            listed('missing', self.missing),
            listed('unexpected', self.unexpected),
            listed('of another shape', self.reshaped),
        ]
        if self.failure:
            found.append(f"the model's own loading code failed with {self.failure}")
        inner = _prefixes(self.expected, names) if foreign else []
        if inner:
            return (
                f'it holds the weights of {inner[0].removesuffix(".")!r} alone; give a '
                'checkpoint of the whole model'
            )
        advice = (
            'give the checkpoint that was trained with this config; a file of '
            'another toolbox has other names, and has to be converted first'
        )
        return '; '.join([*found, advice])


def listed(what: str, names: list[str], most: int = 10) -> str:
    """The number of names, and the first of them."""
    shown = ', '.join(names[:most]) + (', ...' if len(names) > most else '')
    return f'{len(names)} {what}' + (f' ({shown})' if names else '')


def grouped(names: list[str], expected: Iterable[str], most: int = 8) -> str:
    """The names that a file has too much, or if they are many their modules.

    Blocks that follow on the model's own get a remark: a ResNet-101's file has all of
    a ResNet-50.
    """
    known = {
        begin for name in expected for begin in accumulate(name.split('.'), _dotted)
    }
    groups = Counter(_unknown_module(name, known) for name in names)
    modules = [f'{group} ({count})' for group, count in groups.most_common(most)]
    shown = ', '.join(names if len(names) <= most else modules)
    if len(names) > most and len(groups) > most:
        shown += ', ...'
    for group in groups:
        more = re.match(r'(.+)\.(\d+)\.\*$', group)
        if more and f'{more[1]}.{int(more[2]) - 1}' in known:
            return f'{shown}; this may be the file of a deeper model'
    return shown


def _unknown_module(name: str, known: Collection[str]) -> str:
    """The outermost module of a name that the model does not have."""
    if '.' not in name and '_' in name:  # of an average: ema_backbone_conv1_weight
        return name.split('_')[0] + '_*'
    begins = accumulate(name.split('.'), _dotted)
    first = next((begin for begin in begins if begin not in known), name)
    return first if first == name else f'{first}.*'


def _dotted(begin: str, more: str) -> str:
    return f'{begin}.{more}'


def _prefixes(longer: list[str], shorter: list[str]) -> list[str]:
    """What to remove from most of the longer names to get most of the shorter ones."""
    known, counts = set(shorter), Counter[str]()
    for name in longer:
        words = name.split('.')
        for depth in range(1, min(len(words), 4)):
            if '.'.join(words[depth:]) in known:
                counts['.'.join(words[:depth]) + '.'] += 1
    return [begin for begin, count in counts.items() if 2 * count > len(known)]


def _shape(numbers: str) -> tuple[int, ...]:
    return tuple(int(number) for number in numbers.split(', ') if number)
