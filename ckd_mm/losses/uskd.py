"""USKD as a registered loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from torch import Tensor, nn

from ckd_mm.checks import non_negative, one_of
from ckd_mm.functional import uskd_loss
from ckd_mm.functional._upcast import upcast
from ckd_mm.functional.uskd import RankBy
from ckd_mm.losses._levels import Maps, levels_of, shapes
from ckd_mm.losses._takes import Takes
from ckd_mm.registry import LOSSES

__all__ = ['USKDLoss']

RANKS: tuple[RankBy, ...] = ('probability', 'log')


@LOSSES.register_module()
class USKDLoss(nn.Module):
    """Soft labels of the student itself, see :func:`ckd_mm.functional.uskd_loss`.

    There is no teacher. A weak head, one linear layer behind the pooled output of a
    middle layer, helps to rank the classes. It is trained along with the student, and
    its loss reaches the student up to that layer. The defaults are the authors' for
    ImageNet; for CIFAR-100 they take 0.1 for alpha, beta and mu.

    Args:
        student_channels: The number of classes, and the channels of the middle layer.
        alpha: Weight of the soft label of the target.
        beta: Weight of those of the other classes.
        mu: Weight of the weak head's cross-entropy with smoothed labels.
        rank_by: 'probability' as in the paper, or 'log' as in the authors' code.
        loss_weight: Multiplies the loss; 0 only monitors.

    Raises:
        ValueError: An argument is out of its range.

    Examples:
        >>> import torch
        >>> from ckd_mm.losses import USKDLoss
        >>> loss = USKDLoss(student_channels=(10, 8))
        >>> student = torch.randn(2, 10), torch.randn(2, 8, 14, 14)
        >>> loss(student, torch.tensor([3, 7])).shape
        torch.Size([])
    """

    takes: ClassVar[Takes] = 'logits and layer'

    def __init__(
        self,
        student_channels: Sequence[int],
        alpha: float = 1.0,
        beta: float = 0.1,
        mu: float = 0.005,
        rank_by: RankBy = 'probability',
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        num_classes, channels = _both(student_channels)
        self.weak = nn.Linear(channels, num_classes)
        self.alpha = non_negative('alpha', alpha)
        self.beta = non_negative('beta', beta)
        self.mu = non_negative('mu', mu)
        self.rank_by = one_of('rank_by', rank_by, RANKS)
        self.loss_weight = non_negative('loss_weight', loss_weight)

    def forward(self, student: Maps, target: Tensor) -> Tensor:
        """The weighted loss, of shape ().

        Args:
            student: Logits (B, C), and the output of a middle layer: a map
                (B, D, H, W), of which the mean over positions is taken, or rows (B, D).
            target: Class indices (B,), or soft labels (B, C).

        Raises:
            ValueError: They do not have these shapes.
        """
        logits, layer = self._checked(student)
        with upcast([(layer, logits)]) as (wide,):
            rows = wide.mean(dim=(2, 3)) if wide.ndim == 4 else wide
            weak = self.weak(rows)
        return self.loss_weight * uskd_loss(
            logits,
            weak,
            target,
            alpha=self.alpha,
            beta=self.beta,
            mu=self.mu,
            rank_by=self.rank_by,
        )

    def _checked(self, student: Maps) -> tuple[Tensor, Tensor]:
        found = levels_of(student)
        both = self.weak.out_features, self.weak.in_features
        dimensions = [level.ndim for level in found]
        if dimensions not in ([2, 2], [2, 4]) or both != tuple(
            level.shape[1] for level in found
        ):
            raise ValueError(
                f'student must be logits (B, {both[0]}), and a map (B, {both[1]}, H, W)'
                f' or rows (B, {both[1]}) of a middle layer, got {shapes(found)}; give '
                "on=['logits', 'module:backbone.layer3'], of a ViT "
                "on=['logits', dict(part='tokens', blocks=[-4])]"
            )
        return found[0], found[1]


def _both(channels: Sequence[int]) -> tuple[int, int]:
    is_pair = isinstance(channels, (list, tuple)) and len(channels) == 2
    if not is_pair or not all(type(one) is int and one >= 1 for one in channels):
        raise ValueError(
            'student_channels must be left out where on= names logits and a middle '
            "layer, as on=['logits', 'module:backbone.layer3'] does, or be two "
            'integers >= 1, the number of classes and the channels of that layer, got '
            f'{channels!r}'
        )
    return channels[0], channels[1]
