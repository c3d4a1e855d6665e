"""What of a teacher can be cached, and by which name.

A part is what a term's `on` says of the teacher. Cached is what depends on one image
alone: a classifier's logits, embedding and feature maps. A detector's RoIs are those
that the student proposes, others in each step, so what the teacher says of them cannot
be known before. Its feature maps cover the batch as it is padded, which depends on the
other images in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mmengine.hooks import Hook
from mmengine.model import BaseModel

from ckd_mm.adapters import ClassificationAdapter, find_adapter

__all__ = ['check_hooks', 'check_student', 'part_name', 'student_part']


def part_name(on: Any) -> str:
    """The name of what a term reads from the teacher.

    >>> part_name('logits')
    'logits'
    >>> part_name(dict(part='logits'))
    'logits'
    >>> part_name(['logits', dict(student='backbone.layer4', teacher='backbone.norm')])
    'logits + module:backbone.norm'
    """
    if isinstance(on, list):
        return ' + '.join(map(part_name, on))
    if not isinstance(on, dict):
        return str(on)
    return on['part'] if 'part' in on else f'module:{on["teacher"]}'


def student_part(on: Any) -> Any:
    """The same comparison with the student in the teacher's place.

    >>> student_part(dict(student='backbone.layer4', teacher='backbone.norm'))
    {'student': 'backbone.layer4', 'teacher': 'backbone.layer4'}
    """
    if isinstance(on, list):
        return [student_part(one) for one in on]
    if isinstance(on, dict) and set(on) == {'student', 'teacher'}:
        return dict(student=on['student'], teacher=on['student'])
    return on


def check_student(student: BaseModel, terms: Mapping[str, Any]) -> None:
    """See that what the teacher says depends on single images.

    Raises:
        ValueError: The student is no classifier, or mixes the images of a batch.
    """
    if not issubclass(find_adapter(student), ClassificationAdapter):
        parts = ', '.join(f'{name!r} (on={on!r})' for name, on in terms.items())
        raise ValueError(
            f'what a teacher says for {parts} of a {type(student).__name__} cannot be '
            'cached, only that of image classifiers can: the RoIs that a detector '
            'scores are those that the student proposes, others in each step, and '
            'feature maps cover a batch as it is padded; run the teacher instead, with '
            'teacher=dict(config=...)'
        )
    if getattr(student.data_preprocessor, 'batch_augments', None) is not None:
        raise ValueError(
            'a cached teacher needs images that do not depend on the batch, and this '
            'student mixes those of a batch (batch_augments of its data_preprocessor, '
            'such as Mixup and CutMix); take them out, or run the teacher, with '
            'teacher=dict(config=...)'
        )


def check_hooks(hooks: Iterable[Hook]) -> None:
    """See that the pipeline stays what it is.

    Raises:
        ValueError: A hook exchanges it in mid-run.
    """
    for hook in hooks:
        if type(hook).__name__ in ('SwitchRecipeHook', 'PipelineSwitchHook'):
            raise ValueError(
                f'{type(hook).__name__} changes the pipeline in mid-run, and a cache '
                'holds what the teacher says of the images of one pipeline; take the '
                'hook out, or run the teacher, with teacher=dict(config=...)'
            )
