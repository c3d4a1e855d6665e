"""The teacher's batch made from the student's equals its own preprocessor's."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from mmdet.models import DetDataPreprocessor
from mmdet.structures import DetDataSample
from mmpretrain.models import ClsDataPreprocessor

from ckd_mm.teachers import TeacherInputs

PYTORCH = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375])
CAFFE = dict(mean=[103.53, 116.28, 123.675], std=[1.0, 1.0, 1.0])
RGB = dict(bgr_to_rgb=True, pad_size_divisor=32, **PYTORCH)
BGR = dict(bgr_to_rgb=False, pad_size_divisor=32, **CAFFE)
SIZES = [(50, 70), (64, 40)]


def batch() -> dict[str, Any]:
    generator = torch.Generator().manual_seed(0)
    images = [
        torch.randint(256, (3, *size), generator=generator, dtype=torch.uint8)
        for size in SIZES
    ]
    samples = [DetDataSample(metainfo=dict(img_shape=size)) for size in SIZES]
    return dict(inputs=images, data_samples=samples)


@pytest.mark.parametrize(
    'teacher_options',
    [
        BGR,
        RGB | dict(pad_value=7),
        BGR | dict(pad_value=-3, pad_size_divisor=64),
        BGR | dict(pad_size_divisor=1),
        dict(pad_size_divisor=32),
    ],
    ids=['caffe', 'pad value', 'larger divisor', 'no divisor', 'not normalised'],
)
@pytest.mark.parametrize('student_options', [RGB, BGR], ids=['from RGB', 'from BGR'])
def test_detection_inputs_equal_those_of_the_teachers_own_preprocessor(
    student_options: dict[str, Any], teacher_options: dict[str, Any]
) -> None:
    student = DetDataPreprocessor(**student_options)
    teacher = DetDataPreprocessor(**teacher_options)
    seen = student(batch(), training=True)
    got = TeacherInputs(student, teacher)(seen['inputs'], seen['data_samples'])
    expected = teacher(batch(), training=False)['inputs']
    torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-4)


def test_classification_inputs_equal_those_of_the_teachers_own_preprocessor() -> None:
    images = torch.randint(256, (4, 3, 8, 8), dtype=torch.uint8)
    student = ClsDataPreprocessor(to_rgb=True, **PYTORCH)
    teacher = ClsDataPreprocessor(to_rgb=False, mean=[127.5] * 3, std=[127.5] * 3)
    got = TeacherInputs(student, teacher)(student(dict(inputs=images))['inputs'], [])
    expected = teacher(dict(inputs=images))['inputs']
    torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-5)


def test_the_students_own_tensor_is_handed_on_where_both_agree() -> None:
    student, teacher = DetDataPreprocessor(**RGB), DetDataPreprocessor(**RGB)
    seen = student(batch(), training=True)
    got = TeacherInputs(student, teacher)(seen['inputs'], seen['data_samples'])
    assert got is seen['inputs']


def test_the_students_tensor_is_never_written_to() -> None:
    student, teacher = DetDataPreprocessor(**RGB), DetDataPreprocessor(**BGR)
    seen = student(batch(), training=True)
    before = seen['inputs'].clone()
    TeacherInputs(student, teacher)(seen['inputs'], seen['data_samples'])
    assert torch.equal(seen['inputs'], before)
