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
    'digits_tokens_and_averages': 'ViT, digit images, top-1',
    'digits_longtail': 'ViT, long-tailed digit images, top-1',
    'alone_digits': 'digit images, top-1',
    'peers_digits': 'digit images, top-1',
    'unlabelled_digits': 'digit images, a tenth of the labels, top-1',
    'unlabelled_scenes': 'digit scenes, a tenth of the labels, mAP',
    'cross_rois': 'digit scenes, mAP',
    'cross_dense': 'digit scenes, GFL, mAP',
    'digit_scenes_maps': 'digit scenes, mAP',
}
# The card of a method that has several losses, or whose loss is another method's
BY_NAME = {
    'KD++': 'nd',
    'OFA branches': 'ofabranch',
    'PS-KD': 'pskd',
    'PS-KD, snapshot': 'pskd',
    'DML, equal peer': 'dml',
    'DML, wide peer': 'dml',
    'MCL, equal peer': 'mcl',
    'BD-KD, online': 'bdkd',
}
NAMED_ALONE = {'peers_digits'}  # whose KD is that of digits_logits
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
    """The card and the row of each method of a comparison that has a card."""
    if not (ROOT / f'benchmarks/results/{file}.md').exists():
        return
    results = table(file, 'method')
    alone = results['student alone']['mean']
    link = f'[{file}](../../benchmarks/results/{file}.md)'
    methods = Config.fromfile(ROOT / f'configs/compare/{file}.py').methods
    for name, method in methods.items():
        card = BY_NAME.get(name)
        if card is None and file not in NAMED_ALONE:
            card = _card_of_the_loss(method)
        if name in results and card is not None:
            row = results[name]
            mean = f'{row["mean"]} ({row["spread"]})'
            cells = [
                f'{name}, {trained}',
                mean,
                alone,
                row['difference to the student alone'],
                link,
            ]
            yield CARDS / f'{card}.md', f'| {" | ".join(cells)} |'


def _card_of_the_loss(method: Any) -> str | None:
    """The card of a method's loss, if all its terms have one."""
    losses = {term['loss']['type'] for term in _distill(method).values()}
    if len(losses) != 1:
        return None
    return str(losses.pop()).removesuffix('Loss').lower()


def _distill(method: Any) -> Mapping[str, Any]:
    """The terms of a method: a config, or what the hook takes."""
    if not isinstance(method, str):
        return method['distill']
    hooks = Config.fromfile(ROOT / method).custom_hooks
    (hook,) = (one for one in hooks if one['type'] == 'DistillationHook')
    return hook['distill']
