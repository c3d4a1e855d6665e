"""Train several methods with several seeds, and compare them with the student alone.

    python tools/compare.py configs/compare/digits_logits.py --jobs 2   # CPU
    python tools/compare.py COMPARISON --gpus 0,1,2,3                   # a run per GPU

docs/compare.md describes the config of a comparison. Every run goes through
tools/train.py. You may interrupt it at any time, with kill -9 as well: the same command
goes on, keeps what is finished, and trains anew what has changed. The table and the
plot in the work dir are up to date after each run. At the end there is a page as well,
with the curves and the logits of the first seed.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from ckd_mm.compare import (
    Comparison,
    Run,
    cells,
    draw,
    locked,
    notes,
    plan,
    read_comparison,
    report,
    values_by_seed,
)
from ckd_mm.compare.calls import (
    add_arguments,
    command_line,
    end_with,
    slots_of,
    train_missing,
)
from ckd_mm.report import check_out, read_history, report_runs

__all__: list[str] = []

TRAIN = Path(__file__).resolve().with_name('train.py')


def main() -> None:
    args = _parse_args()
    end_with(lambda: _compare(args))


def _compare(args: argparse.Namespace) -> dict[str, str]:
    slots = slots_of(args)
    comparison = read_comparison(args.config, args.cfg_options)
    work_dir = args.work_dir or Path('work_dirs/compare') / comparison.source.stem
    out = args.out or work_dir / f'{comparison.source.stem}.md'
    page = work_dir / f'{comparison.source.stem}.html'
    if not args.no_page:
        check_out(page)
    with locked(work_dir, comparison.source) as lock:
        runs = plan(comparison, work_dir)

        def write(failures: Mapping[str, str]) -> None:
            _write(out, comparison, runs, failures, len(slots))

        failures = train_missing(
            f'{len(comparison.students)} methods x {len(comparison.seeds)} seeds',
            runs,
            comparison.metrics,
            slots,
            TRAIN,
            lock,
            None if args.dry_run else write,
        )
        if args.dry_run:
            return {}
        if not args.no_page:
            _write_page(page, comparison, runs, failures)
    print(f'\n{out.read_text()}\nwritten to {out}')
    return failures


def _write(
    out: Path,
    comparison: Comparison,
    runs: list[Run],
    failures: Mapping[str, str],
    at_a_time: int,
) -> None:
    picture = out.with_suffix('.png')
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(
        report(comparison, runs, command_line(), picture.name, failures, at_a_time)
    )
    values = values_by_seed(comparison, runs)
    draw(picture, values, comparison.metric, comparison.alone)


def _write_page(
    out: Path, comparison: Comparison, runs: list[Run], failures: Mapping[str, str]
) -> None:
    """The report as a page; its curves and logits are those of the first seed."""
    seed = comparison.seeds[0]
    first = [run for run in runs if run.seed == seed and run.result is not None]
    try:
        report_runs(
            out,
            f'Comparison: {comparison.source.stem}',
            {run.method: read_history(run.folder) for run in first},
            table=cells(comparison, runs),
            notes=[
                *notes(comparison, runs, failures),
                f'Everything below the table is of seed {seed}.',
            ],
            command=command_line(),
        )
    except ValueError as error:  # the results of hours are there
        print(f'warning: no page: {error}')
        return
    print(f'page: {out}')


def _parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Train several methods with several seeds and compare them.',
        epilog='Exit code: 0, or 1 if a run failed or something is wrong.',
        allow_abbrev=False,
    )
    parser.add_argument('config', help='what to compare; see docs/compare.md')
    add_arguments(parser, 'comparison')
    parser.add_argument(
        '--work-dir', type=Path, help='default: work_dirs/compare/NAME_OF_THE_CONFIG'
    )
    parser.add_argument(
        '--out', type=Path, help='report (.md), the plot beside it; default: work dir'
    )
    parser.add_argument(
        '--no-page', action='store_true', help='no HTML page in the work dir'
    )
    return parser.parse_args()


if __name__ == '__main__':
    main()
