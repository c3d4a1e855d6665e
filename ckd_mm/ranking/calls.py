"""What tools/rank_students.py and tools/rank_teachers.py share."""

from __future__ import annotations

import argparse
import dataclasses
import logging
import sys
from collections.abc import Callable
from pathlib import Path

from mmengine.config import DictAction

from ckd_mm.ranking.entries import Ranking, read_ranking
from ckd_mm.ranking.table import Scores, correlations, ordered
from ckd_mm.ranking.trained import read_trained

__all__ = ['add_arguments', 'print_ranking']

FEWEST = 3


def add_arguments(parser: argparse.ArgumentParser, images: str, default: int) -> None:
    """Add the arguments that both tools have.

    Args:
        parser: The parser of the tool.
        images: What images it reads.
        default: How many by default.
    """
    parser.add_argument('config', help='the ranking; see docs/rank.md')
    parser.add_argument(
        '--images',
        type=_at_least_three,
        default=default,
        help=f'{images} (default: {default})',
    )
    parser.add_argument(
        '--trained', type=Path, help='a chain whose links have the names of the models'
    )
    parser.add_argument(
        '--work-dir',
        type=Path,
        help='the work dir of that chain (default: work_dirs/chain/NAME_OF_THE_CHAIN)',
    )
    parser.add_argument(
        '--cfg-options', nargs='+', action=DictAction, help='changes to the ranking'
    )


def print_ranking(
    args: argparse.Namespace, kind: str, score: Callable[[Ranking], Scores]
) -> None:
    """Print the table of a ranking, and how far its order was right.

    What is wrong ends the program with one line.

    Args:
        args: The arguments of :func:`add_arguments`.
        kind: `'students'` or `'teachers'`.
        score: Gives the scores of the models.
    """
    logging.disable(logging.INFO)  # MMEngine tells how it initialises each weight
    try:
        _print(args, kind, score)
    except (ValueError, OSError) as error:
        sys.exit(f'error: {error}')


def _print(
    args: argparse.Namespace, kind: str, score: Callable[[Ranking], Scores]
) -> None:
    ranking, trained = read_ranking(args.config, kind, args.cfg_options), None
    if args.trained is not None:
        if len(ranking.models) < FEWEST:
            raise ValueError(
                f'a rank correlation needs {FEWEST} models at least, got '
                f'{len(ranking.models)}; add some, or leave --trained out'
            )
        work_dir = args.work_dir or Path('work_dirs/chain') / args.trained.stem
        trained, weights = read_trained(args.trained, work_dir, kind, ranking.models)
        if kind == 'teachers':
            ranking = _with_weights(ranking, weights)
    scores = score(ranking)
    print(ordered(scores, trained))
    if trained is not None:
        print(f'\nHow far each column orders the models as {args.trained} did:\n')
        print(correlations(scores, trained))


def _with_weights(ranking: Ranking, weights: dict[str, str]) -> Ranking:
    """The ranking, with these weights for the models that name none."""
    models = {
        name: dataclasses.replace(model, checkpoint=model.checkpoint or weights[name])
        for name, model in ranking.models.items()
    }
    return dataclasses.replace(ranking, models=models)


def _at_least_three(text: str) -> int:
    if not text.isdecimal() or int(text) < 3:
        raise argparse.ArgumentTypeError(f'must be at least 3, got {text}')
    return int(text)
