"""Proposals for a reader: a table, and the lines for the config."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from ckd_mm.checks import is_number
from ckd_mm.compare.pieces import NOT_THERE, markdown
from ckd_mm.suggest.proposal import Outcome, Proposal, standard_error

__all__ = ['report']

HEADINGS = (
    'term',
    'temperature',
    "student's gradient",
    "term's gradient",
    'cosine',
    'on other batches',
    'loss_weight',
    'proposed',
)


def report(proposals: Sequence[Proposal], hook: int, options: Mapping[str, Any]) -> str:
    """All that was measured and is proposed, in Markdown.

    Args:
        proposals: One for each term.
        hook: The number of the `DistillationHook` in `custom_hooks`.
        options: Its options.
    """
    rows = [list(HEADINGS)]
    rows += [_row(one, outcome) for one in proposals for outcome in one.outcomes]
    lines = [
        markdown(rows),
        '',
        f'loss_weight gives the term {proposals[0].share:g} of the gradient.',
        *(line for one in proposals for line in _remarks(one)),
        *_small_sum(proposals, options.get('student_loss_weight', 1.0)),
        '',
        'In the config:',
        '',
        '    distill=dict(',
        *(f'        {_entry(one)},' for one in proposals),
        '    ),',
        '',
        'On the command line:',
        '',
        '    --cfg-options ' + ' '.join(_cfg_options(proposals, hook)),
    ]
    return '\n'.join(lines)


def _row(proposal: Proposal, outcome: Outcome) -> list[str]:
    temperature = outcome.temperature
    return [
        proposal.subject.name,
        NOT_THERE if temperature is None else f'{temperature:g}',
        f'{outcome.own:.3g}',
        f'{outcome.term:.3g}',
        f'{outcome.cosine:.3f}',
        _cell(outcome.elsewhere),
        f'{outcome.weight(proposal.share):.3g}',
        'yes' if outcome is proposal.chosen else '',
    ]


def _cell(values: Mapping[int, float]) -> str:
    """Mean and standard error; one value has no error."""
    if not values:
        return NOT_THERE
    mean, error = statistics.mean(values.values()), standard_error([*values.values()])
    return f'{mean:.3f}' if error is None else f'{mean:.3f} ± {error:.3f}'


def _remarks(proposal: Proposal) -> list[str]:
    """Where it was measured, what the models agree in, and what the config has."""
    subject, chosen = proposal.subject, proposal.chosen
    lines = [
        f'gradients of {", ".join(subject.of)}, in {len(chosen.measured)} iterations',
        f'the labels have {_cell(chosen.own_elsewhere)} on other batches',
    ]
    for one in proposal.outcomes:
        if one.temperature == subject.temperature:
            lines.append(
                f'loss_weight={subject.loss_weight:g} of the config is a share of '
                f'{one.share(subject.loss_weight):.3f}'
            )
    lines += [f'{key} {value:.3f}' for key, value in proposal.statistics.items()]
    return [f'- {subject.name}: {line}' for line in (*lines, *subject.notes)]


def _small_sum(proposals: Sequence[Proposal], weight: Any) -> list[str]:
    """A warning if all gradients together are less than the student's own at weight 1.

    The learning rate of a config is that of the student alone, and it stays. Adam
    divides by the size of the gradients, so it does not mind. The sum is
    `weight * (1 + number * share / (1 - share))` of the student's own; at the share
    that the warning names it is 1.
    """
    share, number = proposals[0].share, len(proposals)
    if not is_number(weight):
        return []
    total = weight * (1.0 + number * share / (1.0 - share))
    if total > 0.99:
        return []
    missing = 1.0 / weight - 1.0
    return [
        f'- WARNING: student_loss_weight={weight:g} makes all gradients together '
        f"{total:.2g} of the student's own at weight 1, and the learning rate stays, "
        'which matters with SGD and not with Adam; '
        f'with --share {missing / (number + missing):.3g} they are as large'
    ]


def _entry(proposal: Proposal) -> str:
    options = ', '.join(f'{key}={value}' for key, value in proposal.options.items())
    return f'{proposal.subject.name}=dict(loss=dict({options}))'


def _cfg_options(proposals: Sequence[Proposal], hook: int) -> list[str]:
    return [
        f'custom_hooks.{hook}.distill.{one.subject.name}.loss.{key}={value}'
        for one in proposals
        for key, value in one.options.items()
    ]
