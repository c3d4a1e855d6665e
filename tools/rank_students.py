"""Order students before training: DisWOT's scores beside parameters, FLOPs and time.

    python tools/rank_students.py configs/rank/digits_students.py
    python tools/rank_students.py configs/rank/digits_students.py \\
        --trained configs/chains/digits_students.py

docs/rank.md describes the config of a ranking. Nothing is trained. With `--trained` the
order is compared with what the same students have reached in a chain, see
tools/chain.py.
"""

from __future__ import annotations

import argparse

from ckd_mm.ranking import rank_students
from ckd_mm.ranking.calls import add_arguments, print_ranking

__all__: list[str] = []


def main() -> None:
    args = _parse_args()
    print_ranking(
        args,
        'students',
        lambda ranking: rank_students(ranking, args.images, args.draws, args.seed),
    )


def _parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Order students before training by DisWOT's scores.",
        allow_abbrev=False,
    )
    add_arguments(parser, 'training images', 64)
    parser.add_argument(
        '--draws',
        type=int,
        choices=range(1, 101),
        metavar='1..100',
        default=3,
        help='random weights, over which the scores are averaged (default: 3)',
    )
    parser.add_argument(
        '--seed',
        type=int,
        choices=range(1000),
        metavar='0..999',
        default=0,
        help='draws images and weights (default: 0)',
    )
    return parser.parse_args()


if __name__ == '__main__':
    main()
