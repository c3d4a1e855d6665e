"""Whether student and teacher see the same images.

Some detectors make several images of each image of a batch, as TridentNet does in
training. An index into the batch of the student then means nothing in that of the
teacher. mmcv's RoIAlign reads past the feature maps, without an error. All that is
checked here is known on the host, so nothing waits for the device.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmengine.model import BaseModel
from torch import Tensor

from ckd_mm.adapters.core.pair_spec import Unavailable

__all__ = ['check_batch', 'check_number', 'why_other_images']


def why_other_images(student: BaseModel, teacher: BaseModel) -> Unavailable | None:
    """Why nothing can be compared, if they make different numbers of images."""
    student_branches = _branches(student, training=True)
    teacher_branches = _branches(teacher, training=False)
    if student_branches == teacher_branches:
        return None
    return Unavailable(
        f'of each image the student, a {type(student).__name__}, makes '
        f'{student_branches} in training (num_branch), and the teacher, a '
        f'{type(teacher).__name__}, {teacher_branches}, so that rows and feature maps '
        'of the two are not of the same images; take a student without branches, or a '
        'teacher with as many and test_branch_idx=-1'
    )


def check_batch(inputs: Any, data_samples: Any) -> None:
    """Check that a student's batch is one tensor of images with as many samples.

    Raises:
        ValueError: It is several views of each image, or samples are missing.
    """
    if not isinstance(inputs, Tensor):
        raise ValueError(
            'a student is distilled on one batch of images, a tensor (N, 3, H, W), and '
            f'its data preprocessor gives a {type(inputs).__name__} of {len(inputs)}, '
            'such as several views of each image; only models that get one view can '
            'be distilled'
        )
    if data_samples is not None and len(data_samples) != len(inputs):
        raise ValueError(
            f'a batch must have a data sample for each image, got {len(data_samples)} '
            f'for {len(inputs)} images'
        )


def check_number(student: Sequence[Tensor], teacher: Sequence[Tensor]) -> None:
    """Check that maps or rows by level (N, ...) are of the same number of images.

    Raises:
        ValueError: They are not.
    """
    student_images, teacher_images = len(student[0]), len(teacher[0])
    if student_images != teacher_images:
        raise ValueError(
            'student and teacher must see the same images, but of one batch the '
            f"student's outputs are of {student_images} images and the teacher's of "
            f'{teacher_images}: one of the two makes several of each; compare models '
            'that do not'
        )


def _branches(model: BaseModel, *, training: bool) -> int:
    """How many images a model makes of each; more than one in TridentNet."""
    backbone = getattr(model, 'backbone', None)
    number = getattr(backbone, 'num_branch', 1)
    return number if training or getattr(backbone, 'test_branch_idx', 0) == -1 else 1
