"""Write the report of a distilled run: one HTML page that works offline.

    python tools/report.py work_dirs/MY_RUN
    python tools/report.py work_dirs/MY_RUN --beside alone=work_dirs/MY_STUDENT_ALONE

Run it in the folder in which the training ran: the paths of data and teacher are those
of the config. docs/how_to/read_a_report.md says how to read the page.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from ckd_mm.report import Sample, check_out, read_history, report_runs

__all__: list[str] = []

DISTILLED = 'distilled student'


def main() -> None:
    args = _parse_args()
    out = args.out or args.work_dir / 'report.html'
    try:
        check_out(out)
        runs = {
            name: read_history(folder)
            for name, folder in [*args.beside, (DISTILLED, args.work_dir)]
        }
        teacher = read_history(args.teacher) if args.teacher else None
        report_runs(
            out,
            f'Distillation: {args.work_dir.resolve().name}',
            runs,
            teacher,
            command=shlex.join(['python', *sys.argv]),
            sample=Sample(logits=args.images),
        )
    except (ValueError, OSError) as error:
        sys.exit(f'error: {error}')
    print(f'report: {out}')


def _parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Write the report of a distilled run as one HTML page.',
        epilog='What cannot be shown, for instance without the data, is named on it.',
        allow_abbrev=False,
    )
    parser.add_argument('work_dir', type=Path, help='of the distilled run')
    parser.add_argument(
        '--beside',
        type=_named,
        nargs='+',
        action='extend',
        default=[],
        metavar='NAME=WORK_DIR',
        help='runs of the same student, such as the student alone',
    )
    parser.add_argument('--teacher', type=Path, help="work dir of the teacher's run")
    parser.add_argument(
        '--images', type=int, default=100, help='whose logits are compared'
    )
    parser.add_argument(
        '--out', type=Path, help='file to write; default: WORK_DIR/report.html'
    )
    args = parser.parse_args()
    if args.images < 1:
        parser.error(f'--images must be at least 1, got {args.images}')
    names = [name for name, _ in args.beside]
    if len({*names, DISTILLED}) <= len(names):
        parser.error(
            f'--beside must have names that differ from each other and from '
            f'{DISTILLED!r}, got {", ".join(names)}; rename one'
        )
    return args


def _named(text: str) -> tuple[str, Path]:
    name, equals, folder = text.partition('=')
    if not (name and equals and folder):
        raise argparse.ArgumentTypeError(f'expected NAME=WORK_DIR, got {text!r}')
    return name, Path(folder)


if __name__ == '__main__':
    main()
