"""Convert a public checkpoint of the CIFAR-100 distillation benchmark (mdistiller).

    python tools/convert_mdistiller.py SRC.pth resnet32x4.pth --model resnet32x4

The result loads into the classifier of configs/mmpretrain/cifar100/ that has this
network, as teacher=dict(config=..., checkpoint=...) and with tools/test.py.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ckd_mm.models.benchmark import NETWORKS
from ckd_mm.models.convert import convert_checkpoint

__all__: list[str] = []


def main() -> None:
    args = _parse_args()
    try:
        convert_checkpoint(args.source, args.target, args.model, args.force)
    except (FileExistsError, ValueError) as error:
        sys.exit(f'error: {error}')
    print(f'{args.target}: {args.model}')


def _parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Convert a checkpoint of the CIFAR-100 distillation benchmark.'
    )
    parser.add_argument('source', metavar='SRC', type=Path, help='the checkpoint')
    parser.add_argument('target', metavar='DST', type=Path, help='the file to write')
    parser.add_argument(
        '--model', required=True, choices=NETWORKS, help='the network, as named there'
    )
    parser.add_argument('--force', action='store_true', help='overwrite DST')
    return parser.parse_args()


if __name__ == '__main__':
    main()
