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
from ckd_mm.losses._channels import check_channels
from ckd_mm.losses._indices import IndexCheck
from ckd_mm.losses._takes import Takes
from ckd_mm.registry import LOSSES

__all__ = ['NDLoss']


@LOSSES.register_module()
class NDLoss(nn.Module):
    """Norm and direction of embeddings, see :func:`ckd_mm.functional.nd_loss`.

    The class means are read from a file that `tools/class_means.py` has written, as in
    the paper, or grow in training: the sum of all embeddings of the teacher so far, of
    all ranks, the current batch included. Those are of augmented images, and follow
    soft labels by their shares.

    Where the student's embeddings have another width, a linear layer, trained along,
    brings them to the teacher's, as in the authors' code (for ImageNet it has
    BatchNorm and dropout before).

    Args:
        num_classes: Classes of the labels. For RoIs one more, the background.
        teacher_channels: Width of the teacher's embeddings.
        student_channels: Width of the student's, for a linear layer to the teacher's;
            `None` takes the student's as they are.
        class_means: The file; `None` sums up in training.
        loss_weight: Multiplies the loss, beside KD: 2 (ResNet-56 to ResNet-20 on
            CIFAR-100, ImageNet). 0 only monitors.

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
            'num_classes is that of the labels, for RoIs with the background',
        )

    def forward(self, student: Tensor, teacher: Tensor, target: Tensor) -> Tensor:
        """The weighted loss, of shape ()."""
        check_embeddings(student, teacher)
        check_channels('teacher', self.teacher_channels, teacher)
        if target.ndim == 1:
            self._check_target(target)
        if not self.is_given:
            self._add(teacher, target)
        if self.linear is not None:
            check_channels('student', self.linear.in_features, student)
            with full_precision(student, teacher) as (wider_or_narrower, _):
                student = self.linear(wider_or_narrower)
        return self.loss_weight * nd_loss(student, teacher, self.class_sums, target)

    def check_classes(self, names: Sequence[str]) -> None:
        """See that the file counts the classes as the student's data do.

        Raises:
            ValueError: It has other names, or the same in another order.
        """
        own = self.class_names
        if own and list(names) != own:
            first = next(
                (pair for pair in zip(names, own, strict=False) if pair[0] != pair[1]),
                (len(names), len(own)),
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
        ValueError: It cannot be read, or they are of other classes or another width.
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
            f'class_means must be of num_classes={shape[0]} classes and '
            f'teacher_channels={shape[1]}, got {tuple(means.shape)} in {str(path)!r}; '
            'write them with this teacher'
        )
    return means.float(), list(content.get('classes', []))
