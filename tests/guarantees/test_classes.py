"""A teacher whose classes are in another order trains the same student, bit for bit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from mmdet.models.roi_heads.bbox_heads import Shared2FCBBoxHead
from mmdet.registry import MODELS as DETECTORS
from mmengine.config import Config
from mmengine.runner import Runner
from mmpretrain.models.heads import LinearClsHead
from mmpretrain.registry import MODELS as CLASSIFIERS

from ..tasks import Task, differences, weights

ORDER = [3, 1, 0, 9, 7, 5, 2, 8, 4, 6]
HEADS = {
    'detector': ('Reordered2FCBBoxHead', DETECTORS),
    'classifier': ('ReorderedClsHead', CLASSIFIERS),
}


class Reordered2FCBBoxHead(Shared2FCBBoxHead):
    """The same numbers, with the classes in another order."""

    def forward(self, x: Any) -> tuple[torch.Tensor, torch.Tensor]:
        logits, deltas = super().forward(x)
        by_class = deltas.unflatten(1, (-1, 4))[:, ORDER]
        return logits[:, [*ORDER, 10]], by_class.flatten(1)


class ReorderedClsHead(LinearClsHead):
    """The same numbers, with the classes in another order."""

    def forward(self, feats: Any) -> torch.Tensor:
        return super().forward(feats)[:, ORDER]


@pytest.fixture(autouse=True)
def heads() -> Iterator[None]:
    for cls, (name, registry) in zip(
        (Reordered2FCBBoxHead, ReorderedClsHead), HEADS.values(), strict=True
    ):
        registry.register_module(name=name, module=cls, force=True)
    yield
    for name, registry in HEADS.values():
        registry.module_dict.pop(name)


def reordered(task: Task, folder: Path) -> dict[str, Any]:
    """The task's teacher, with another head around the same weights."""
    cfg = Config.fromfile(task.teacher['config'])
    part = cfg.model.roi_head.bbox_head if task.name == 'detector' else cfg.model.head
    part.type = HEADS[task.name][0]
    cfg.dump(folder / 'teacher.py')
    names = [str(number) for number in ORDER]
    return dict(
        config=str(folder / 'teacher.py'),
        checkpoint=task.teacher['checkpoint'],
        classes=names,
    )


def trained(
    task: Task, run: Callable[[Config], Runner], folder: Path, teacher: dict[str, Any]
) -> Runner:
    hook = dict(task.hook(), teacher=teacher)
    if task.name == 'detector':
        boxes = dict(on='roi_boxes', loss=dict(type='BoxRegressionLoss'))
        hook['distill'] = dict(hook['distill'], boxes=boxes)
    return run(task.config(folder, custom_hooks=[hook]))


@pytest.mark.slow
def test_the_student_is_the_same_bit_for_bit(
    task: Task, run: Callable[[Config], Runner], tmp_path: Path
) -> None:
    names = [str(number) for number in range(10)]
    in_order = dict(task.teacher, classes=names)
    other = reordered(task, tmp_path)
    expected = weights(trained(task, run, tmp_path / 'own', in_order))
    found = weights(trained(task, run, tmp_path / 'other', other))
    assert differences(expected, found) == {}
    unmatched = {key: value for key, value in other.items() if key != 'classes'}
    wrong = weights(trained(task, run, tmp_path / 'wrong', unmatched))
    assert differences(expected, wrong)


