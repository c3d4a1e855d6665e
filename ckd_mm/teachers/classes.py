"""The names of the classes of a student and its teacher."""

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


class _ClassOptions(Protocol):
    """The options of a teacher that name its classes."""

    @property
    def classes(self) -> Sequence[str] | None: ...

    @property
    def class_map(self) -> dict[str, str] | None: ...


def check_classes(classes: Any) -> None:
    """Check the names of a teacher's classes in a config.

    Raises:
        ValueError: They are no list of names.
    """
    if classes is None:
        return
    is_list = isinstance(classes, (list, tuple)) and classes
    if not is_list or not all(isinstance(name, str) for name in classes):
        raise ValueError(
            'teacher: classes must be the names of its classes in their order, such '
            f"as ['person', 'car'], got {classes!r}"
        )


def class_lists(
    options: _ClassOptions, model: BaseModel
) -> dict[str, list[str]] | None:
    """The names of a teacher's classes, from the config or its file."""
    if options.classes is not None:
        return dict(classes=list(options.classes))
    return lists_of(getattr(model, 'dataset_meta', None))


def class_names(
    runner: Runner, options: _ClassOptions, teacher: Mapping[str, Any] | None
) -> ClassNames | None:
    """The names of the student's and the teacher's classes; `None` if one has none.

    Args:
        runner: Its training data name the student's classes.
        options: The options of the teacher.
        teacher: The lists of names that the teacher has.

    Raises:
        ValueError: The config maps names, and the student or the teacher has none.
    """
    teacher = (
        dict(classes=list(options.classes)) if options.classes is not None else teacher
    )
    student = lists_of(getattr(runner.train_dataloader.dataset, 'metainfo', None))
    if student is not None and teacher is not None:
        return ClassNames(student, teacher, options.class_map, title=_title(options))
    if student is None and (
        options.classes is not None or options.class_map is not None
    ):
        raise ValueError(
            'teacher: classes and class_map are matched with the names of the '
            "student's classes, and its training data have none; give the data set "
            'metainfo=dict(classes=(...))'
        )
    if options.class_map is not None:
        raise ValueError(
            "teacher: class_map needs the names of the teacher's classes, and its "
            'checkpoint has none; give them in their order with classes=[...]'
        )
    if (student is None) != (teacher is None):
        lacking = 'the training set' if student is None else 'its file'
        print_log(
            f'Classes of {_title(options)}: {lacking} has no names, so they cannot be '
            'matched: class logits are compared column by column',
            logger='current',
            level=logging.WARNING,
        )
    return None


def _title(options: _ClassOptions) -> str:
    config = getattr(options, 'config', None)
    if isinstance(config, (str, PathLike)):
        return f'the teacher {fspath(config)}'
    return 'the teacher'


def lists_of(meta: Any) -> dict[str, list[str]] | None:
    """The lists of names in the `metainfo` of a data set."""
    lists = {key: list((meta or {}).get(key) or ()) for key in LISTS}
    return {key: names for key, names in lists.items() if names} or None
