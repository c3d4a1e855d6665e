"""What our comparisons say of each loss, for its card."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config

from maintenance.pages import ROOT, with_part
from maintenance.tables import table

__all__ = ['texts']

CARDS = ROOT / 'docs/methods'
PART = 'ours'
# What was trained, and the metric, by comparison
COMPARISONS = {
    'digits_logits': 'digit images, top-1',
    'digits_features': 'digit images, top-1',
    'alone_digits': 'digit images, top-1',
    'unlabelled_digits': 'digit images, a tenth of the labels, top-1',
    'cross_rois': 'digit scenes, mAP',
    'cross_dense': 'digit scenes, GFL, mAP',
    'digit_scenes_maps': 'digit scenes, mAP',
}
COLUMNS = '| ours | mean (spread) | student alone | difference | from |'
HEAD = f'{COLUMNS}\n|---|---|---|---|---|'


def texts() -> dict[Path, str]:
    """The cards, as they should be."""
    rows: dict[Path, list[str]] = {}
    for file, trained in COMPARISONS.items():
        for card, row in _rows(file, trained):
            rows.setdefault(card, []).append(row)
    return {
        card: with_part(card.read_text('utf-8'), PART, '\n'.join([HEAD, *of_card]))
        for card, of_card in rows.items()
    }


def _rows(file: str, trained: str) -> Iterator[tuple[Path, str]]:
    """The card and the row of each method of a comparison that has one loss."""
    if not (ROOT / f'benchmarks/results/{file}.md').exists():
        return
    results = table(file, 'method')
    alone = results['student alone']['mean']
    link = f'[{file}](../../benchmarks/results/{file}.md)'
    methods = Config.fromfile(ROOT / f'configs/compare/{file}.py').methods
    for name, method in methods.items():
        losses = {term['loss']['type'] for term in _distill(method).values()}
        if name in results and len(losses) == 1:
            (loss,) = losses
            row = results[name]
            mean = f'{row["mean"]} ({row["spread"]})'
            cells = [
                f'{name}, {trained}',
                mean,
                alone,
                row['difference to the student alone'],
                link,
            ]
            card = CARDS / f'{loss.removesuffix("Loss").lower()}.md'
            yield card, f'| {" | ".join(cells)} |'


def _distill(method: Any) -> Mapping[str, Any]:
    """The terms of a method: a config, or what the hook takes."""
    if not isinstance(method, str):
        return method['distill']
    hooks = Config.fromfile(ROOT / method).custom_hooks
    (hook,) = (one for one in hooks if one['type'] == 'DistillationHook')
    return hook['distill']
