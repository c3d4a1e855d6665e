"""Sections of the report, each measured when it is asked for."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from functools import partial

from ckd_mm.engine.schedules import build_schedule
from ckd_mm.teachers import Speed

from .alone import alone
from .cases import cases_of, distiller_of, hooked, student_case, term_of
from .classes import classes
from .meters import Meter, flops, page_faults, peak
from .options import measure_options, options_table
from .peers import peers
from .setting import Batch, Sample, Setting
from .shares import shares, shares_table
from .timing import Case, Seconds, interleaved, ratios, spread

__all__ = ['SECTIONS', 'Section']

Section = Callable[[Setting, Sequence[str], int, int], list[str]]

HEAD = (
    '| term | (a) | (b) | (c) | (d) | (c) / ((a) + (b)) | (c) / (d) |',
    '|---' * 7 + '|',
)


def steps(
    setting: Setting, titles: Sequence[str], rounds: int, warmup: int
) -> list[str]:
    """(a) to (d) of each term, in turn."""
    lines = list(HEAD)
    for title in titles:
        found = interleaved(cases_of(setting, title), setting.samples, rounds, warmup)
        lines.append(_row(title, found))
    return lines


def _row(title: str, found: Mapping[str, Sequence[float]]) -> str:
    """The four cases and the two ratios."""
    cells = [spread(found[name]) if name in found else '' for name in 'abcd']
    cells.append(spread(ratios(found['c'], found['a'], found['b'])))
    cells.append(spread(ratios(found['c'], found['d'])) if 'd' in found else '')
    return f'| {title} | ' + ' | '.join(cells) + ' |'


def memory(
    setting: Setting, titles: Sequence[str], rounds: int, warmup: int
) -> list[str]:
    """The peak of each case."""
    kind = 'CUDA' if setting.device.type == 'cuda' else 'CPU'
    return [
        f'Largest size of all {kind} tensors that a part makes, in MiB, beyond the two '
        "models and the optimiser's state; one measurement.",
        '',
        *_once(setting, titles, peak, 2**20),
    ]


def work(
    setting: Setting, titles: Sequence[str], rounds: int, warmup: int
) -> list[str]:
    """The arithmetic of each case, and on a CPU the pages of new memory."""
    lines = [
        'GFLOP of convolutions and matrix products.',
        '',
        *_once(setting, titles, flops, 1e9),
    ]
    if setting.device.type == 'cpu':
        lines += [
            '',
            'Thousands of page faults; one run of each, after one that does not count.',
            '',
            *_once(setting, titles, page_faults, 1e3, least=0.1),
        ]
    return lines


def _once(
    setting: Setting,
    titles: Sequence[str],
    meter: Meter,
    unit: float,
    least: float = 0.0,
) -> list[str]:
    """The second run of each case, by a meter; less than `least` is 0."""
    lines = list(HEAD)
    for title in titles:
        found = {}
        for name, case in cases_of(setting, title).items():
            case(setting.samples[0])
            batch = deepcopy(setting.samples[0].batch)
            with case.prepared():
                run = partial(case.run, batch, setting.samples[0])
                value = meter(run) / unit
                found[name] = [value if value >= least else 0.0]
        lines.append(_row(title, found))
    return lines


def overhead(
    setting: Setting, titles: Sequence[str], rounds: int, warmup: int
) -> list[str]:
    """Where the time of a step with all terms goes."""
    found = shares(setting, list(titles), rounds, warmup)
    return [
        f'One step with {", ".join(titles)} together; each callable of the hook has a '
        'stopwatch, which on a GPU waits for it and so makes the whole slower.',
        '',
        *shares_table(found),
    ]


def options(
    setting: Setting, titles: Sequence[str], rounds: int, warmup: int
) -> list[str]:
    """The teacher's forward with each option."""
    return [
        "The teacher's forward in float32 and with one option at a time.",
        '',
        *options_table(measure_options(setting, rounds, warmup)),
    ]


def every(
    setting: Setting, titles: Sequence[str], rounds: int, warmup: int
) -> list[str]:
    """CKD in every step and in every second one; means over two rounds."""
    distiller = distiller_of(setting, term_of('CKD', setting))
    schedule = build_schedule(dict(every=2)).resolved(10**9, 1)
    step, calls = hooked(setting, distiller), iter(range(10**9))

    def always(batch: Batch, sample: Sample) -> None:
        distiller.set_progress(0.0, {'ckd': 1.0})
        step.run(batch, sample)

    def by_schedule(batch: Batch, sample: Sample) -> None:
        distiller.set_progress(0.0, {'ckd': schedule.factor(next(calls), 1)})
        step.run(batch, sample)

    cases = {
        'no hook': student_case(setting),
        'CKD': Case(always, step.prepared),
        'CKD, schedule=dict(every=2)': Case(by_schedule, step.prepared),
    }
    rounds += rounds % 2
    found = interleaved(cases, setting.samples, rounds, warmup)
    pairs = {name: _pairs(values) for name, values in found.items()}
    lines = _steps_table(pairs, 'no hook')
    return [
        'Mean of two steps in a row, one with the teacher, one without.',
        '',
        *lines,
    ]


def stream(
    setting: Setting, titles: Sequence[str], rounds: int, warmup: int
) -> list[str]:
    """CKD with the teacher after the student's forward, and on a stream beside it."""
    term, name = term_of('CKD', setting), 'CKD, stream=True'
    cases = {
        'no hook': student_case(setting),
        'CKD': hooked(setting, distiller_of(setting, term)),
        name: hooked(setting, distiller_of(setting, term, Speed(stream=True))),
    }
    found = interleaved(cases, setting.samples, rounds, warmup)
    what = (
        "Backbone and neck of the teacher run beside the student's forward."
        if setting.device.type == 'cuda'
        else 'On a CPU there are no streams: the teacher only runs first.'
    )
    return [what, '', *_steps_table(found, 'CKD')]


def _steps_table(found: Seconds, base: str) -> list[str]:
    lines = [f'| step | seconds | ratio to {base} |', '|---|---|---|']
    for name, values in found.items():
        ratio = spread(ratios(values, found[base]))
        lines.append(f'| {name} | {spread(values)} | {ratio} |')
    return lines


def _pairs(values: list[float]) -> list[float]:
    return [
        statistics.mean(pair) for pair in zip(values[::2], values[1::2], strict=True)
    ]


SECTIONS: dict[str, tuple[str, Section]] = {
    'steps': ('Seconds per step', steps),
    'memory': ('Peak memory', memory),
    'work': ('What a step computes', work),
    'overhead': ('Where the time of a step goes', overhead),
    'options': ("The teacher's options", options),
    'stream': ('The teacher on a stream of its own', stream),
    'every': ('A term in every second step', every),
    'classes': ('Classes that are matched by name', classes),
    'peers': ('A model that is trained along', peers),
    'alone': ('A student without a teacher', alone),
}
