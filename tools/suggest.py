"""Propose temperature and weight of distillation terms by one short run.

    python tools/suggest.py CONFIG
    python tools/suggest.py CONFIG --terms kd --temperatures 1 2 4 8 --share 0.3

The run is the beginning of the config's own, of the student alone. It measures the
gradient of each term beside that of the student's losses, at several temperatures.
docs/suggest.md says how to read what comes out.
"""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from mmengine.config import Config, DictAction

from ckd_mm.errors import as_value_error, one_sentence
from ckd_mm.suggest import find_hook, report, suggest

__all__: list[str] = []


def main() -> None:
    args = _parse_args()
    if not Path(args.config).is_file():
        sys.exit(
            f'error: the config {args.config!r} is not there; give the path of a '
            'distillation config'
        )
    out = args.out or Path('work_dirs/suggest') / f'{Path(args.config).stem}.md'
    if out.exists():
        sys.exit(
            f'error: {out} is there already, and nothing is overwritten; give another '
            'file with --out, or remove this one'
        )
    for folder in out.parents:
        if folder.exists() and not folder.is_dir():
            sys.exit(f'error: {folder} is a file, no folder; give another --out')
    with as_value_error(f'reading {args.config!r}', 'mend it, or --cfg-options'):
        cfg = Config.fromfile(args.config)
        cfg.merge_from_dict(args.cfg_options or {})
    logging.disable(logging.INFO)  # MMEngine tells how it initialises each weight
    proposals = suggest(
        cfg,
        iters=args.iters,
        temperatures=args.temperatures,
        share=args.share,
        terms=args.terms,
        of=args.of,
        seed=args.seed,
    )
    text = report(proposals, *find_hook(cfg))
    print(text)
    out.parent.mkdir(parents=True, exist_ok=True)
    try:
        with out.open('x') as file:
            file.write(text + '\n')
    except FileExistsError:
        sys.exit(f'error: another call has written {out} since; give another --out')
    print(f'\nwritten to {out}')


def _parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Propose temperature and weight of distillation terms.',
        allow_abbrev=False,
    )
    parser.add_argument('config', help='a distillation config')
    parser.add_argument(
        '--iters', type=int, default=50, help='length of the run (default: 50)'
    )
    parser.add_argument(
        '--temperatures',
        type=float,
        nargs='+',
        help='what is tried (default: 1/4, 1/2, 1, 2 and 4 times that of the term)',
    )
    parser.add_argument(
        '--share',
        type=float,
        default=0.5,
        help="the term's share of the gradient, beside the student's losses "
        '(default: 0.5)',
    )
    parser.add_argument('--terms', nargs='+', help='names of terms (default: all)')
    parser.add_argument(
        '--of',
        nargs='+',
        help='modules of the student at whose parameters the gradient is measured '
        "(default: those of a term's GradientShare, or backbone)",
    )
    parser.add_argument('--seed', type=int, default=0, help='(default: 0)')
    parser.add_argument(
        '--out', type=Path, help='new file (default: work_dirs/suggest/NAME.md)'
    )
    parser.add_argument(
        '--cfg-options', nargs='+', action=DictAction, help='changes to the config'
    )
    return parser.parse_args()


if __name__ == '__main__':
    with one_sentence():
        main()
