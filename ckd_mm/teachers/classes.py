"""What the classes of a teacher and of the student are called."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from os import PathLike, fspath
from typing import Any, Protocol

from mmengine.logging import print_log
from mmengine.model import BaseModel
from mmengine.runner import Runner

from ckd_mm.adapters.core.class_names import LISTS, ClassNames

__all__ = ['check_classes', 'class_lists', 'class_names', 'lists_of']


class _Said(Protocol):
    """What a config says of a teacher and its classes."""

    @property
    def classes(self) -> Sequence[str] | None: ...

    @property
    def class_map(self) -> dict[str, str] | None: ...


def check_classes(classes: Any) -> None:
    """See that what a config says of a teacher's classes can be true.

    Raises:
        ValueError: It cannot.
    """
    if classes is None:
        return
    is_list = isinstance(classes, (list, tuple)) and classes
    if not is_list or not all(isinstance(name, str) for name in classes):
        raise ValueError(
            'teacher: classes must be the names of its classes in their order, such '
            f"as ['person', 'car'], got {classes!r}"
        )


def class_lists(said: _Said, model: BaseModel) -> dict[str, list[str]] | None:
    """The names of a teacher's classes: what the config says, or what its file has."""
    if said.classes is not None:
        return dict(classes=list(said.classes))
    return lists_of(getattr(model, 'dataset_meta', None))


def class_names(
    runner: Runner, said: _Said, teacher: Mapping[str, Any] | None
) -> ClassNames | None:
    """The names on both sides; `None` where one has none.

    Args:
        runner: Its training data name the student's classes.
        said: What the config says.
        teacher: The lists of names of the teacher.

    Raises:
        ValueError: The config speaks of names that are not there.
    """
    teacher = dict(classes=list(said.classes)) if said.classes is not None else teacher
    student = lists_of(getattr(runner.train_dataloader.dataset, 'metainfo', None))
    if student is not None and teacher is not None:
        return ClassNames(student, teacher, said.class_map, title=_title(said))
    if student is None and (said.classes is not None or said.class_map is not None):
        raise ValueError(
            'teacher: classes and class_map are matched with the names of the '
            "student's classes, and its training data have none; give the data set "
            'metainfo=dict(classes=(...))'
        )
    if said.class_map is not None:
        raise ValueError(
            "teacher: class_map needs the names of the teacher's classes, and its "
            'checkpoint has none; give them in their order with classes=[...]'
        )
    if (student is None) != (teacher is None):
        lacking = 'the training set' if student is None else 'its file'
        print_log(
            f'Classes of {_title(said)}: {lacking} has no names, so they cannot be '
            'matched: class logits are compared column by column',
            logger='current',
            level=logging.WARNING,
        )
    return None


def _title(said: _Said) -> str:
    config = getattr(said, 'config', None)
    if isinstance(config, (str, PathLike)):
        return f'the teacher {fspath(config)}'
    return 'the teacher'


def lists_of(meta: Any) -> dict[str, list[str]] | None:
    """The lists of names in the `metainfo` of a data set."""
    lists = {key: list((meta or {}).get(key) or ()) for key in LISTS}
    return {key: names for key, names in lists.items() if names} or None
