"""Write the mean of a classifier's embeddings for each class, which NDLoss reads.

    python tools/class_means.py CONFIG CHECKPOINT means.pt

    distill=dict(nd=dict(on='embedding', loss=dict(
        type='NDLoss', num_classes=100, teacher_channels=256, class_means='means.pt')))

Runs the classifier, the teacher to be, once over its training set, with the pipeline of
the test set: no augmentation.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch

from ckd_mm.teachers.class_means import class_means

__all__: list[str] = []


def main() -> None:
    args = _parse_args()
    if args.out.exists() and not args.force:
        sys.exit(f'error: {args.out} exists; choose another file, or --force')
    try:
        means, counts, names = class_means(args.config, args.checkpoint, args.device)
    except (FileNotFoundError, ValueError) as error:
        sys.exit(f'error: {error}')
    content = {'class_means': means, 'num_samples': counts, 'classes': names}
    torch.save(content, args.out)
    print(
        f'{args.out}: num_classes={len(means)}, teacher_channels={means.shape[1]}, '
        f'{int(counts.sum())} images'
    )
    if not counts.all():
        without = counts.eq(0).nonzero()[:, 0].tolist()
        print(f'warning: no images of {len(without)} classes: {without[:20]}')


def _parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Write the class means of a teacher's embeddings, for NDLoss."
    )
    parser.add_argument('config', help='path or zoo name of a classifier')
    parser.add_argument('checkpoint', help='its weights')
    parser.add_argument('out', metavar='OUT', type=Path, help='the file to write')
    parser.add_argument(
        '--device', default='cuda' if torch.cuda.is_available() else 'cpu'
    )
    parser.add_argument('--force', action='store_true', help='overwrite OUT')
    return parser.parse_args()


if __name__ == '__main__':
    main()
