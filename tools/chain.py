"""Train models one after the other: each learns from the checkpoint of one before it.

    python tools/chain.py configs/chains/digits_teacher_assistants.py --jobs 2  # CPU
    python tools/chain.py CHAIN --gpus 0,1,2,3          # a run per GPU, seed by seed

For teacher assistants, born-again generations and iterated self-distillation.
docs/chain.md describes the config of a chain. Every run goes through tools/train.py.
You may interrupt it at any time, with kill -9 as well: the same command goes on, keeps
what is finished, and trains anew a link that has changed and all that learn from it.
The table in the work dir is up to date after each run.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Mapping
from pathlib import Path

from ckd_mm.chain import chain_report, plan_chain, read_chain
from ckd_mm.compare import locked
from ckd_mm.compare.calls import (
    add_arguments,
    command_line,
    end_with,
    slots_of,
    train_missing,
)

__all__: list[str] = []

TRAIN = Path(__file__).resolve().with_name('train.py')


def main() -> None:
    args = _parse_args()
    logging.disable(logging.INFO)  # MMEngine tells how it initialises each weight
    end_with(lambda: _train(args))


def _train(args: argparse.Namespace) -> dict[str, str]:
    slots = slots_of(args)
    chain = read_chain(args.config, args.cfg_options)
    work_dir = args.work_dir or Path('work_dirs/chain') / chain.source.stem
    out = args.out or work_dir / f'{chain.source.stem}.md'
    with locked(work_dir, chain.source) as lock:
        runs = plan_chain(chain, work_dir)

        def write(failures: Mapping[str, str]) -> None:
            out.parent.mkdir(parents=True, exist_ok=True)
            text = chain_report(chain, runs, command_line(), failures, len(slots))
            out.write_text(text)

        failures = train_missing(
            f'{len(chain.links)} links x {len(chain.seeds)} seeds',
            runs,
            chain.metrics,
            slots,
            TRAIN,
            lock,
            None if args.dry_run else write,
        )
    if not args.dry_run:
        print(f'\n{out.read_text()}\nwritten to {out}')
    return failures


def _parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Train models one after the other, each with one before it as its '
        'teacher.',
        epilog='Exit code: 0, or 1 if a run failed or something is wrong.',
        allow_abbrev=False,
    )
    parser.add_argument('config', help='the chain; see docs/chain.md')
    add_arguments(parser, 'chain')
    parser.add_argument(
        '--work-dir', type=Path, help='default: work_dirs/chain/NAME_OF_THE_CONFIG'
    )
    parser.add_argument('--out', type=Path, help='report (.md); default: work dir')
    return parser.parse_args()


if __name__ == '__main__':
    main()
