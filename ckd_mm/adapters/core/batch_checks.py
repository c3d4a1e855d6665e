"""Whether both models see the same images: what a detector does to a batch within.

An index into the batch of one model means nothing in that of the other, if it makes
more images of each, as TridentNet does in training. mmcv's RoIAlign reads past the
feature maps then, without an error. All that is compared here is known on the host.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmengine.model import BaseModel
from torch import Tensor

from ckd_mm.adapters.core.pair_spec import Unavailable

__all__ = ['check_batch', 'check_number', 'why_other_images']


def why_other_images(student: BaseModel, teacher: BaseModel) -> Unavailable | None:
    """Why nothing of the two can be compared: they make other batches of a batch."""
    in_student = _branches(student, training=True)
    in_teacher = _branches(teacher, training=False)
    if in_student == in_teacher:
        return None
    return Unavailable(
        f'of each image the student, a {type(student).__name__}, makes '
        f'{in_student} in '
        f'training (num_branch), and the teacher, a {type(teacher).__name__}, '
        f'{in_teacher}, so that rows and feature maps of the two are not of the same '
        'images; take a student without branches, or a teacher with as many and '
        'test_branch_idx=-1'
    )


def check_batch(inputs: Any, data_samples: Any) -> None:
    """See that a student's batch is one tensor of images, and as many samples.

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
    """See that maps or rows by level (N, ...) are of the same number of images.

    Raises:
        ValueError: They are not.
    """
    in_student, in_teacher = len(student[0]), len(teacher[0])
    if in_student != in_teacher:
        raise ValueError(
            'student and teacher must see the same images, but of one batch the '
            f"student's outputs are of {in_student} images and the teacher's of "
            f'{in_teacher}: one '
            'of the two makes several of each; compare models that do not'
        )


def _branches(model: BaseModel, *, training: bool) -> int:
    """How many images a model makes of each; more than one in TridentNet."""
    backbone = getattr(model, 'backbone', None)
    number = getattr(backbone, 'num_branch', 1)
    return number if training or getattr(backbone, 'test_branch_idx', 0) == -1 else 1
