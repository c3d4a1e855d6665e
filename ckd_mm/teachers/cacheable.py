"""Which outputs of a teacher can be cached, and by which name.

Outputs that depend on one image alone can be cached: a classifier's logits and
embedding, and feature maps of any teacher beside any student. Feature maps cover the
padded batch, so all batches must have one size. Rows of a detector cannot be cached:
which RoIs, anchors or queries are compared changes in each step.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mmengine.hooks import Hook
from mmengine.model import BaseModel
from torch import nn

from ckd_mm.adapters import BoundTerm, ClassificationAdapter, Pass, find_adapter
from ckd_mm.adapters.core.parts import is_modules
from ckd_mm.adapters.core.passes import BackboneMaps, FeatureMaps

__all__ = [
    'check_context',
    'check_hooks',
    'check_passes',
    'check_student',
    'is_padded_to_one_size',
    'part_name',
    'with_student_twice',
]

SWITCHES = ('SwitchRecipeHook', 'PipelineSwitchHook', 'YOLOXModeSwitchHook')
"""Hooks that exchange the pipeline in mid-run."""


def part_name(on: Any) -> str:
    """The name of the part or modules of the teacher that a term reads.

    >>> part_name('logits')
    'logits'
    >>> part_name(dict(part='logits'))
    'logits'
    >>> part_name(dict(part='backbone', levels=[0, 2]))
    'backbone:0:2'
    >>> part_name(dict(part='cam', bias=True))
    'cam:bias'
    >>> part_name(['logits', dict(student='backbone.layer4', teacher='backbone.norm')])
    'logits + module:backbone.norm'
    """
    if isinstance(on, list):
        return ' + '.join(map(part_name, on))
    if not isinstance(on, dict):
        return str(on)
    if 'part' not in on:
        return f'module:{on.get("teacher", "")}'  # the adapter refuses none
    levels = on.get('levels') or ()
    bias = ['bias'] if on.get('bias') else []
    return ':'.join([on['part'], *map(str, levels), *bias])


def with_student_twice(on: Any) -> Any:
    """What a term compares, with the student's modules for both models.

    >>> with_student_twice(dict(student='backbone.layer4', teacher='backbone.norm'))
    {'student': 'backbone.layer4', 'teacher': 'backbone.layer4'}
    """
    if isinstance(on, list):
        return [with_student_twice(one) for one in on]
    if isinstance(on, dict) and set(on) == {'student', 'teacher'}:
        return dict(student=on['student'], teacher=on['student'])
    return on


def check_student(student: BaseModel, terms: Mapping[str, Any]) -> None:
    """Check that the teacher's outputs depend on single images.

    Args:
        student: The student, without a distributed wrapper.
        terms: What the terms compare, by name.

    Raises:
        ValueError: Rows of a detector are compared, modules of the teacher run on the
            student's maps, or the images of a batch are mixed or resized.
    """
    rows = [f'{name!r} (on={on!r})' for name, on in terms.items() if not _is_maps(on)]
    if rows and not _is_classifier(student):
        raise ValueError(
            f"a teacher's outputs for {', '.join(rows)} of a {type(student).__name__} "
            'cannot be cached: which rows are compared, such as the RoIs that the '
            'student proposes, changes in each step; cache feature maps '
            "(on='neck', on=dict(student='neck:2', teacher='blocks:-1')), or run the "
            'teacher instead'
        )
    running = [name for name, on in terms.items() if part_name(on) == 'last_stages']
    if running:
        raise ValueError(
            f"term {running[0]!r} compares on='last_stages', of which the student's "
            'maps go through modules of the teacher, and a cache holds outputs alone; '
            'run the teacher: give the teacher=dict(...) that the cache was made with'
        )
    augments = getattr(student.data_preprocessor, 'batch_augments', None)
    if augments is not None and not is_padded_to_one_size(student.data_preprocessor):
        raise ValueError(
            'a cached teacher needs images that do not depend on the batch, and this '
            'student mixes the images of a batch (batch_augments of its '
            'data_preprocessor, such as Mixup and CutMix) or draws their size '
            '(BatchSyncRandomResize); take them out, or run the teacher'
        )


def check_context(terms: Mapping[str, BoundTerm], what: str, way_out: str) -> None:
    """Check that losses ask for nothing of a teacher beside its outputs.

    Args:
        terms: The terms by name.
        what: What has the outputs, for the message.
        way_out: What to do.

    Raises:
        ValueError: One does.
    """
    for name, bound in terms.items():
        asked = ' and '.join(map(repr, bound.of_one_teacher))
        if asked:
            raise ValueError(
                f'the loss of term {name!r} asks for {asked} of the teacher, and '
                f'{what} holds what is compared alone; {way_out}'
            )


def is_padded_to_one_size(preprocessor: nn.Module) -> bool:
    """Whether a data preprocessor pads every batch to a size that its config gives."""
    augments = getattr(preprocessor, 'batch_augments', None)
    if not isinstance(augments, nn.ModuleList):
        return False
    return {type(one).__name__ for one in augments} == {'BatchFixedSizePad'}


def check_passes(
    student: BaseModel, passes: Iterable[Pass], terms: Mapping[str, Any]
) -> None:
    """Check that a detector's teacher is run as far as its feature maps, not further.

    Args:
        student: The student, without a distributed wrapper.
        passes: What runs of the teacher in a step.
        terms: What the terms compare, by name.

    Raises:
        ValueError: One runs a head.
    """
    runs_heads = not all(isinstance(one, (BackboneMaps, FeatureMaps)) for one in passes)
    if runs_heads and not _is_classifier(student):
        named = ', '.join(f'{name!r} (on={on!r})' for name, on in terms.items())
        raise ValueError(
            f'a module that one of {named} names lies in a head of the teacher, whose '
            'outputs are not of single images; only modules of its backbone and its '
            'neck can be cached'
        )


def check_hooks(hooks: Iterable[Hook]) -> None:
    """Check that the pipeline stays the same.

    Raises:
        ValueError: A hook exchanges it in mid-run.
    """
    for hook in hooks:
        if type(hook).__name__ in SWITCHES:
            raise ValueError(
                f'{type(hook).__name__} changes the pipeline in mid-run, and a cache '
                "holds the teacher's outputs for the images of one pipeline; take the "
                'hook out, or run the teacher: give the teacher=dict(...) that the '
                'cache was made with'
            )


def _is_classifier(student: BaseModel) -> bool:
    return issubclass(find_adapter(student), ClassificationAdapter)


def _is_maps(on: Any) -> bool:
    """Whether a term compares feature maps, or what modules return."""
    if isinstance(on, list):
        return all(map(_is_maps, on))
    part = on['part'] if isinstance(on, dict) and 'part' in on else on
    return is_modules(part) or part in ('backbone', 'neck')
