"""How much each row counts in the loss of a term: `sample_weight` in its config.

The loss gives the value of each row (`reduction='none'`), and weighers a weight for
each. The loss of the term is the mean over all rows of value times weight. Rows of
weight 0 stay among those that it divides by, unless the weigher has `normalize=True`:
its weights are divided by their mean over the rows of all ranks.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ckd_mm.adapters.core.context import asked_for
from ckd_mm.functional import mean_one
from ckd_mm.functional._rows import reduced
from ckd_mm.registry import LOSSES, WEIGHERS, build

__all__ = [
    'SampleWeights',
    'Weighed',
    'asked_for',
    'build_sample_weights',
    'filled',
    'has_rows',
]

WIDTHS = ('in_channels', 'num_classes')
"""What a weigher may leave out: the widths of the student's embedding and logits."""
EMBEDDING = 'student_embedding'


class Weighed(NamedTuple):
    """The loss of a term whose rows count differently.

    `mean_weight` is before any is normalised. `own_loss` trains the weighers.
    """

    loss: Tensor
    mean_weight: Tensor
    own_loss: Tensor | None

    def logged(self, term: str, *, counts: bool) -> dict[str, Tensor]:
        """What a term logs of it; the own loss trains nothing where the term does not.

        Else clipping by the norm of all gradients would change the student's.
        """
        found = {f'{term}_sample_weight': self.mean_weight}
        if self.own_loss is not None:
            found[f'loss_{term}_sample_weight'] = self.own_loss * float(counts)
        return found


class SampleWeights(nn.Module):
    """The product of the weights of some weighers.

    Args:
        weighers: Modules whose `forward` names what it gets, and returns weights (B,),
            or these and a loss that trains the module's parameters.
        is_pending: Whether one stands for a weigher of widths that are not read yet.
    """

    def __init__(self, weighers: Sequence[nn.Module], is_pending: bool = False) -> None:
        super().__init__()
        self.weighers, self.is_pending = nn.ModuleList(weighers), is_pending
        self._asked = [asked_for(weigher) for weigher in weighers]

    @property
    def context(self) -> tuple[str, ...]:
        """What they ask for beside student and teacher."""
        return tuple(dict.fromkeys(name for names in self._asked for name in names))

    @property
    def asks_for_widths(self) -> bool:
        """Whether one takes widths that can be read from the student."""
        return any(_widths_of(type(weigher)) for weigher in self.weighers)

    def forward(self, rows: Tensor, arguments: Mapping[str, Any]) -> Weighed:
        """The weighted loss.

        Args:
            rows: The values of the rows (B,).
            arguments: What the term gives its loss and its weighers, by name.

        Raises:
            ValueError: A weigher returns something else than a weight for each row.
        """
        product, means = torch.ones_like(rows), torch.ones_like(rows)
        own_losses = []
        for weigher, asked in zip(self.weighers, self._asked, strict=True):
            names = ('student', 'teacher', *asked)
            found = weigher(**{name: arguments[name] for name in names})
            weights, *own = found if isinstance(found, tuple) else (found,)
            _check(weigher, weights, rows)
            weights = weights.detach().to(rows.dtype)
            means = means * weights
            if getattr(weigher, 'normalize', False):
                weights = mean_one(weights)
            product = product * weights
            own_losses += own
        return Weighed(
            reduced(rows * product, 'mean'),
            reduced(means, 'mean'),
            torch.stack(own_losses).sum() if own_losses else None,
        )

    def check_classes(self, names: Sequence[str] | None) -> None:
        """Tell the weighers the student's classes in their order.

        Raises:
            ValueError: One does not fit them.
        """
        for weigher in self.weighers:
            check = getattr(weigher, 'check_classes', None)
            if check is not None:
                check(names)


def build_sample_weights(config: Any, loss: type) -> SampleWeights | None:
    """The weighers of a term.

    Args:
        config: What its `sample_weight` says: a weigher, a list of them, or nothing.
        loss: The class of its loss.

    Raises:
        ValueError: The loss has no rows, or a weigher is wrong.
    """
    if config is None:
        return None
    listed = config if isinstance(config, (list, tuple)) else [config]
    if not listed:
        raise ValueError('sample_weight=[] names no weigher; leave it out')
    lacking = [_left_out(one) for one in listed]
    weighers = [
        build(WEIGHERS, {**one, **dict.fromkeys(names, 1)} if names else one)
        for one, names in zip(listed, lacking, strict=True)
    ]
    _check_has_rows(loss)
    return SampleWeights(weighers, is_pending=any(lacking))


def filled(config: Any, widths: Mapping[str, int]) -> Any:
    """The config of weighers with the widths that they leave out.

    Raises:
        ValueError: It gives others.
    """
    if isinstance(config, (list, tuple)):
        return [filled(one, widths) for one in config]
    needed = _widths_of(WEIGHERS.get(config['type']))
    for name in needed:
        if config.get(name) not in (None, widths[name]):
            raise ValueError(
                f'{name} of {config["type"]} must be {widths[name]}, as the student '
                f'has, got {config[name]!r}; leave it out to have it read'
            )
    return {**config, **{name: widths[name] for name in needed}}


def _left_out(config: Any) -> list[str]:
    """The widths that the config of a weigher leaves out."""
    named = isinstance(config, dict) and isinstance(config.get('type'), str)
    cls = WEIGHERS.get(config['type']) if named else None
    return [name for name in _widths_of(cls) if config.get(name) is None]


def _widths_of(cls: type | None) -> list[str]:
    """Which of :data:`WIDTHS` a weigher takes."""
    if cls is None:
        return []
    return [name for name in WIDTHS if name in inspect.signature(cls).parameters]


def has_rows(cls: type) -> bool:
    """Whether a loss gives the values of its rows."""
    forward = getattr(cls, 'forward', None)
    return forward is not None and 'reduction' in inspect.signature(forward).parameters


def _check_has_rows(cls: type) -> None:
    forward = getattr(cls, 'forward', None)
    if forward is None or 'teacher' not in inspect.signature(forward).parameters:
        raise ValueError(
            f'{cls.__name__} reads the student alone, and weighers look at a teacher '
            'as well; leave sample_weight out'
        )
    if not has_rows(cls):
        known = sorted(
            name for name, one in LOSSES.module_dict.items() if has_rows(one)
        )
        raise ValueError(
            f'{cls.__name__} is no mean of rows, each of which could count '
            'differently: it compares rows, columns or positions with each other, or '
            "its forward takes no reduction='none'; leave sample_weight out, or take "
            f'one of {", ".join(known)}'
        )


def _check(weigher: nn.Module, weights: Any, rows: Tensor) -> None:
    if not isinstance(weights, Tensor) or weights.shape != rows.shape:
        got = tuple(weights.shape) if isinstance(weights, Tensor) else type(weights)
        raise ValueError(
            f'{type(weigher).__name__} must give a weight for each of {len(rows)} '
            f'rows of the loss, got {got}: what it looks at has other rows than what '
            'the term compares; take another weigher, or leave sample_weight out'
        )
