"""Run the teacher of a distillation config once, and store its outputs.

    python tools/cache_teacher.py CONFIG OUT [--epochs N] [--seed N] [--dtype float32]

    custom_hooks = [dict(type='DistillationHook', teacher=dict(cache='OUT'), ...)]

The student is then trained without its teacher. It sees the images of N augmented
epochs, which come again after N epochs. A call that was interrupted goes on where it
was; a call with more epochs adds them. `docs/cache.md` has the rest.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mmengine.config import Config

from ckd_mm.commands.fill_cache import DTYPES, cache_teacher

__all__: list[str] = []


def main() -> None:
    args = _parse_args()
    if not Path(args.config).is_file():
        sys.exit(
            f'error: the config {args.config!r} is not there; give the path of a '
            'distillation config'
        )
    try:
        cache = cache_teacher(
            Config.fromfile(args.config), args.out, args.epochs, args.seed, args.dtype
        )
    except (FileNotFoundError, ValueError) as error:
        sys.exit(f'error: {error}')
    print(
        f'{args.out} holds the outputs of {cache.teacher} now, '
        f'{cache.num_bytes / 1e6:.1f} MB: {cache.content()}'
    )


def _parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Store the outputs of a teacher for augmented training images.'
    )
    parser.add_argument('config', help='a distillation config')
    parser.add_argument('out', metavar='OUT', type=Path, help='the folder to write')
    parser.add_argument(
        '--epochs', type=int, default=1, help='how many augmented epochs (default: 1)'
    )
    parser.add_argument(
        '--seed', type=int, default=0, help='of the augmentations (default: 0)'
    )
    parser.add_argument(
        '--dtype',
        choices=sorted(DTYPES),
        default='float16',
        help='of what is stored; int8 has a scale for each channel (default: float16)',
    )
    return parser.parse_args()


if __name__ == '__main__':
    main()
