"""What does `GradientShare` cost? A step that is measured, and one that is not.

    python benchmarks/gradient_share.py [--size digits] [--rounds 40]

In every round one after the other, on the same batch, in an order that turns from round
to round:

(a) the student's training step with the term at a fixed weight;
(b) the step with `GradientShare`, in an iteration that is not measured;
(c) the same in an iteration that is measured, with its correction.

A run has (c) in one of `interval` iterations and (b) in the others, so it takes
((interval - 1) (b) + (c)) / (interval (a)) of the time with a fixed weight. In its
first `interval` iterations it has (c) once for each power of 2 as well.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from environment import ROOT, describe
from steps.cases import distiller_of, student_case, term_of
from steps.setting import SIZES, Batch, Sample, Setting
from steps.timing import Case, Seconds, interleaved, ratios, spread

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
- Run: of a run with `interval={INTERVAL}`, from the ratios of each round.

| terms | (a), s | (b) / (a) | (c) / (a) | run / (a) |
|---|---|---|---|---|"""


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
        lines.append(_row(title, found))
        print(lines[-1], flush=True)
    out = args.out or ROOT / f'benchmarks/results/gradient_share_{args.size}.md'
    out.write_text('\n'.join(lines) + '\n')
    print(f'written to {out}')


def _cases(setting: Setting, titles: list[str], module: str) -> dict[str, Case]:
    """(a) to (c); the weights stay near 1, as the share has a wide band."""
    fixed: dict[str, Any] = {}
    for title in titles:
        fixed |= term_of(title, setting)
    schedule = dict(type='GradientShare', share=0.3, tolerance=0.29, of=module)
    kept = {name: term | dict(schedule=schedule) for name, term in fixed.items()}
    distillers = [distiller_of(setting, distill) for distill in (fixed, kept)]
    return {
        'a': _stepping(setting, distillers[0], UNMEASURED),
        'b': _stepping(setting, distillers[1], UNMEASURED),
        'c': _stepping(setting, distillers[1], MEASURED),
    }


def _stepping(setting: Setting, distiller: Distiller, iteration: int) -> Case:
    """What the hook does in an iteration, and the step."""
    step = student_case(setting).run

    def run(batch: Batch, sample: Sample) -> None:
        distiller.controllers.begin(iteration, INTERVAL, setting.optimizer)
        step(batch, sample)

    return Case(run, distiller.attached)


def _row(title: str, found: Seconds | Mapping[str, list[float]]) -> str:
    b, c = (ratios(found[name], found['a']) for name in 'bc')
    run = [
        ((INTERVAL - 1) * one + two) / INTERVAL for one, two in zip(b, c, strict=True)
    ]
    cells = [title, *map(spread, (found['a'], b, c, run))]
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
