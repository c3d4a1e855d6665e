"""Semi-supervised detectors: the student is the detector inside of the wrapper.

MMDetection's `SemiBaseDetector` (SoftTeacher and its kind) holds two copies of one
detector: `student`, which is trained, and `teacher`, its average. Its batches have a
branch of labelled images and two of images without labels. The student is distilled, on
the labelled branch. The wrapper calls `student.loss`, past the student's forward hooks,
and runs the student once more on pseudo labels. So the wrapper's own method for the
labelled branch is listened to.
"""

from __future__ import annotations

from mmengine.model import BaseModel
from torch import nn

__all__ = [
    'is_semi_supervised',
    'preprocessor_of',
    'student_within',
    'teacher_within',
]


def is_semi_supervised(model: nn.Module) -> bool:
    """Whether it wraps the detector that it trains."""
    student = getattr(model, 'student', None)
    return isinstance(student, BaseModel) and hasattr(model, 'loss_by_gt_instances')


def student_within(model: BaseModel) -> BaseModel:
    """The model that is distilled: the wrapped detector, or the model itself."""
    return model.student if is_semi_supervised(model) else model


def preprocessor_of(model: BaseModel) -> nn.Module | None:
    """What normalises the images of the model; of a wrapper, those of each branch."""
    whole = getattr(model, 'data_preprocessor', None)
    if is_semi_supervised(model):
        return getattr(whole, 'data_preprocessor', whole)
    return whole


def teacher_within(model: BaseModel) -> BaseModel:
    """The model that teaches: of a wrapper the detector that it predicts with."""
    if not is_semi_supervised(model):
        return model
    options = model.semi_test_cfg or {}
    detector = getattr(model, options.get('predict_on', 'teacher'))
    detector.data_preprocessor = preprocessor_of(model)
    return detector
