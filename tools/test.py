"""Test a student, distilled or not: its checkpoint is the stock model's.

    python tools/test.py CONFIG CHECKPOINT [--work-dir DIR] [--out FILE] ...

All options are those of MMDetection's or MMPretrain's own tools/test.py, which does the
work. With a distillation config, the teacher is not even loaded.
"""

from __future__ import annotations

import argparse

from ckd_mm.commands.arguments import run_tool
from ckd_mm.errors import one_sentence

__all__: list[str] = []


def main() -> None:
    parser = argparse.ArgumentParser(
        description='Test a student, distilled or not.',
        epilog='All other options go to tools/test.py of MMDetection or MMPretrain.',
        allow_abbrev=False,
    )
    parser.add_argument('config', help='config of the student, or of a distilled one')
    parser.add_argument('checkpoint', help="the student's checkpoint")
    args, passed_on = parser.parse_known_args()
    run_tool('test.py', args.config, [args.config, args.checkpoint, *passed_on])


if __name__ == '__main__':
    with one_sentence():
        main()
