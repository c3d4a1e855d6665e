"""Write the tables of results from the files in `benchmarks/results`.

python -m maintenance.results            # or: make results
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mmengine.config import Config

from maintenance import cards, costs
from maintenance.pages import ROOT, run, with_part
from maintenance.tables import table

__all__ = ['full_table', 'short_table', 'texts']

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


HEAD = '| run | {metric} | difference to the student alone | from |\n|---|---|---|---|'


def full_table(kind: str, configs: str, results: str) -> str:
    """The table of the scenes or of the images.

    A row has the run and its config, the mean with the spread, the difference to the
    student alone, and the file that the numbers are from.

    Args:
        kind: `scenes` or `images`.
        configs: Where the links to configs begin.
        results: Where those to results begin.
    """
    metric, rows = {'scenes': ('mAP', _scenes), 'images': ('top-1', _images)}[kind]
    lines = [
        f'| [{title}]({configs}{folder}/{name}) | {mean} | {difference} | '
        f'[{file}]({results}{file}.md) |'.replace('|  |', '| |')
        for title, folder, name, mean, difference, file in rows()
    ]
    return '\n'.join([HEAD.format(metric=metric), *lines])


def short_table() -> str:
    """The demo's: losses of RoI logits on the scenes, without differences."""
    runs = table('digit_scenes_logits', 'run')
    rows = [f'| {title} | {runs[title]["mAP (spread)"]} |' for title in runs]
    return '\n'.join(['| run | mAP |', '|---|---|', *rows])


def texts() -> dict[Path, str]:
    """The pages, as they should be."""
    found = {}
    for name, configs in (
        ('configs/README.md', ''),
        ('docs/model_zoo.md', '../configs/'),
    ):
        page = (ROOT / name).read_text(encoding='utf-8')
        for kind in ('scenes', 'images'):
            part = full_table(kind, configs, '../benchmarks/results/')
            page = with_part(page, f'results of {kind}', part)
        found[ROOT / name] = page
    demo = ROOT / 'docs/tutorials/demo.md'
    text = demo.read_text(encoding='utf-8')
    found[demo] = with_part(text, 'results', short_table())
    found |= cards.texts()
    return found | costs.texts(found)


def _scenes() -> Iterator[tuple[str, ...]]:
    for file, configs in SCENES.items():
        runs = table(file, 'run')
        for title, config in configs.items():
            row = runs[title]
            mean, difference = row['mAP (spread)'], row['difference in mAP']
            yield title, 'mmdet/digits', f'{config}.py', mean, difference, file
    yield from _compared('digit_scenes_maps', 'mmdet/digits', with_alone=True)


def _images() -> Iterator[tuple[str, ...]]:
    for file in ('digits_logits', 'digits_features'):
        yield from _compared(file, 'mmpretrain/digits', file == 'digits_logits')


def _compared(file: str, folder: str, with_alone: bool) -> Iterator[tuple[str, ...]]:
    """The methods of a comparison that have a file of their own."""
    comparison = Config.fromfile(ROOT / f'configs/compare/{file}.py')
    alone = {'student alone': comparison.base} if with_alone else {}
    found = table(file, 'method')
    for title, config in (alone | comparison.methods).items():
        if title not in found or not isinstance(config, str):
            continue  # not run yet, or without a file of its own
        row = found[title]
        mean = f'{row["mean"]} ({row["spread"]})'
        name = config.split('/')[-1]
        difference = row['difference to the student alone']
        yield title, folder, name, mean, difference, file


if __name__ == '__main__':
    run(texts(), 'make results')
