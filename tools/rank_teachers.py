"""Order trained teachers on your data: PARC, accuracy, agreement with a student.

    python tools/rank_teachers.py RANKING
    python tools/rank_teachers.py configs/rank/digits_teachers.py \\
        --trained configs/chains/digits_teachers.py

docs/rank.md describes the config of a ranking. Nothing is trained. With `--trained` the
weights are those of a chain, see tools/chain.py, and the order is compared with what
the students of these teachers have reached in it.
"""

from __future__ import annotations

import argparse

from ckd_mm.ranking import rank_teachers
from ckd_mm.ranking.calls import add_arguments, print_ranking

__all__: list[str] = []


def main() -> None:
    args = _parse_args()
    print_ranking(args, 'teachers', lambda ranking: rank_teachers(ranking, args.images))


def _parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Order trained teachers by their outputs on your data.',
        allow_abbrev=False,
    )
    add_arguments(parser, 'validation images', 500)
    return parser.parse_args()


if __name__ == '__main__':
    main()
