"""What is proposed of the measurements: a temperature and a weight for each term."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ckd_mm.suggest.probe import Measured
from ckd_mm.suggest.run import Measurements
from ckd_mm.suggest.trials import Subject

__all__ = ['Outcome', 'Proposal', 'propose', 'standard_error']


@dataclass(frozen=True)
class Outcome:
    """What was measured of a term at one temperature.

    Args:
        temperature: `None` if the loss has none.
        measured: By iteration.
    """

    temperature: float | None
    measured: Sequence[Measured]

    @property
    def own(self) -> float:
        """The mean size of the gradient of the student's losses."""
        return statistics.mean(one.own for one in self.measured)

    @property
    def term(self) -> float:
        """That of the gradient of the term's loss with `loss_weight=1`."""
        return statistics.mean(one.term for one in self.measured)

    @property
    def cosine(self) -> float:
        """The mean cosine of both gradients, of one batch."""
        return statistics.mean(one.cosine for one in self.measured)

    @property
    def elsewhere(self) -> dict[int, float]:
        """By iteration, the cosine with the student's gradient on other batches."""
        return {one.iteration: one.elsewhere for one in self.measured[1:]}

    @property
    def own_elsewhere(self) -> dict[int, float]:
        """By iteration, that of the student's gradient, so of the labels."""
        return {one.iteration: one.own_elsewhere for one in self.measured[1:]}

    def weight(self, share: float) -> float:
        """The `loss_weight` at which the term has a share of the gradient.

        w term / (w term + own) = share
        """
        return share * self.own / ((1.0 - share) * self.term)

    def share(self, weight: float) -> float:
        """The share of the gradient that the term has with a `loss_weight`."""
        return weight * self.term / (weight * self.term + self.own)


@dataclass(frozen=True)
class Proposal:
    """What is proposed for a term.

    Args:
        subject: The term.
        outcomes: What was measured, by temperature.
        statistics: How far teacher and student agree, as the log of a run has it.
        share: The share of the gradient that the term is to have.
    """

    subject: Subject
    outcomes: Sequence[Outcome]
    statistics: Mapping[str, float]
    share: float

    @property
    def chosen(self) -> Outcome:
        """That with the temperature that is proposed.

        It is the one whose gradient points most along that of the student's losses on
        other batches. To first order, a step along it lowers these losses in proportion
        to the cosine, and all temperatures get the same share. The cosine tells
        helpful from harmful auxiliary losses in arXiv:1812.02224, on one batch. There a
        copy of the labels has the largest; on other batches it has that of the labels.

        The config's own temperature stays unless another is ahead by more than twice
        the standard error of the difference.
        """
        best = max(self.outcomes, key=lambda one: _mean(one.elsewhere))
        for own in self.outcomes:
            if own.temperature == self.subject.temperature:
                return best if _is_ahead(best, own) else own
        return best

    @property
    def options(self) -> dict[str, float]:
        """What is proposed for the loss, by the names of its options."""
        weight = float(f'{self.chosen.weight(self.share):.3g}')
        if self.chosen.temperature is None:
            return {'loss_weight': weight}
        return {'temperature': self.chosen.temperature, 'loss_weight': weight}


def propose(
    subjects: Sequence[Subject], measured: Measurements, share: float
) -> list[Proposal]:
    """A proposal for each term.

    Args:
        subjects: The terms.
        measured: What was measured of their trials.
        share: The share of the gradient that each is to have beside the student's
            losses, > 0 and < 1.

    Raises:
        ValueError: A term has no gradient, or the student has none.
    """
    found = []
    for subject in subjects:
        outcomes = [
            Outcome(trial.temperature, measured.gradients[trial.name])
            for trial in subject.trials
            if measured.gradients[trial.name]
        ]
        useful = [one for one in outcomes if one.term > 0 and one.own > 0]
        if not useful:
            raise ValueError(
                f'distill term {subject.name!r}: at {list(subject.of)} its gradient, '
                "or that of the student's losses, was 0 or not finite in all "
                'iterations; measure more of them with --iters, or look at what the '
                'term logs in a run'
            )
        logged = measured.statistics[subject.trials[0].name]
        found.append(Proposal(subject, useful, logged, share))
    return found


def standard_error(values: Sequence[float]) -> float | None:
    """Of a mean; `None` of fewer than two values."""
    if len(values) < 2:
        return None
    return statistics.stdev(values) / math.sqrt(len(values))


def _mean(values: Mapping[int, float]) -> float:
    """Minus infinity of none, so that the first temperature is as good as any."""
    return statistics.mean(values.values()) if values else -math.inf


def _is_ahead(best: Outcome, own: Outcome) -> bool:
    """Whether the difference is more than twice its standard error."""
    first, second = best.elsewhere, own.elsewhere
    gaps = [first[i] - second[i] for i in first if i in second]
    error = standard_error(gaps)
    return error is not None and statistics.mean(gaps) > 2.0 * error
