"""WKD-L as a registered loss."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from ckd_mm.checks import non_negative, positive, positive_integer
from ckd_mm.functional import class_distances, wkdl_loss
from ckd_mm.functional._rows import Reduction
from ckd_mm.losses._tables import Table, read_table
from ckd_mm.losses._takes import Takes
from ckd_mm.registry import LOSSES

__all__ = ['WKDLLoss']


@LOSSES.register_module()
class WKDLLoss(nn.Module):
    """Wasserstein distance of logits, see :func:`ckd_mm.functional.wkdl_loss`.

    How far classes are apart is read from the weights of the teacher's last linear
    layer in each step, or from a table. The defaults are the authors' for ResNet-34 ->
    ResNet-18 on ImageNet, beside the student's own loss at 1.

    Args:
        distances: How far each class is from each other one: a square table of numbers
            >= 0, with a row and a column for each column of the logits that are
            compared. A file of NumPy (`.npy`), or lists. `None`: 1 minus the cosine of
            the teacher's weights, for `on='logits'` of classifiers.
        gamma: Weight of the Wasserstein distance beside the target's term. The authors
            take 200 and 600 on CIFAR-100, 25 and 30 on ImageNet.
        temperature: Divides the logits in the distance. CIFAR-100: 6 and 8.
        sharpness: The distance d costs 1 - exp(-sharpness d); `None`: it costs d.
        epsilon: Entropy regularisation of the transport.
        num_iterations: Sinkhorn's iterations.
        loss_weight: Multiplies the loss; 0 only monitors.

    Raises:
        ValueError: An argument is out of its range, or the table cannot be read.

    Examples:
        >>> import torch
        >>> from ckd_mm.losses import WKDLLoss
        >>> loss = WKDLLoss(distances=[[0, 1, 2], [1, 0, 1], [2, 1, 0]])
        >>> logits = torch.randn(2, 4, 3)
        >>> loss(*logits, torch.tensor([0, 2, 1, 1])).shape
        torch.Size([])
    """

    takes: ClassVar[Takes] = 'distribution'
    distances: Tensor | None

    def __init__(
        self,
        distances: Table | None = None,
        gamma: float = 30.0,
        temperature: float = 2.0,
        sharpness: float | None = 1.0,
        epsilon: float = 0.05,
        num_iterations: int = 10,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        table = None if distances is None else torch.from_numpy(_read(distances))
        self.register_buffer('distances', table, persistent=False)
        self.gamma = non_negative('gamma', gamma)
        self.temperature = positive('temperature', temperature)
        if sharpness is not None:
            positive('sharpness', sharpness)
        self.sharpness = sharpness
        self.epsilon = positive('epsilon', epsilon)
        self.num_iterations = positive_integer('num_iterations', num_iterations)
        self.loss_weight = non_negative('loss_weight', loss_weight)

    @property
    def also_needs(self) -> tuple[str, ...]:
        """The teacher's weights, without a table."""
        return ('teacher_classifier',) if self.distances is None else ()

    def forward(
        self,
        student: Tensor,
        teacher: Tensor,
        target: Tensor,
        teacher_classifier: Tensor | None = None,
        reduction: Reduction = 'mean',
    ) -> Tensor:
        """The weighted loss, of shape (), or of each row.

        Args:
            student: Logits (B, C); gets the gradient.
            teacher: Logits (B, C).
            target: The class of each row.
            teacher_classifier: Weights (C, D) that give the teacher's logits, without a
                table.
            reduction: 'mean' or 'none'.
        """
        distances = self.distances
        if distances is None:
            assert teacher_classifier is not None, 'the term asks for it'
            distances = class_distances(teacher_classifier)
        return self.loss_weight * wkdl_loss(
            student,
            teacher,
            target,
            distances,
            gamma=self.gamma,
            temperature=self.temperature,
            sharpness=self.sharpness,
            epsilon=self.epsilon,
            num_iterations=self.num_iterations,
            reduction=reduction,
        )


def _read(table: Any) -> np.ndarray:
    """The table as float32 (C, C).

    Raises:
        ValueError: It cannot be read, or has other numbers than distances.
    """
    found = read_table('distances', table)
    least = -1e-3  # 1 minus an alignment may be rounded below 0
    if (
        found is None
        or found.shape[0] != found.shape[1]
        or not (np.isfinite(found) & (found >= least)).all()
    ):
        raise ValueError(
            'distances must be a square table of finite numbers >= 0, a row and a '
            f'column for each class, got {table!r}'
        )
    return found
