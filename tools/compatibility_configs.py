"""Which configs of the installed libraries stand for which family.

A family is a folder of configs. The cheapest config of each folder is tried. So is the
cheapest of every other kind of model (types of detector, neck and heads) in it, unless
an earlier folder had that kind.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.utils import get_installed_path

__all__ = ['Choice', 'choose']

MODULES = (
    *('detector', 'rpn_head', 'roi_head', 'bbox_head', 'mask_head', 'panoptic_head'),
    *('semantic_head', 'head', 'neck', 'language_model'),
)
"""The keys of a model's config whose types make its kind."""

NO_FAMILY = {
    '_base_': 'parts of other configs',
    'common': 'parts of other configs',
}
_EXPENSIVE = (
    r'large|huge|giant|xl|swin-?l|vit-l|-g-|101|152|200|[-_][lx][-_]|[34678][.]?\dgf|m48',
    r'base|swin-[bs]|[-_][ms][-_]|x50|res2net|b[2-8]|m36|l7|lsj|lvis|v3det|openimages',
    r'dcn|dconv|gn|amp|caffe|ms-|mstrain|in21k|deploy|voc|headless|zeroshot|5scale|dsdl',
    r'2x|3x|384|448|w40|36|50',
)
"""Patterns in the names of expensive or special configs, the worst first."""


@dataclass(frozen=True)
class Choice:
    """One row of the table.

    Args:
        library: `'mmdet'` or `'mmpretrain'`.
        family: The folder.
        config: The file in it; empty where none can be tried.
        reason: Why none can.
    """

    library: str
    family: str
    config: str = ''
    reason: str = ''

    @property
    def name(self) -> str:
        """The zoo name, or that of the folder."""
        return f'{self.library}::{self.family}/{self.config}'

    @property
    def path(self) -> Path:
        """The file; not every folder's name can stand in a zoo name (`gn+ws`)."""
        return _configs(self.library) / self.family / self.config


def choose(library: str, families: Collection[str] | None = None) -> list[Choice]:
    """The configs of a library that are tried: of these families, or of all."""
    root = _configs(library)
    seen: set[tuple[str, ...]] = set()
    chosen: list[Choice] = []
    folders = {path.name: path for path in sorted(root.iterdir()) if path.is_dir()}
    for name in folders if families is None else families:
        if name in folders:
            chosen += _choose(library, folders[name], seen)
    return chosen


def _configs(library: str) -> Path:
    return Path(get_installed_path(library)) / '.mim' / 'configs'


def _choose(library: str, folder: Path, seen: set[tuple[str, ...]]) -> Iterator[Choice]:
    if folder.name in NO_FAMILY:
        yield Choice(library, folder.name, reason=NO_FAMILY[folder.name])
        return
    kinds: dict[tuple[str, ...], str] = {}
    reason = 'there is no config of a model in this folder'
    for path in sorted(folder.glob('*.py'), key=_cost):
        try:
            cfg = Config.fromfile(path)
        except Exception as error:
            reason = f'{path.name} cannot be read: {type(error).__name__}: {error}'
            continue
        if isinstance(cfg.get('model'), dict):
            kinds.setdefault(tuple(_types(cfg.model)), path.name)
    if not kinds:
        yield Choice(library, folder.name, reason=' '.join(reason.split()))
        return
    cheapest = next(iter(kinds.values()))
    new = [name for kind, name in kinds.items() if kind not in seen]
    for name in dict.fromkeys([cheapest, *new]):
        yield Choice(library, folder.name, name)
    seen.update(kinds)


def _cost(path: Path) -> tuple[int, ...]:
    """Cheap and plain ones come first."""
    marks = [len(re.findall(pattern, path.stem.lower())) for pattern in _EXPENSIVE]
    return (*marks, len(path.stem))


def _types(model: Any) -> Iterator[str]:
    """The types of a model and of the modules that make its kind."""
    yield str(model.get('type'))
    for name in MODULES:
        module = model.get(name)
        module = module[0] if isinstance(module, list) and module else module
        if isinstance(module, dict):
            yield f'{name}:'
            yield from _types(module)