def test_names_come_from_the_checkpoint(
    task: Task, run: Callable[[Config], Runner], tmp_path: Path
) -> None:
    """Without a word in the config, names of the same classes in another order."""
    other = reordered(task, tmp_path)
    content = torch.load(other['checkpoint'], weights_only=False)
    content['meta'] = dict(dataset_meta=dict(classes=other.pop('classes')))
    torch.save(content, tmp_path / 'named.pth')
    named = dict(other, checkpoint=str(tmp_path / 'named.pth'))
    in_order = dict(task.teacher, classes=[str(number) for number in range(10)])
    expected = weights(trained(task, run, tmp_path / 'own', in_order))
    found = weights(trained(task, run, tmp_path / 'found', named))
    assert differences(expected, found) == {}


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(classes=['1', '1', *'abcdefgh']), "of the teacher have '1' twice"),
        (dict(classes='0123456789'), 'classes must be the names'),
        (dict(classes=[]), 'classes must be the names'),
        (dict(classes=list('abcdefghij')), 'no class of the teacher has the name'),
        (dict(classes=list('012345678a')), "'9' and the teacher 'a'"),
        (dict(classes=list('01234')), 'teacher has 10 classes, but .* names 5'),
        (dict(class_map={'a': '1'}), 'class_map needs the names'),
        (
            dict(classes=list('abcdefghij'), class_map={'a': '11'}),
            "class_map names '11', which is no class of the student",
        ),
        (dict(ema=True, classes=['a']), 'ema=True is the run.* got classes'),
    ],
)
def test_names_that_cannot_be_true_are_refused(
    detector_config: Callable[..., Config],
    detector_teacher: dict[str, Any],
    run: Callable[[Config], Runner],
    tmp_path: Path,
    change: dict[str, Any],
    message: str,
) -> None:
    teacher = dict(change) if 'ema' in change else dict(detector_teacher, **change)
    term = dict(on='roi_logits', loss=dict(type='CKDLoss'))
    hook = dict(type='DistillationHook', teacher=teacher, distill=dict(ckd=term))
    with pytest.raises(ValueError, match=message):
        run(detector_config(tmp_path, custom_hooks=[hook]))


def test_a_map_joins_names_in_a_run(
    detector_config: Callable[..., Config],
    detector_teacher: dict[str, Any],
    run: Callable[[Config], Runner],
    tmp_path: Path,
) -> None:
    """A teacher that calls three digits by words, and the other seven by nothing that
    the student has."""
    names = [*'abcdefg', 'one', 'two', 'three']
    teacher = dict(
        detector_teacher,
        classes=names,
        class_map=dict(one='1', two='2', three='3'),
    )
    terms = dict(
        ckd=dict(on='roi_logits', loss=dict(type='CKDLoss')),
        dkd=dict(on='roi_logits', loss=dict(type='DKDLoss')),
        boxes=dict(on='roi_boxes', loss=dict(type='BoxRegressionLoss')),
    )
    hook = dict(type='DistillationHook', teacher=teacher, distill=terms)
    run(detector_config(tmp_path, custom_hooks=[hook]))


def test_feature_maps_need_no_class_in_common(
    detector_config: Callable[..., Config],
    detector_teacher: dict[str, Any],
    run: Callable[[Config], Runner],
    tmp_path: Path,
) -> None:
    teacher = dict(detector_teacher, classes=list('abcdefghij'))
    loss = dict(type='FitNetLoss', student_channels=[32] * 5, teacher_channels=[64] * 5)
    terms = dict(maps=dict(on='neck', loss=loss))
    hook = dict(type='DistillationHook', teacher=teacher, distill=terms)
    run(detector_config(tmp_path, custom_hooks=[hook]))


def test_class_means_in_another_order_are_refused(
    classifier_config: Callable[..., Config],
    classifier_teacher: dict[str, Any],
    run: Callable[[Config], Runner],
    tmp_path: Path,
) -> None:
    names = [str(number) for number in ORDER]
    path = tmp_path / 'means.pt'
    torch.save(dict(class_means=torch.rand(10, 128), classes=names), path)
    loss = dict(
        type='NDLoss', num_classes=10, teacher_channels=128, student_channels=64
    )
    term = dict(on='embedding', loss=dict(loss, class_means=str(path)))
    hook = dict(
        type='DistillationHook', teacher=classifier_teacher, distill=dict(nd=term)
    )
    with pytest.raises(ValueError, match="term 'nd': class_means .* has '0', .* '3'"):
        run(classifier_config(tmp_path, custom_hooks=[hook]))
