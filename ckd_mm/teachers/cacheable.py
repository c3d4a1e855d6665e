"""Which outputs of a teacher can be cached, and by which name.

Outputs that depend on one image alone can be cached: a classifier's logits, embedding
and feature maps. Those of a detector cannot. Its RoIs are proposed by the student and
change in each step. Its feature maps cover the padded batch, which depends on the other
images in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mmengine.hooks import Hook
from mmengine.model import BaseModel

from ckd_mm.adapters import ClassificationAdapter, find_adapter

__all__ = ['check_hooks', 'check_student', 'part_name', 'with_student_twice']


def part_name(on: Any) -> str:
    """The name of the part or modules of the teacher that a term reads.

    >>> part_name('logits')
    'logits'
    >>> part_name(dict(part='logits'))
    'logits'
    >>> part_name(dict(part='backbone', levels=[0, 2]))
    'backbone:0:2'
    >>> part_name(['logits', dict(student='backbone.layer4', teacher='backbone.norm')])
    'logits + module:backbone.norm'
    """
    if isinstance(on, list):
        return ' + '.join(map(part_name, on))
    if not isinstance(on, dict):
        return str(on)
    if 'part' not in on:
        return f'module:{on["teacher"]}'
    levels = on.get('levels') or ()
    return ':'.join([on['part'], *map(str, levels)])


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

    Raises:
        ValueError: The student is no classifier, or mixes the images of a batch.
    """
    if not issubclass(find_adapter(student), ClassificationAdapter):
        named = ', '.join(f'{name!r} (on={on!r})' for name, on in terms.items())
        raise ValueError(
            f"a teacher's outputs for {named} of a {type(student).__name__} cannot be "
            'cached, only those of image classifiers can: the RoIs of a detector are '
            'proposed by the student and change in each step, and its feature maps '
            'cover the padded batch; run the teacher instead, with '
            'teacher=dict(config=...)'
        )
    if getattr(student.data_preprocessor, 'batch_augments', None) is not None:
        raise ValueError(
            'a cached teacher needs images that do not depend on the batch, and this '
            'student mixes the images of a batch (batch_augments of its '
            'data_preprocessor, such as Mixup and CutMix); take them out, or run the '
            'teacher, with teacher=dict(config=...)'
        )


def check_hooks(hooks: Iterable[Hook]) -> None:
    """Check that the pipeline stays the same.

    Raises:
        ValueError: A hook exchanges it in mid-run.
    """
    for hook in hooks:
        if type(hook).__name__ in ('SwitchRecipeHook', 'PipelineSwitchHook'):
            raise ValueError(
                f'{type(hook).__name__} changes the pipeline in mid-run, and a cache '
                "holds the teacher's outputs for the images of one pipeline; take the "
                'hook out, or run the teacher, with teacher=dict(config=...)'
            )
