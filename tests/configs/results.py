"""The rows of results in our pages, as benchmarks/results has the numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mmengine.config import Config

from .catalog import ROOT

__all__ = ['rows_of_results']

RESULTS = ROOT / 'benchmarks/results'
W8 = 'r18-w32-r18-w8_6e_digits'
# The configs of the scenes by result file and row
SCENES = {
    'digit_scenes_logits': {
        'student alone': 'faster-rcnn_r18-w8_digits',
        'KD, weight 1, T 1': f'kd_{W8}',
        'DKD, alpha 1, beta 0.25, T 1': f'dkd_{W8}',
        'DIST, beta 1, gamma 1, T 1': f'dist_{W8}',
        "CKD, weight 0.1, T 1 (authors')": f'ckd-authors_{W8}',
        'CKD, weight 1, T 0.1': f'ckd_{W8}',
    },
    'digit_scenes_reviewkd': {
        'ReviewKD, weight 1.2': f'reviewkd_{W8}',
        "CKD (authors') + ReviewKD": f'ckd-authors-reviewkd_{W8}',
    },
    'digit_scenes_rows': {
        'all sampled RoIs, + BoxRegressionLoss': f'ckd-boxregression_{W8}',
    },
}


def rows_of_results(configs: str, results: str) -> list[str]:
    """The lines of a page, with the folders that its links begin with.

    A line has the run and its config, the mean with the spread, the difference to the
    student alone, and the file that the numbers are from.
    """
    return [
        f'| [{title}]({configs}{folder}/{name}) | {mean} | {difference} | '
        f'[{file}]({results}{file}.md) |'.replace('|  |', '| |')
        for title, folder, name, mean, difference, file in [*_scenes(), *_images()]
    ]


def _scenes() -> Iterator[tuple[str, ...]]:
    for file, configs in SCENES.items():
        table = _table(file, 'run')
        for title, config in configs.items():
            row = table[title]
            mean, difference = row['mAP (spread)'], row['difference in mAP']
            yield title, 'mmdet/digits', f'{config}.py', mean, difference, file


def _images() -> Iterator[tuple[str, ...]]:
    for file in ('digits_logits', 'digits_features'):
        comparison = Config.fromfile(ROOT / f'configs/compare/{file}.py')
        alone = {'student alone': comparison.base} if file == 'digits_logits' else {}
        table = _table(file, 'method')
        for title, config in (alone | comparison.methods).items():
            if title not in table or not isinstance(config, str):
                continue  # not run yet, or without a file of its own
            row = table[title]
            mean = f'{row["mean"]} ({row["spread"]})'
            name = config.split('/')[-1]
            difference = row['difference to the student alone']
            yield title, 'mmpretrain/digits', name, mean, difference, file


def _table(file: str, first: str) -> dict[str, dict[str, str]]:
    """The table of a result file whose first column is named so, by that column."""
    text = (RESULTS / f'{file}.md').read_text()
    found = re.search(rf'^\| {first} \|.*\n\|[-| ]+\n((?:\|.*\n)+)', text, re.M)
    assert found, f'benchmarks/results/{file}.md has no table of each {first}'
    names, _, *rows = (_cells(line) for line in found[0].splitlines())
    return {row[0]: dict(zip(names, row, strict=False)) for row in rows}


def _cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip().removeprefix('|').split('|')]
