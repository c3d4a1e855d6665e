"""CKD as a registered loss."""

from __future__ import annotations

import warnings
from typing import ClassVar

from torch import Tensor, nn

from ckd_mm.checks import (
    boolean,
    integer,
    non_negative,
    one_of,
    positive,
    positive_integer,
)
from ckd_mm.distributed import world_size
from ckd_mm.functional import (
    alignment,
    ckd_loss,
    retrieval_accuracy,
    top1_agreement,
    uniformity,
)
from ckd_mm.functional._negatives import check_one_rank
from ckd_mm.functional._rows import Reduction
from ckd_mm.functional.ckd import (
    ANCHORS,
    CENTERS,
    POSITIVES,
    Anchor,
    Center,
    Positives,
)
from ckd_mm.losses._takes import Takes
from ckd_mm.registry import LOSSES

__all__ = ['CKDLoss']


@LOSSES.register_module()
class CKDLoss(nn.Module):
    """Contrastive distillation of logits, see :func:`ckd_mm.functional.ckd_loss`.

    Warns once when it gets exactly one row: there are no negatives and the loss is 0.

    Args:
        temperature: Divides the cosines. The authors use 1 (2 for one CIFAR pair). In a
            first measurement on RoIs, 0.1 was far better.
        loss_weight: Multiplies the loss. The authors use 10 (ImageNet, Places365), 10
            to 100 (CIFAR-100) and 0.1 (RoIs). 0 only monitors.
        anchor: The model whose rows are the anchors: 'teacher' (as in the authors'
            code), 'student' or 'both'.
        gather_distributed: Whether the rows of all ranks are negatives. If not, only
            those of this rank are, as in the authors' code. W ranks have W times as
            many negatives, which raises the loss by about log W at temperature 1.
        block_size: Number of rows that are compared at a time, which bounds the memory
            of large batches. None: up to 4096 rows all at once, beyond that blocks of
            2048.
        same_class_negatives: Whether rows of the same class are negatives of each
            other, as in the authors' code. If not, the loss needs `target`. Background
            counts as a class: the negatives of a background RoI are then the RoIs of
            objects.
        per_image: Whether only rows of the same image are negatives of each other. If
            so, the loss needs `image_index`. If not, all rows of the batch are
            negatives, as in the authors' code.
        positive_in_denominator: Whether the positives of an anchor are also among the
            candidates of its denominator, as in the authors' code. If not, the loss is
            decoupled (arXiv:2110.06848).
        positives: 'self': the match alone, as in the authors' code. 'class': all rows
            of the class of the anchor (supervised contrastive, arXiv:2004.11362); the
            loss needs `target`.
        background_class: With `positives='class'` the label of rows without an object,
            whose only positive is the match. For RoIs and anchors it is the student's
            number of classes. None: there is none, as in classification.
        center: What is subtracted from each model's logits before the cosine: 'batch',
            the mean row; 'classes', the mean of each row; None, nothing, as in the
            authors' code.
        geometry: Whether to log alignment and uniformity as well
            (:func:`ckd_mm.functional.alignment`), at the price of one more product of
            all rows in each step.

    Raises:
        ValueError: An argument is out of its range, or two exclude each other:
            `per_image` and `gather_distributed`, `positives='class'` and `per_image` or
            `same_class_negatives=False`.

    Examples:
        >>> import torch
        >>> from ckd_mm.losses import CKDLoss
        >>> loss = CKDLoss(loss_weight=10.0)
        >>> loss(torch.eye(4), torch.eye(4))
        tensor(7.4367)
        >>> loss.statistics(torch.eye(4), torch.eye(4))
        {'top1_agreement': tensor(1.), 'retrieval_accuracy': tensor(1.)}
    """

    takes: ClassVar[Takes] = 'rows'

    def __init__(
        self,
        temperature: float = 1.0,
        loss_weight: float = 1.0,
        anchor: Anchor = 'teacher',
        gather_distributed: bool = False,
        block_size: int | None = None,
        same_class_negatives: bool = True,
        per_image: bool = False,
        positive_in_denominator: bool = True,
        positives: Positives = 'self',
        background_class: int | None = None,
        center: Center | None = None,
        geometry: bool = False,
    ) -> None:
        super().__init__()
        self.temperature = positive('temperature', temperature)
        self.loss_weight = non_negative('loss_weight', loss_weight)
        self.anchor = one_of('anchor', anchor, ANCHORS)
        self.gather_distributed = boolean('gather_distributed', gather_distributed)
        self.block_size = (
            None if block_size is None else positive_integer('block_size', block_size)
        )
        self.same_class_negatives = boolean(
            'same_class_negatives', same_class_negatives
        )
        self.per_image = boolean('per_image', per_image)
        if self.per_image:
            check_one_rank(self.gather_distributed)
        self.positive_in_denominator = boolean(
            'positive_in_denominator', positive_in_denominator
        )
        self.positives = one_of('positives', positives, POSITIVES)
        self.background_class = (
            None
            if background_class is None
            else integer('background_class', background_class, least=0)
        )
        self.center = None if center is None else one_of('center', center, CENTERS)
        self.geometry = boolean('geometry', geometry)
        self._check_positives()
        self._warned = False

    @property
    def also_needs(self) -> tuple[str, ...]:
        """The inputs that the options need beside student and teacher."""
        needed = {
            'target': not self.same_class_negatives or self.positives == 'class',
            'image_index': self.per_image,
        }
        return tuple(name for name, is_needed in needed.items() if is_needed)

    def forward(
        self,
        student: Tensor,
        teacher: Tensor,
        target: Tensor | None = None,
        image_index: Tensor | None = None,
        reduction: Reduction = 'mean',
    ) -> Tensor:
        """The weighted loss, of shape (), or of each row.

        Raises:
            ValueError: An option needs `target` or `image_index`, which is missing.
        """
        value = ckd_loss(
            student,
            teacher,
            temperature=self.temperature,
            anchor=self.anchor,
            gather_distributed=self.gather_distributed,
            block_size=self.block_size,
            positive_in_denominator=self.positive_in_denominator,
            positives=self.positives,
            background_class=self.background_class,
            center=self.center,
            reduction=reduction,
            **self._needed_inputs(target=target, image_index=image_index),
        )
        is_alone = len(student) == 1 and not (
            self.gather_distributed and world_size() > 1
        )
        if is_alone and not self._warned:
            self._warned = True
            warnings.warn(
                'CKDLoss got one row: without negatives the loss is 0; '
                'use more samples per step',
                stacklevel=2,
            )
        return self.loss_weight * value

    def statistics(self, student: Tensor, teacher: Tensor) -> dict[str, Tensor]:
        """What to log beside the loss, of this rank's rows, without a graph."""
        found = {
            'top1_agreement': top1_agreement(student, teacher),
            'retrieval_accuracy': retrieval_accuracy(student, teacher),
        }
        if self.geometry:
            found['alignment'] = alignment(student, teacher)
            found['uniformity'] = uniformity(student)
        return found

    def _check_positives(self) -> None:
        if self.positives == 'self' and self.background_class is not None:
            raise ValueError(
                f'background_class={self.background_class} is read with '
                "positives='class' alone; leave out background_class"
            )
        if self.positives == 'class' and (
            self.per_image or not self.same_class_negatives
        ):
            raise ValueError(
                "positives='class' excludes per_image=True and "
                'same_class_negatives=False, got '
                f'per_image={self.per_image} and same_class_negatives='
                f'{self.same_class_negatives}; leave these out, and take '
                'positive_in_denominator=False for negatives of other classes alone'
            )

    def _needed_inputs(self, **given: Tensor | None) -> dict[str, Tensor | None]:
        lacking = [name for name in self.also_needs if given[name] is None]
        if lacking:
            raise ValueError(
                f'CKDLoss with same_class_negatives={self.same_class_negatives}, '
                f'positives={self.positives!r} and per_image={self.per_image} '
                f'needs {" and ".join(lacking)}, got None; '
                'pass it to the loss, or change the option'
            )
        return {name: given[name] for name in self.also_needs}
