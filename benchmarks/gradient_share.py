"""What does `GradientShare` cost? A step that is measured, and one that is not.

    python benchmarks/gradient_share.py [--size digits] [--rounds 40]

In every round one after the other, on the same batch, in an order that turns from round
to round:

(a) the student's training step with the term at a fixed weight;
(b) the step with `GradientShare`, in an iteration that is not measured;
(c) the same in an iteration that is measured, with its correction.

A run has (c) in one of `interval` iterations and (b) in the others. In its first
`interval` iterations it has (c) once for each power of 2 as well.

What (b) adds to (a) is less than the noise of both, so it is timed by itself as well,
in many calls without a student.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path
from typing import Any

import torch
from environment import ROOT, describe
from steps.cases import distiller_of, student_case, term_of
from steps.meters import peak
from steps.setting import SIZES, Batch, Sample, Setting
from steps.timing import Case, Seconds, interleaved, now, ratios, spread

from ckd_mm.engine.distiller import Distiller

__all__: list[str] = []

INTERVAL = 100
UNMEASURED, MEASURED = 3, 4
"""Iterations: only the second is a power of 2."""
CASES = {
    "CKD, of='backbone'": (['CKD'], 'backbone'),
    "CKD, of='neck'": (['CKD'], 'neck'),
    "CKD and DIST, of='backbone'": (['CKD', 'DIST'], 'backbone'),
}
HEAD = f"""\
- (a) step at a fixed weight, (b) with `GradientShare`, not measured, (c) measured.
- Measured in turn in each of {{rounds}} rounds, after {{warmup}} that do not count. \
Median (lower to upper quartile).
- Added by (b), timed alone; median of 1000 calls. Run: of a run with \
`interval={INTERVAL}`, 1 + added + ((c) - (b)) / ({INTERVAL} (a)), of each round.
- Peak: largest size of all tensors that a step makes; one measurement.

| terms | (a), s | (b) / (a) | (c) / (a) | added by (b), ms | run / (a) | \
peak of (a), MiB | peak of (c) |
|---|---|---|---|---|---|---|---|"""


def main() -> None:
    args = _parse_args()
    setting = SIZES[args.size]()
    lines = [
        f'# Time of a step with GradientShare: {args.size}',
        '',
        describe(' '.join(['python benchmarks/gradient_share.py', *sys.argv[1:]])),
        f'- {setting.description}.',
        HEAD.format(rounds=args.rounds, warmup=args.warmup),
    ]
    for title, (terms, module) in CASES.items():
        cases = _cases(setting, terms, module)
        found = interleaved(cases, setting.samples, args.rounds, args.warmup)
        added = _added_alone(setting, terms, module)
        peaks = [_peak(cases[name], setting.samples[0]) for name in 'ac']
        lines.append(_row(title, found, added, peaks))
        print(lines[-1], flush=True)
    out = args.out or ROOT / f'benchmarks/results/gradient_share_{args.size}.md'
    out.write_text('\n'.join(lines) + '\n')
    print(f'written to {out}')


def _cases(setting: Setting, titles: list[str], module: str) -> dict[str, Case]:
    """(a) to (c); the weights stay near 1, as the share has a wide band."""
    fixed, kept = _distillers(setting, titles, module)
    return {
        'a': _stepping(setting, fixed, UNMEASURED),
        'b': _stepping(setting, kept, UNMEASURED),
        'c': _stepping(setting, kept, MEASURED),
    }


def _distillers(
    setting: Setting, titles: list[str], module: str
) -> tuple[Distiller, Distiller]:
    """With fixed weights, and with `GradientShare`."""
    fixed: dict[str, Any] = {}
    for title in titles:
        fixed |= term_of(title, setting)
    schedule = dict(type='GradientShare', share=0.3, tolerance=0.29, of=module)
    kept = {name: term | dict(schedule=schedule) for name, term in fixed.items()}
    return distiller_of(setting, fixed), distiller_of(setting, kept)


def _added_alone(setting: Setting, titles: list[str], module: str) -> float:
    """Seconds of all that an unmeasured step has more than one at a fixed weight."""
    _, distiller = _distillers(setting, titles, module)
    controllers, names = distiller.controllers, list(distiller.factors)
    loss = torch.ones((), device=setting.device, requires_grad=True)
    own = dict.fromkeys(names, loss)
    seconds = []
    for _ in range(1000):
        start = now()
        controllers.begin(UNMEASURED, INTERVAL, setting.optimizer)
        for name in names:
            controllers.weighed(name, loss).backward()
        controllers.observe(own, distiller.factors, {})
        seconds.append(now() - start)
    return statistics.median(seconds)


def _stepping(setting: Setting, distiller: Distiller, iteration: int) -> Case:
    """What the hook does in an iteration, and the step."""
    step = student_case(setting).run

    def run(batch: Batch, sample: Sample) -> None:
        distiller.controllers.begin(iteration, INTERVAL, setting.optimizer)
        step(batch, sample)

    return Case(run, distiller.attached)


def _peak(case: Case, sample: Sample) -> int:
    """Bytes of the tensors of one step."""
    return peak(lambda: case(sample))


def _row(title: str, found: Seconds, added: float, peaks: list[int]) -> str:
    b, c = (ratios(found[name], found['a']) for name in 'bc')
    run = [
        1.0 + added / a + (measured - other) / INTERVAL
        for a, other, measured in zip(found['a'], b, c, strict=True)
    ]
    cells = [title, *map(spread, (found['a'], b, c)), f'{1e3 * added:.2f}', spread(run)]
    cells += [f'{one / 2**20:.0f}' for one in peaks]
    return '| ' + ' | '.join(cells) + ' |'


def _parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--size', choices=SIZES, default='digits')
    parser.add_argument('--rounds', type=int, default=40)
    parser.add_argument('--warmup', type=int, default=3)
    parser.add_argument('--out', type=Path, help='file of the report')
    return parser.parse_args()


if __name__ == '__main__':
    main()
