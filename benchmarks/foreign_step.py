"""What does a teacher of another library cost beyond its own forward?

    python benchmarks/foreign_step.py [--student r18] [--images 1] [--rounds 15]
    python benchmarks/foreign_step.py --student digits --share --out FILE

In every round one after the other, on the same batch, in an order that turns from round
to round:

(a) the student's training step alone;
(b) the library's forward on images that are ready, up to the block that is read;
(c) the student's training step with the hook's distiller attached;
(d) with --share: the same with `GradientShare`, in an iteration that is not measured;
(e) with --share: the same in an iteration that is measured.

Reported are (c) / ((a) + (b)) of each round, and what a run with `GradientShare` takes
beside one with a fixed weight. The teacher is a ViT-S of timm with random weights,
which the time does not depend on.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from environment import ROOT, describe
from steps.cases import distiller_of, hooked, student_case
from steps.foreign import STUDENTS, foreign_setting, needed_teacher, term_on
from steps.setting import Batch, Sample, Setting
from steps.timing import Case, Seconds, interleaved, ratios, spread

from ckd_mm.engine.distiller import Distiller

__all__: list[str] = []

INTERVAL = 100
UNMEASURED, MEASURED = 3, 4
"""Iterations: only the second is a power of 2."""
HEAD = f"""\
- (a) student's step, (b) teacher's forward up to the block, (c) step with the hook, \
(d) with `GradientShare`, not measured, (e) measured.
- Measured in turn in each of {{rounds}} rounds, after {{warmup}} that do not count. \
Median (lower to upper quartile).
- Share: a run with `interval={INTERVAL}` beside a fixed weight, \
(d) / (c) + ((e) - (d)) / ({INTERVAL} (c)), of each round; with `--share` alone.

| images | block | (a), s | (b), s | (c), s | (c) / ((a) + (b)) | (d) / (c) \
| (e) / (c) | share |
|---|---|---|---|---|---|---|---|---|"""


def main() -> None:
    args = _parse_args()
    command = ' '.join(['python benchmarks/foreign_step.py', *sys.argv[1:]])
    lines = [
        '# Time of a step beside a teacher of another library',
        '',
        describe(command),
        f'- Student: Faster R-CNN ({args.student}); teacher: {args.model} of timm.',
        HEAD.format(rounds=args.rounds, warmup=args.warmup),
    ]
    for side in args.sides:
        for block in args.blocks:
            lines.append(_measured(args, side, block))
            print(lines[-1], flush=True)
    args.out.write_text('\n'.join(lines) + '\n')
    print(f'written to {args.out}')


def _measured(args: argparse.Namespace, side: int, block: int) -> str:
    setting = foreign_setting(args.student, side, args.images, args.model)
    cases = _cases(setting, block, args.share)
    found = interleaved(cases, setting.samples, args.rounds, args.warmup)
    return _row(f'{args.images} x {side}x{side}', block, found)


def _cases(setting: Setting, block: int, with_share: bool) -> dict[str, Case]:
    schedule = dict(type='GradientShare', share=0.3, tolerance=0.29, of='backbone')
    fixed = distiller_of(setting, term_on(setting, block))
    cases = {
        'a': student_case(setting),
        'b': needed_teacher(setting),
        'c': hooked(setting, fixed),
    }
    if not with_share:
        return cases
    kept = distiller_of(setting, term_on(setting, block, schedule=schedule))
    return cases | {
        'd': _in_iteration(setting, kept, UNMEASURED),
        'e': _in_iteration(setting, kept, MEASURED),
    }


def _in_iteration(setting: Setting, distiller: Distiller, iteration: int) -> Case:
    """What the hook does in an iteration, and the step."""
    step = student_case(setting).run

    def run(batch: Batch, sample: Sample) -> Any:
        distiller.controllers.begin(iteration, INTERVAL, setting.optimizer)
        return step(batch, sample)

    return Case(run, distiller.attached)


def _row(images: str, block: int, found: Seconds) -> str:
    sum_of_two = ratios(found['c'], found['a'], found['b'])
    values = [*(found[name] for name in 'abc'), sum_of_two]
    cells = [images, str(block), *map(spread, values), *['-'] * 3]
    if 'd' in found:
        d, e = (ratios(found[name], found['c']) for name in 'de')
        share = [
            unmeasured + (measured - unmeasured) / INTERVAL
            for unmeasured, measured in zip(d, e, strict=True)
        ]
        cells[-3:] = map(spread, (d, e, share))
    return '| ' + ' | '.join(cells) + ' |'


def _parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Time a step beside a teacher of timm against its two parts.'
    )
    parser.add_argument('--student', choices=STUDENTS, default='r18')
    parser.add_argument('--model', default='vit_small_patch16_224')
    parser.add_argument('--images', type=int, default=1)
    parser.add_argument('--sides', type=int, nargs='+', default=[224, 448])
    parser.add_argument('--blocks', type=int, nargs='+', default=[11])
    parser.add_argument('--share', action='store_true', help='also (d) and (e)')
    parser.add_argument('--rounds', type=int, default=15)
    parser.add_argument('--warmup', type=int, default=2)
    parser.add_argument(
        '--out', type=Path, default=ROOT / 'benchmarks/results/foreign_step.md'
    )
    return parser.parse_args()


if __name__ == '__main__':
    main()
