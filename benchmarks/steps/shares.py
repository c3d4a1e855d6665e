"""Where the time of a step with the hook goes: its callables, each with a stopwatch.

The stopwatches are put onto one distiller from outside; on a GPU each waits for it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from ckd_mm.engine.distiller import Distiller

from .cases import distiller_of, hooked, student_case, term_of
from .setting import Batch, Sample, Setting
from .timing import Case, Seconds, interleaved, now, spread

__all__ = ['shares', 'shares_table']

STATISTICS = 'statistics of all terms'
ALONE, STEP, HOOK = "the student's step alone", 'the step with the hook', 'hook'
BOOKS = 'the rest of the forward hook'
BACKWARD = 'backward of the terms, and what is left'


class Stopwatch:
    """Seconds by name, of what ran since the last reset."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)

    def over(self, name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """`work`, with its time taken."""

        def timed(*args: Any, **kwargs: Any) -> Any:
            start = now()
            try:
                return work(*args, **kwargs)
            finally:
                self.seconds[name] += now() - start

        return timed


def shares(
    setting: Setting, titles: list[str], rounds: int, warmup: int
) -> dict[str, list[float]]:
    """Seconds per step by name, of a step with all terms at once."""
    distill: dict[str, Any] = {}
    for title in titles:
        distill.update(term_of(title, setting))
    distiller = distiller_of(setting, distill)
    watch = Stopwatch()
    names = _watched(distiller, watch)
    case = hooked(setting, distiller)
    found: Seconds = {name: [] for name in names}

    def run(batch: Batch, sample: Sample) -> None:
        watch.seconds.clear()
        case.run(batch, sample)
        for name, values in found.items():
            values.append(watch.seconds[name])

    cases = {ALONE: student_case(setting), STEP: Case(run, case.prepared)}
    whole = interleaved(cases, setting.samples, rounds, warmup)
    return _account(whole, {name: found[name][warmup:] for name in names})


def _watched(distiller: Distiller, watch: Stopwatch) -> list[str]:
    """Put the stopwatches on; their names, in the order of a step."""
    view: Any = distiller.views[0]
    view.inputs = watch.over('inputs of the teacher', view.inputs)
    view._run = watch.over("the teacher's forward", view._run)
    view.pair = watch.over('reading the pairs', view.pair)
    losses: dict[str, Any] = distiller.losses
    for term in distiller.terms:
        name = type(term.loss).__name__
        losses[term.name] = watch.over(name, losses[term.name])
        if hasattr(term.loss, 'statistics'):
            loss: Any = term.loss
            loss.statistics = watch.over(STATISTICS, loss.statistics)
    distiller.step = watch.over(HOOK, distiller.step)  # type: ignore[method-assign]
    return [
        'inputs of the teacher',
        "the teacher's forward",
        'reading the pairs',
        *(type(term.loss).__name__ for term in distiller.terms),
        STATISTICS,
        HOOK,
    ]


def _account(whole: Seconds, found: Seconds) -> Seconds:
    """What was timed, and the differences that are left."""
    hook = found.pop(HOOK)
    known = [sum(values) for values in zip(*found.values(), strict=True)]
    rounds = zip(whole[STEP], whole[ALONE], hook, strict=True)
    return {
        ALONE: whole[ALONE],
        **found,
        BOOKS: [all_ - some for all_, some in zip(hook, known, strict=True)],
        BACKWARD: [step - alone - inside for step, alone, inside in rounds],
        STEP: whole[STEP],
    }


def shares_table(found: Seconds) -> list[str]:
    """Milliseconds and shares, as Markdown."""
    lines = ['| part | milliseconds | share of the step |', '|---|---|---|']
    for name, values in found.items():
        share = [
            value / whole for value, whole in zip(values, found[STEP], strict=True)
        ]
        milliseconds = spread([1000 * value for value in values], 2)
        percent = spread([100 * value for value in share], 1)
        lines.append(f'| {name} | {milliseconds} | {percent} % |')
    return lines
