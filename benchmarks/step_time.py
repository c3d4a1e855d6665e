r"""What does the hook cost? A step with it against its pieces and the authors' code.

    python benchmarks/step_time.py [--size digits] [--rounds 20]
    python benchmarks/step_time.py --size coco          # for a GPU; also with AMP there
    python benchmarks/step_time.py --size digits-dense --terms CrossKD-connector \
        --sections steps        # digits-queries: --terms CrossKD

In every round one after the other, on the same batch:

(a) the student's training step: preprocessing, forward, losses, backward, optimiser;
(b) as much of the teacher's forward as the term needs, on the student's RoIs, and the
    passes through its head that the term names, forward and backward;
(c) the student's training step with the hook's distiller attached;
(d) the step as CKD's authors' code does it: the student's, then the teacher in full
    precision on its RoIs, then the student's RoI head a second time for the loss.

Then the memory and the arithmetic of each case, the pieces of the overhead, the
teacher's options, the teacher on a separate stream, a term that acts in every second
step, classes that are matched by name, the teacher's network as a peer, and a student
that learns from itself. What is run and how: benchmarks/steps.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch
from environment import ROOT, describe
from steps.cases import CONNECTED, CROSSING, TERMS
from steps.meters import keep_freed
from steps.report import SECTIONS
from steps.setting import SIZES

__all__: list[str] = []

HEAD = """\
- (a) student's step, (b) needed part of the teacher's forward, with the passes \
through its head that a term names, (c) step with the hook, (d) step as CKD's \
authors' code does it, with the student's RoI head run twice.
- Measured one after the other in each of {rounds} rounds, after {warmup} that do not \
count, each round beginning with another part. Median (lower to upper quartile).
- Learning rate 0: all rounds have the same weights; the student's are random."""


PRECISIONS = {'float32': 'float32', 'amp': 'AMP, float16'}


def main() -> None:
    args = _parse_args()
    if args.keep_freed:
        keep_freed()
    lines = [
        f'# Time of a step with the hook: {args.size}',
        '',
        describe(' '.join(['python benchmarks/step_time.py', *sys.argv[1:]])),
        HEAD.format(rounds=args.rounds, warmup=args.warmup),
    ]
    for precision in args.precisions:
        amp = precision == 'amp'
        if amp and not torch.cuda.is_available():
            continue
        title = PRECISIONS[precision]
        lines += ['', f'## {title}', '', *_measured(args, amp)]
    if not torch.cuda.is_available():
        lines += ['', '## On a GPU', '', 'In float32 and with AMP: not run yet.']
    text = '\n'.join(lines) + '\n'
    out = args.out or ROOT / f'benchmarks/results/step_time_{args.size}.md'
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text)
    print(f'\n{text}\nwritten to {out}')


def _measured(args: argparse.Namespace, amp: bool) -> list[str]:
    setting = SIZES[args.size](args.teacher_checkpoint, amp)
    lines = [f'{setting.description}.']
    for name in args.sections:
        if amp and name == 'options':  # these choose the precision themselves
            continue
        title, section = SECTIONS[name]
        print(f'{title} ...', flush=True)
        lines += ['', f'### {title}', '']
        lines += section(setting, args.terms, args.rounds, args.warmup)
        print('\n'.join(lines[-12:]), flush=True)
    return lines


def _parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Time a step with and without the hook.'
    )
    parser.add_argument('--size', choices=SIZES, default='digits')
    parser.add_argument('--rounds', type=int, default=20)
    parser.add_argument('--warmup', type=int, default=3, help='rounds before these')
    parser.add_argument(
        '--terms', nargs='+', choices=(*TERMS, CROSSING, CONNECTED), default=list(TERMS)
    )
    parser.add_argument(
        '--sections', nargs='+', choices=SECTIONS, default=list(SECTIONS)
    )
    parser.add_argument(
        '--precisions', nargs='+', choices=PRECISIONS, default=list(PRECISIONS)
    )
    parser.add_argument(
        '--keep-freed', action='store_true', help='on a CPU: do not unmap memory'
    )
    parser.add_argument('--teacher-checkpoint', help='instead of random weights')
    parser.add_argument('--out', type=Path, help='default: in benchmarks/results')
    return parser.parse_args()


if __name__ == '__main__':
    main()
