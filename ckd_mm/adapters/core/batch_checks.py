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

from ckd_mm.adapters.core.pair_spec import Missing
from ckd_mm.adapters.core.recorder import Recorder

__all__ = ['check_batch', 'check_number', 'check_roi_images', 'why_other_images']


def why_other_images(student: BaseModel, teacher: BaseModel) -> Missing | None:
    """Why nothing of the two can be compared: they make other batches of a batch."""
    own, wanted = _branches(student, training=True), _branches(teacher, training=False)
    if own == wanted:
        return None
    return Missing(
        f'of each image the student, a {type(student).__name__}, makes {own} in '
        f'training (num_branch), and the teacher, a {type(teacher).__name__}, '
        f'{wanted}, so that rows and feature maps of the two are not of the same '
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


def check_roi_images(student: Recorder, features: Any) -> None:
    """See that the student's RoIs are of images that the teacher has seen.

    Args:
        student: Has noted what the student's RoI extractors got.
        features: The teacher's feature maps.

    Raises:
        ValueError: The batches differ.
    """
    for tap in student.taps if features is not None else ():
        if 'roi_extractor' in tap.module and tap.side == 'input' and not tap.during:
            for maps, *_ in student.calls(tap):
                check_number(maps, features)


def check_number(student: Sequence[Tensor], teacher: Sequence[Tensor]) -> None:
    """See that maps or rows by level (N, ...) are of the same number of images.

    Raises:
        ValueError: They are not.
    """
    own, wanted = len(student[0]), len(teacher[0])
    if own != wanted:
        raise ValueError(
            'student and teacher must see the same images, but of one batch the '
            f"student's outputs are of {own} images and the teacher's of {wanted}: one "
            'of the two makes several of each; compare models that do not'
        )


def _branches(model: BaseModel, *, training: bool) -> int:
    """How many images a model makes of each; more than one in TridentNet."""
    backbone = getattr(model, 'backbone', None)
    number = getattr(backbone, 'num_branch', 1)
    return number if training or getattr(backbone, 'test_branch_idx', 0) == -1 else 1
