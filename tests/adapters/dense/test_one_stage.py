"""One-stage detectors of six kinds, with heads whose every row says where it is."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import torch
from mmdet.testing import demo_mm_inputs
from mmengine.testing import assert_allclose
from torch import Tensor

from ckd_mm.adapters import OneStageAdapter, find_adapter
from ckd_mm.engine.distiller import Distiller
from ckd_mm.engine.terms import build_terms
from ckd_mm.teachers import ModelTeacher

from ..detectors import ONE_STAGE, faster_rcnn, one_stage
from ..pairs import pair

EACH = pytest.mark.parametrize('kind', ONE_STAGE)


def batch(num_items: list[int] | None = None) -> dict[str, Any]:
    return demo_mm_inputs(
        2, [[3, 64, 96], [3, 96, 64]], num_items=num_items or [3, 2], num_classes=10
    )


def part(name: str = 'dense_logits', **options: Any) -> dict[str, Any]:
    return dict(part=name, **options)


class Marked:
    """A student and a teacher whose class logits are marked.

    Class 0 has the number of the anchor or point in the batch, the same in both models.
    In the teacher, class 1 decides on the confidence, in an order that has nothing to
    do with this number.
    """

    def __init__(self, kind: str) -> None:
        self.student, self.teacher = one_stage(kind), one_stage(kind, seed=1)
        self.student.bbox_head.register_forward_hook(self._mark)
        self.teacher.bbox_head.register_forward_hook(self._mark)
        self.label_of: dict[int, int] = {}
        self.student.bbox_head.loss_cls.register_forward_pre_hook(self._note)

    def _mark(self, head: Any, args: Any, output: Any) -> Any:
        width, generator = head.cls_out_channels, torch.Generator().manual_seed(0)
        start, maps = 0, []
        for level in output[0]:
            number, channels, height, breadth = level.shape
            anchors = channels // width
            count = number * anchors * height * breadth
            marks = torch.arange(start, start + count).reshape(
                number, height, breadth, anchors
            )
            start += count
            values = level * 0
            values[:, ::width] += marks.permute(0, 3, 1, 2) / 4096
            values[:, 1::width] += 3 + torch.rand(
                (number, anchors, height, breadth), generator=generator
            )
            maps.append(values)
        return (maps, *output[1:])

    def _note(self, loss: Any, args: Any) -> None:
        logits, labels, *_ = args
        labels = labels[0] if isinstance(labels, tuple) else labels
        labels = labels.argmax(1) if labels.ndim == 2 else labels
        for mark, label in zip(marks_of(logits), labels.tolist(), strict=True):
            self.label_of[mark] = label


def marks_of(logits: Tensor) -> list[int]:
    return (logits[:, 0] * 4096).round().long().tolist()


@EACH
def test_rows_of_both_models_are_the_same_places(kind: str) -> None:
    marked = Marked(kind)
    given = pair(marked.student, marked.teacher, batch(), part(topk=30), 'image_index')
    assert len(given['student']) == 60
    marks = marks_of(given['student'])
    assert marks == marks_of(given['teacher'])
    assert len(set(marks)) == 60
    assert given['image_index'].tolist() == [0] * 30 + [1] * 30
    assert given['student'].requires_grad and not given['teacher'].requires_grad


@EACH
def test_targets_are_what_the_student_assigned_to_these_places(kind: str) -> None:
    marked = Marked(kind)
    context = ('target', 'image_index')
    on = part(rows='assigned', topk=10_000)
    given = pair(marked.student, marked.teacher, batch(), on, *context)
    marks = marks_of(given['student'])
    assert marks == marks_of(given['teacher'])
    assigned = {mark for mark, label in marked.label_of.items() if label < 10}
    assert len(assigned) > 1
    assert set(marks) == assigned and len(marks) == len(assigned)
    expected = [marked.label_of[mark] for mark in marks]
    assert given['target'].tolist() == expected


@EACH
def test_assigned_places_come_before_confident_ones(kind: str) -> None:
    marked = Marked(kind)
    on = [part(rows='both', topk=40), part(rows='assigned', topk=40)]
    torch.manual_seed(0)
    given = pair(marked.student, marked.teacher, batch(), on)
    both, assigned = map(marks_of, given['student'])
    assert len(both) == 80
    assert 0 < len(assigned) < 80
    assert set(assigned) < set(both)


@EACH
def test_a_twin_gives_the_same_rows(kind: str) -> None:
    student = one_stage(kind)
    assert find_adapter(student) is OneStageAdapter
    given = pair(student, deepcopy(student), batch(), 'dense_logits')
    assert_allclose(given['student'], given['teacher'], rtol=1e-4, atol=1e-5)


def test_confidence_is_what_a_head_ranks_its_boxes_by() -> None:
    """FCOS: class times centerness."""
    student, teacher = one_stage('FCOS'), one_stage('FCOS', seed=1)
    torch.nn.init.normal_(teacher.bbox_head.conv_centerness.weight, std=10)
    data = batch()
    given = pair(student, teacher, deepcopy(data), part(topk=1))
    images = teacher.data_preprocessor(data, False)['inputs']
    outputs = teacher.bbox_head(teacher.extract_feat(images))
    scores = torch.cat(
        [
            (cls.sigmoid() * factor.sigmoid()).flatten(2)
            for cls, factor in zip(outputs[0], outputs[2], strict=True)
        ],
        dim=2,
    )
    rows = torch.cat([cls.flatten(2) for cls in outputs[0]], dim=2)
    best = scores.amax(1).argmax(1)
    assert (best != rows.amax(1).argmax(1)).any()
    for image, point in enumerate(best):
        assert_allclose(given['teacher'][image], rows[image, :, point].detach())


def test_heads_of_different_kinds_share_a_grid_of_points() -> None:
    given = pair(one_stage('GFL'), one_stage('ATSS'), batch(), part(topk=5))
    assert given['student'].shape == given['teacher'].shape == (10, 10)


def test_softmax_heads_have_rows_with_background_and_a_target_for_each() -> None:
    def softmax(model: Any) -> None:
        model.bbox_head.loss_cls = dict(type='CrossEntropyLoss', use_sigmoid=False)

    student = one_stage('RetinaNet', softmax)
    on = part(rows='both', topk=20)
    given = pair(student, deepcopy(student), batch(), on, 'target')
    assert given['student'].shape == (40, 11)
    assert_allclose(given['student'], given['teacher'], rtol=1e-4, atol=1e-5)
    assert (given['target'] == 10).any() and (given['target'] < 10).any()
    assert given['target'].max() <= 10


def test_images_without_objects_have_no_assigned_rows() -> None:
    for kind in ('RetinaNet', 'YOLOX'):
        student = one_stage(kind)
        on = part(rows='assigned')
        given = pair(student, deepcopy(student), batch([0, 0]), on, 'target')
        assert given['student'].shape == given['teacher'].shape == (0, 10)
        assert given['student'].requires_grad
        assert given['target'].shape == (0,)


@pytest.mark.parametrize(
    ('student', 'teacher', 'message'),
    [
        (
            'RetinaNet',
            'ATSS',
            r'numbers of anchors .* student has \[9, 9, 9, 9, 9\] and the teacher '
            r'\[1, 1, 1, 1, 1\]',
        ),
        (
            'RTMDet',
            'FCOS',
            r'strides .* student has \[\(8, 8\), \(16, 16\), \(32, 32\)\] and the '
            r'teacher \[\(8, 8\), .*\(128, 128\)\]',
        ),
    ],
)
def test_other_grids_are_refused_with_both(
    student: str, teacher: str, message: str
) -> None:
    with pytest.raises(ValueError, match=f'{message}; compare feature maps'):
        pair(one_stage(student), one_stage(teacher), batch(), 'dense_logits')


def test_other_anchors_and_other_kinds_of_logits_are_refused() -> None:
    def larger(model: Any) -> None:
        model.bbox_head.anchor_generator.octave_base_scale = 8

    def softmax(model: Any) -> None:
        model.bbox_head.loss_cls = dict(type='CrossEntropyLoss', use_sigmoid=False)

    student = one_stage('RetinaNet')
    with pytest.raises(
        ValueError, match=r'anchors \(x1, .*\[-22.*and the teacher \[-45'
    ):
        pair(student, one_stage('RetinaNet', larger), batch(), 'dense_logits')
    with pytest.raises(
        ValueError, match='student are a sigmoid per class .* teacher a softmax'
    ):
        pair(student, one_stage('RetinaNet', softmax), batch(), 'dense_logits')


def test_other_classes_are_refused() -> None:
    def more(model: Any) -> None:
        model.bbox_head.num_classes = 12

    with pytest.raises(ValueError, match='student has 10 classes and the teacher 12'):
        pair(one_stage('FCOS'), one_stage('FCOS', more), batch(), 'dense_logits')


def test_levels_of_another_size_are_refused() -> None:
    student, teacher = one_stage('FCOS'), one_stage('FCOS')
    teacher.data_preprocessor.pad_size_divisor = 128
    with pytest.raises(ValueError, match=r'one size.*\(12, 12\).*\(16, 16\).*pad_size'):
        pair(student, teacher, batch(), 'dense_logits')


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(topk=0), 'topk must be an integer >= 1, got 0'),
        (dict(topk=2.5), 'topk must be an integer'),
        (dict(rows='best'), "rows must be one of 'confident', 'assigned', 'both'"),
        (dict(top=3), "no option 'top'; did you mean 'topk'"),
    ],
)
def test_options_out_of_range_are_refused(
    options: dict[str, Any], message: str
) -> None:
    student = one_stage('FCOS')
    with pytest.raises(ValueError, match=f"part 'dense_logits'.*{message}"):
        pair(student, student, batch(), part(**options))


def test_a_target_among_background_rows_is_refused_with_the_way_out() -> None:
    student = one_stage('FCOS')
    with pytest.raises(
        ValueError, match="'target'.*sigmoid head; take rows='assigned'"
    ):
        pair(student, student, batch(), 'dense_logits', 'target')


def test_a_two_stage_teacher_is_refused() -> None:
    with pytest.raises(ValueError, match='a FCOS and the teacher a FasterRCNN'):
        pair(one_stage('FCOS'), faster_rcnn(), batch(), 'dense_logits')


@pytest.mark.parametrize('rows', ['confident', 'assigned'])
def test_edges_of_boxes_are_distributions_of_the_same_places(rows: str) -> None:
    """The student's are what GFL itself makes of its boxes."""
    student, teacher = one_stage('GFL'), one_stage('GFL', seed=1)
    outputs: dict[str, Any] = {}
    for name, model in (('student', student), ('teacher', teacher)):
        model.bbox_head.register_forward_hook(
            lambda _, __, output, name=name: outputs.update({name: output})
        )
    on = [part('box_distribution', rows=rows, topk=7), part(rows=rows, topk=7)]
    given = pair(student, teacher, batch(), on)
    for name in ('student', 'teacher'):
        edges, classes = given[name]
        assert edges.shape == (4 * len(classes), 17)
        rows_of_classes, rows_of_edges = (
            torch.cat(
                [
                    level.permute(0, 2, 3, 1).reshape(-1, level.shape[1])
                    for level in outputs[name][number]
                ]
            )
            for number in (0, 1)
        )
        for row, logits in enumerate(classes):
            (point,) = (rows_of_classes == logits).all(1).nonzero().flatten()
            expected = rows_of_edges[point].reshape(4, 17)
            assert torch.equal(edges[4 * row : 4 * row + 4], expected)


def test_edges_need_the_same_head_and_range() -> None:
    def wider(model: Any) -> None:
        model.bbox_head.reg_max = 8

    student = one_stage('GFL')
    with pytest.raises(ValueError, match="'box_distribution'.*only the heads of GFL"):
        pair(student, one_stage('ATSS'), batch(), 'box_distribution')
    with pytest.raises(ValueError, match='student has reg_max=16 .* teacher reg_max=8'):
        pair(student, one_stage('GFL', wider), batch(), 'box_distribution')


def test_rows_that_the_teacher_chooses_are_not_averaged_over_teachers() -> None:
    student, teacher = one_stage('FCOS'), ModelTeacher(one_stage('FCOS', seed=1))
    on = dict(part='dense_logits', activation='binary')
    kd = dict(on=on, loss=dict(type='KDLoss'))
    with pytest.raises(ValueError, match="'kd' .* hears 2 teachers, whose rows differ"):
        Distiller(student, [teacher] * 2, build_terms(dict(kd=kd), 2))
    each = {f'kd{number}': dict(kd, teacher=number) for number in range(2)}
    Distiller(student, [teacher] * 2, build_terms(each, 2))
