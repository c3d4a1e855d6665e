"""ND, the loss of KD++, as a registered loss."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from os import PathLike
from typing import ClassVar

import torch
from torch import Tensor, nn

from ckd_mm.checks import non_negative, positive_integer
from ckd_mm.distributed import sum_over_ranks
from ckd_mm.functional import nd_loss
from ckd_mm.functional._inputs import check_embeddings, full_precision
from ckd_mm.functional._labels import label_weights
from ckd_mm.functional._rows import Reduction
from ckd_mm.losses._channels import check_channels
from ckd_mm.losses._indices import IndexCheck
from ckd_mm.losses._takes import Takes
from ckd_mm.registry import LOSSES

__all__ = ['NDLoss']


@LOSSES.register_module()
class NDLoss(nn.Module):
    """Norm and direction of embeddings, see :func:`ckd_mm.functional.nd_loss`.

    The class means are read from a file that `tools/class_means.py` has written, as in
    the paper; it takes the images without augmentation, the authors' code takes them as
    they are augmented for training. Without a file the means are summed up during
    training, over all embeddings of the teacher so far on all ranks, the current batch
    included. These embeddings are of augmented images, and a soft label counts for each
    class by its share.

    If the student's embeddings have another width, a linear layer, trained along with
    the student, brings them to the teacher's width. The authors' code has BatchNorm and
    dropout of 0.5 before this layer, which here it does not.

    Args:
        num_classes: Number of classes of the labels. RoIs have one more, the
            background.
        teacher_channels: Width of the teacher's embeddings.
        student_channels: Width of the student's embeddings; adds a linear layer to the
            teacher's width. `None` takes the embeddings as they are.
        class_means: The file with the class means; `None` sums them up during training.
        loss_weight: Multiplies the loss. The authors use 2 beside KD (ResNet-56 to
            ResNet-20 on CIFAR-100, ImageNet). 0 only monitors.

    Raises:
        ValueError: An argument is out of its range, or the file does not fit.

    Examples:
        >>> import torch
        >>> from ckd_mm.losses import NDLoss
        >>> loss = NDLoss(num_classes=10, teacher_channels=2, loss_weight=2.0)
        >>> student, teacher = torch.tensor([[1.0, 0.0]]), torch.tensor([[4.0, 0.0]])
        >>> loss(student, teacher, torch.tensor([3]))
        tensor(1.5000)
    """

    takes: ClassVar[Takes] = 'rows'
    class_sums: Tensor

    def __init__(
        self,
        num_classes: int,
        teacher_channels: int,
        student_channels: int | None = None,
        class_means: str | PathLike[str] | None = None,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        self.num_classes = positive_integer('num_classes', num_classes)
        self.teacher_channels = positive_integer('teacher_channels', teacher_channels)
        self.linear = None
        if student_channels is not None:
            width = positive_integer('student_channels', student_channels)
            self.linear = nn.Linear(width, teacher_channels)
        self.is_given = class_means is not None
        shape = (num_classes, teacher_channels)
        means = torch.zeros(shape)
        self.class_names: list[str] = []
        if class_means is not None:
            means, self.class_names = _read(class_means, shape)
        self.register_buffer('class_sums', means)
        self.loss_weight = non_negative('loss_weight', loss_weight)
        self._check_target = IndexCheck(
            'target',
            'num_classes',
            num_classes,
            'set num_classes to that of the labels, for RoIs with the background',
        )

    def forward(
        self,
        student: Tensor,
        teacher: Tensor,
        target: Tensor,
        reduction: Reduction = 'mean',
    ) -> Tensor:
        """The weighted loss, of shape (), or of each row."""
        check_embeddings(student, teacher)
        check_channels('teacher', self.teacher_channels, teacher)
        if target.ndim == 1:
            self._check_target(target)
        if not self.is_given:
            self._add(teacher, target)
        if self.linear is not None:
            check_channels('student', self.linear.in_features, student)
            with full_precision(student, teacher) as (student_BD, _):
                student = self.linear(student_BD)
        return self.loss_weight * nd_loss(
            student, teacher, self.class_sums, target, reduction=reduction
        )

    def check_classes(self, names: Sequence[str]) -> None:
        """Check that the file has the classes of the student's data, in their order.

        Raises:
            ValueError: The file has other names, or the same names in another order.
        """
        known = self.class_names
        if known and list(names) != known:
            pairs = zip(names, known, strict=False)
            first = next(
                (pair for pair in pairs if pair[0] != pair[1]),
                (len(names), len(known)),
            )
            raise ValueError(
                "class_means must be of the classes of the student's data in their "
                f'order, but where the student has {first[0]!r}, the file has '
                f'{first[1]!r}; write it with tools/class_means.py from a config with '
                "the student's data"
            )

    @torch.no_grad()
    def _add(self, teacher: Tensor, target: Tensor) -> None:
        weight_BC = label_weights(target, len(teacher), self.num_classes)
        with full_precision(teacher, self.class_sums) as (teacher_BD, sums_CD):
            added_CD = weight_BC.to(teacher_BD.dtype).T @ teacher_BD
            self.class_sums.copy_(sums_CD + sum_over_ranks(added_CD))


def _read(
    path: str | PathLike[str], shape: tuple[int, int]
) -> tuple[Tensor, list[str]]:
    """Class means (C, D) from a file, and the names of the classes if it has them.

    Raises:
        ValueError: The file cannot be read, or its class means have another shape.
    """
    try:
        content = torch.load(path, map_location='cpu', weights_only=True)
        means = content['class_means']
    except (OSError, RuntimeError, KeyError, TypeError, pickle.PickleError) as error:
        raise ValueError(
            f'class_means must be a file that tools/class_means.py has written, got '
            f'{str(path)!r}: {type(error).__name__}: {error}'
        ) from error
    if tuple(means.shape) != shape:
        raise ValueError(
            f'class_means must have num_classes={shape[0]} rows of '
            f'teacher_channels={shape[1]} numbers, got {tuple(means.shape)} in '
            f'{str(path)!r}; write the file with this teacher'
        )
    return means.float(), list(content.get('classes', []))
