"""Read and check a ranking: its models, and the config of the data."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.model import BaseModel

from ckd_mm.compare.entries import (
    check_checkpoint,
    check_keys,
    check_names,
    read_entries,
)
from ckd_mm.compare.students import load_config, with_options
from ckd_mm.errors import as_value_error
from ckd_mm.probing.batches import library_of, num_classes
from ckd_mm.probing.untrained import build_untrained, class_lists
from ckd_mm.registry import did_you_mean
from ckd_mm.teachers.loading.build import build_teacher

__all__ = ['Model', 'Ranking', 'read_ranking']

MODEL_KEYS = ('config', 'cfg_options', 'checkpoint')


@dataclass(frozen=True)
class Model:
    """A model that is ranked, or compared with.

    Attributes:
        cfg: Its whole config.
        checkpoint: Its weights; `None` for random ones.
        title: It in messages.
    """

    cfg: Config
    checkpoint: str | None = None
    title: str = 'a model'

    def build(self) -> BaseModel:
        """It with its weights, or with random ones.

        Raises:
            ValueError: It cannot be built, or the weights do not fit.
        """
        try:
            if self.checkpoint is None:
                return build_untrained(self.cfg)[1]
            return build_teacher(self.cfg, self.checkpoint)
        except ValueError as error:
            raise ValueError(f'{self.title}: {error}') from error

    def forward(self) -> AbstractContextManager[None]:
        """In which an error of a forward becomes a ValueError of one line."""
        return as_value_error(
            f'a forward of {self.title}',
            'mend its config, or name with data= the config of data of its task',
        )


@dataclass(frozen=True)
class Ranking:
    """Models that are to be ordered.

    Attributes:
        models: They by name.
        reference: The teacher of the students, or the student of the teachers.
        data: The config whose data loaders give the images.
    """

    models: Mapping[str, Model]
    reference: Model | None
    data: Config


def read_ranking(
    path: str | Path, kind: str, options: dict[str, Any] | None = None
) -> Ranking:
    """Read a ranking's config, and check that all models have the same classes.

    Args:
        path: An MMEngine config with `students` and `teacher`, or with `teachers` and
            optionally `student`, and optionally `data`.
        kind: `'students'` or `'teachers'`: what is ranked.
        options: Changes to it, as `--cfg-options` gives them.

    Raises:
        ValueError: Something in it is wrong; the message names it.
    """
    other = 'teacher' if kind == 'students' else 'student'
    content = read_entries(path, options)
    check_keys(f'ranking of {kind}', content, (kind, other, 'data'))
    entries = content.get(kind)
    if not isinstance(entries, dict) or len(entries) < 2:
        raise ValueError(
            f'{kind} must be a dict with two models at least, '
            f'{kind}=dict(NAME=dict(config=...), ...), got {entries!r}'
        )
    if kind == 'students' and other not in content:
        raise ValueError(
            'a ranking of students has no teacher; add teacher=dict(config=...)'
        )
    check_names(f'one of {kind}', entries)
    models = {name: _model(repr(name), one) for name, one in entries.items()}
    reference = _model(other, content[other]) if other in content else None
    _check_classes(models, reference, other)
    data = next(iter(models.values())).cfg
    if 'data' in content:
        data = load_config('data', content['data'])
    return Ranking(models, reference, data)


def _model(what: str, entry: Any) -> Model:
    if not isinstance(entry, dict) or not isinstance(entry.get('config'), str):
        raise ValueError(
            f'{what} must be a dict with a config, a path or a zoo name, got {entry!r}'
        )
    for key in entry:
        if key not in MODEL_KEYS:
            raise ValueError(f'{what} has no {key!r}{did_you_mean(key, MODEL_KEYS)}')
    cfg = load_config(what, entry['config'])
    with_options(what, cfg, entry.get('cfg_options'))
    checkpoint = entry.get('checkpoint')
    if checkpoint is not None:
        check_checkpoint(what, checkpoint, 'train it first, or give another')
    return Model(cfg, checkpoint, what)


def _check_classes(
    models: Mapping[str, Model], reference: Model | None, role: str
) -> None:
    """Refuse models with other classes: their scores are of other tasks."""
    every = {**models, **({f'the {role}': reference} if reference else {})}
    numbers, libraries = {}, {}
    for name, model in every.items():
        untrained = replace(model, checkpoint=None).build()
        numbers[name], libraries[name] = num_classes(untrained), library_of(untrained)
    first = next(iter(every))
    for name, library in libraries.items():
        if library != libraries[first]:
            raise ValueError(
                f'models that are ranked must have one task, but {first} is of '
                f'{libraries[first]} and {name} of {library}; rank classifiers and '
                'detectors in two files'
            )
    for name, number in numbers.items():
        if number != numbers[first]:
            raise ValueError(
                f'models that are ranked must have the same classes, but {first} has '
                f'{numbers[first]} and {name} has {number}; rank those of one task'
            )
    lists = {name: class_lists(model.cfg) for name, model in every.items()}
    known = {name: found for name, found in lists.items() if found}
    for name, found in known.items():
        if found != next(iter(known.values())):
            raise ValueError(
                'models that are ranked must have the same classes in one order, but '
                f'those of {next(iter(known))} and {name} differ; rank those of one '
                'task'
            )
