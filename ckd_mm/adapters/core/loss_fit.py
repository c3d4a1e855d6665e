"""Whether a loss takes what a term's `on` gives: rows, or feature maps.

Parts that an adapter knows are matched before training. Of two named modules only the
first step shows what they return; the message is the same.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from ckd_mm.adapters.core.class_logits import Columns, Pixels
from ckd_mm.adapters.core.context import asked_for, needed_by
from ckd_mm.adapters.core.pair_spec import PairSpec, Part, Unavailable, Value
from ckd_mm.adapters.core.parts import is_modules
from ckd_mm.registry import LOSSES, WEIGHERS

__all__ = ['LossFit', 'offers_of']

_TAKEN = {
    'distribution': 'rows of class logits (B, C)',
    'sigmoid': 'class logits (B, C) of a sigmoid per class, as they are',
    'boxes': 'boxes (P, 4)',
    'box deltas': 'box deltas (P, 4)',
    'rows': 'rows (B, D)',
    'maps': 'feature maps (N, C, H, W), of one level or several',
    'rows or maps': 'rows (B, D) or feature maps (N, C, H, W)',
    'map and logits': (
        'a feature map (N, C, H, W) of the student and class logits (B, C) of the '
        'teacher'
    ),
    'logits and layer': (
        'class logits (B, C) of the student and the output of one of its layers'
    ),
}
_FITTING = {
    'maps': ('maps', 'rows or maps'),
    'rows': ('distribution', 'rows', 'rows or maps'),
    'sigmoid': ('sigmoid', 'distribution', 'rows', 'rows or maps'),
    'boxes': ('boxes', 'rows', 'rows or maps'),
    'box deltas': ('box deltas', 'rows', 'rows or maps'),
    'lists of rows': ('rows or maps',),
    'other': (),
}
_GIVEN = {
    'maps': 'feature maps',
    'rows': 'rows (B, D)',
    'sigmoid': 'rows (B, D)',
    'boxes': 'boxes (P, 4)',
    'box deltas': 'box deltas (P, 4)',
    'lists of rows': 'several tensors of rows, one for each part',
}
_SHAPES = dict.fromkeys(('sigmoid', 'boxes', 'box deltas'), 'rows')
"""What losses take, as the shape alone of what a module returns shows it."""


@dataclass(frozen=True)
class LossFit:
    """What the `on` of a term gives, to be matched with what its loss takes.

    Args:
        term: The term's name, for messages.
        on: What it says.
        specs: What it means, a pair spec for each part.
        known: The parts of these two models, by name.
        shared: The names of the context that every part has.
    """

    term: str
    on: Any
    specs: Sequence[PairSpec]
    known: Mapping[str, Part]
    shared: Collection[str] = ()

    def check(self, loss: nn.Module) -> None:
        """Check that a loss takes the parts that the `on` names, before training.

        A loss without `takes` is not checked.

        Raises:
            ValueError: It takes something else.
        """
        takes, given = _takes(loss), self._given()
        if takes == 'logits and layer' and isinstance(self.on, list):
            given = ''  # it says itself which of the two does not fit
        if takes and given and takes not in _FITTING[given]:
            is_rows = given in ('rows', 'sigmoid')
            said = _GIVEN[given] + (_of_kind(self.specs[0].columns) if is_rows else '')
            raise ValueError(self._refusal(loss, said, given))
        if _is_weigher(loss) and takes == 'distribution' and self._has_no_logits(given):
            raise ValueError(self._refusal(loss, 'rows (B, D), no logits', 'other'))
        if takes in ('maps', 'rows or maps'):
            self._check_levels()
        for spec in self.specs:
            if takes and spec.columns is not None and not spec.levels:
                self._check_columns(loss, spec.columns)

    def check_values(self, loss: nn.Module, *values: Value) -> None:
        """Check that a loss takes what modules returned in a step, by the shapes.

        Args:
            loss: The loss.
            values: That of the student, and that of the teacher if the loss takes it.

        Raises:
            ValueError: It takes something else.
        """
        takes = _SHAPES.get(_takes(loss), _takes(loss))
        if takes in ('', 'rows or maps', 'logits and layer'):
            return
        of_both = ('maps', 'rows') if takes == 'map and logits' else (takes, takes)
        for value, wanted in zip(values, of_both, strict=False):
            given = _kind_of_value(value)
            if wanted not in _FITTING[given]:
                shapes = ', '.join(str(tuple(one.shape)) for one in _levels(value))
                raise ValueError(self._refusal(loss, shapes, given))

    def _check_levels(self) -> None:
        """Check that both models have as many levels, where both say how many."""
        known = [
            [one.num_levels for one in (spec.student, spec.teacher)]
            for spec in self.specs
            if spec.levels
        ]
        for student, teacher in known:
            if None not in (student, teacher) and student != teacher:
                raise ValueError(
                    f'term {self.term!r}: the numbers of levels of on={self.on!r} '
                    f'differ, {student} in the student and {teacher} in the teacher; '
                    'choose as many of both with the option levels '
                    '(on=dict(part=..., levels=[0]))'
                )

    def _check_columns(self, loss: nn.Module, columns: Columns | Pixels) -> None:
        """Check that a loss can compare these columns of class logits."""
        start = f'term {self.term!r}: {type(loss).__name__}'
        of_softmax = _takes(loss) in ('distribution', 'logits and layer')
        if of_softmax and not columns.is_distribution:
            raise ValueError(
                f'{start} compares a distribution over the columns, but the logits of '
                f'on={self.on!r} are {columns.kind}, each a question of its '
                'own; compare each as a distribution of yes and no, with the option '
                "activation='binary', or as if they excluded each other (which class, "
                "but not whether there is one), with activation='softmax' "
                '(on=dict(part=..., activation=...))'
            )
        if columns.width == 1:
            raise ValueError(
                f'{start} compares rows of one number, as there is one class to '
                f'compare and {columns.kind}; {_way_with_one(columns)}compare feature '
                'maps'
            )

    def _has_no_logits(self, given: str) -> bool:
        """Whether a part gives rows that are of no classes, such as embeddings."""
        part = self.on.get('part') if isinstance(self.on, Mapping) else self.on
        is_named = str(part).endswith('logits')  # of a head that is not known
        return given == 'rows' and self.specs[0].columns is None and not is_named

    def _given(self) -> str:
        """What the parts give; empty where only a step can show it."""
        if any(_kind(spec) == 'maps' for spec in self.specs):
            return 'maps'
        parts = self.on if isinstance(self.on, list) else [self.on]
        if any(is_modules(part) for part in parts):
            return ''
        if len(parts) > 1:
            return 'lists of rows'
        return _kind(self.specs[0])

    def _refusal(self, loss: nn.Module, given: str, kind: str) -> str:
        takes = _takes(loss)
        parts = [
            f'on={name!r}'
            for name, part in self.known.items()
            if self._suits(name, part, loss)
        ]
        is_weigher = _is_weigher(loss)
        what, registry = ('weigher', WEIGHERS) if is_weigher else ('loss', LOSSES)
        anything = (None,) if is_weigher else ()
        offers = offers_of(self.specs, self.shared)
        others = [
            name
            for name, one in registry.module_dict.items()
            if getattr(one, 'takes', None) in (*_FITTING[kind], *anything)
            and {*needed_by(one.forward)} <= {*offers}
        ]
        ways = []
        if takes == 'map and logits':
            ways.append("compare on=dict(student='backbone.layer3', teacher='logits')")
        if takes == 'logits and layer':
            ways.append("give on=['logits', 'module:backbone.layer3']")
        elif parts:
            ways.append(f'compare {" or ".join(parts)}')
        if others:
            ways.append(f'take a {what} that fits: {", ".join(sorted(others))}')
        return (
            f'term {self.term!r}: {type(loss).__name__} takes {_TAKEN[takes]}, but '
            f'on={self.on!r} gives {given}; {", or ".join(ways)}'
        )

    def _suits(self, name: str, part: Part, loss: nn.Module) -> bool:
        """Whether a part is a suggestion for a loss."""
        spec, takes = _spec_of(part), _takes(loss)
        if spec is None or takes not in _FITTING[_kind(spec)]:
            return False
        if takes == 'distribution' and (
            not name.endswith('logits') or name.endswith('mask_logits')
        ):
            return False
        return {*asked_for(loss)} <= {*offers_of([spec], self.shared)}


def offers_of(specs: Sequence[PairSpec], shared: Iterable[str]) -> list[str]:
    """What a loss can ask for beside student and teacher, by name.

    Args:
        specs: What is compared.
        shared: What every part has.
    """
    of_parts = [name for spec in specs for name in spec.context]
    withheld = {name for spec in specs for name in spec.missing_context}
    return [
        *dict.fromkeys([*of_parts, *(one for one in shared if one not in withheld)])
    ]


def _kind(spec: PairSpec) -> str:
    """What a pair spec gives, a key of :data:`_FITTING`."""
    if spec.levels:
        return 'maps'
    is_sigmoid = spec.columns is not None and not spec.columns.is_distribution
    return 'sigmoid' if is_sigmoid else spec.gives


def _of_kind(columns: Columns | Pixels | None) -> str:
    """What the columns of rows are, for messages."""
    if columns is None:
        return ''
    option = getattr(columns, 'activation', None)
    return f' of {columns.kind}' + (f', with activation={option!r}' if option else '')


def _spec_of(part: Part) -> PairSpec | None:
    """What a part is without options, if it can be compared so."""
    if isinstance(part, (PairSpec, Unavailable)):
        return part if isinstance(part, PairSpec) else None
    try:
        return part()
    except ValueError:  # such as classes that cannot be matched
        return None


def _way_with_one(columns: Columns | Pixels) -> str:
    """What can be done with one class of a kind of logits."""
    if columns.kind.startswith('a sigmoid'):
        return "use KDLoss with activation='binary', or "
    return ''


def _is_weigher(loss: nn.Module) -> bool:
    return type(loss) in WEIGHERS.module_dict.values()


def _takes(loss: nn.Module) -> str:
    """What a loss takes; empty where it does not say.

    Raises:
        ValueError: It says something unknown.
    """
    takes = getattr(loss, 'takes', '')
    if takes and takes not in _TAKEN:
        raise ValueError(
            f'{type(loss).__name__}.takes must be one of '
            f'{", ".join(map(repr, _TAKEN))}, got {takes!r}'
        )
    return takes


def _levels(value: Value) -> Sequence[Tensor]:
    return (value,) if isinstance(value, Tensor) else value


def _kind_of_value(value: Value) -> str:
    """What a value is by its shape; tensors that are neither count as `'other'`."""
    dimensions = {level.ndim for level in _levels(value)}
    if dimensions == {4}:
        return 'maps'
    if dimensions == {2}:
        return 'rows' if isinstance(value, Tensor) else 'lists of rows'
    return 'other'
