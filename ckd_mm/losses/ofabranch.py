"""OFA's branch at a stage of the student as a registered loss."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from ckd_mm.checks import integer, non_negative, one_of, positive, positive_integer
from ckd_mm.functional import ofa_loss
from ckd_mm.functional._rows import Reduction
from ckd_mm.functional._upcast import upcast
from ckd_mm.losses._branches import HEADS, STAGES, ConvolutionBranch, TokenBranch
from ckd_mm.losses._levels import Maps
from ckd_mm.losses._takes import Takes
from ckd_mm.registry import LOSSES

__all__ = ['OFABranchLoss']

KINDS = ('convolutions', 'tokens')


@LOSSES.register_module()
class OFABranchLoss(nn.Module):
    """A classifier at a stage of the student, which learns the teacher's logits.

    The loss is :func:`ckd_mm.functional.ofa_loss` of the logits of a small branch
    behind the student's map. The branch is trained along with the student and stays out
    of its checkpoint. "One-for-All: Bridge the Gap Between Heterogeneous Architectures
    in Knowledge Distillation", arXiv:2310.19444, has a branch at each of four stages
    beside :class:`OFALoss` on the logits, with a weight of 1 each. A teacher of any
    family does, as nothing but its logits is compared.

    The authors' code has no licence: the layers follow its description, none was taken.
    It differs for ViTs with a class token, of which the authors' branch reads this
    token behind its blocks; here it is the mean of the patches, theirs for students
    without such a token. Their sizes are fixed to images of 224 pixels.

    Args:
        student_channels: Channels of the student's map.
        teacher_channels: The number of classes.
        stage: Which quarter of the student the map ends, 1 to 4.
        branch: 'convolutions' for CNNs: 4 - stage separable blocks of stride 2, in
            stage 4 a 1 x 1 convolution. 'tokens' for the patches of a ViT or an MLP:
            merged patches, then max(4 - stage, 1) transformer blocks of 4 heads.
        width: Channels behind the convolutions. The authors take the width of the
            student's or of the teacher's last stage, whichever is larger; `None`
            doubles the channels in each block.
        num_merges: How often 2 x 2 tokens are merged. The authors halve the grid as
            long as it stays at least 7 x 7: once for patches of 16 in 224 pixels.
        epsilon: As for :class:`OFALoss`.
        temperature: As there.
        loss_weight: Multiplies the loss; 0 only monitors.

    Raises:
        ValueError: An argument is out of its range.

    Examples:
        >>> import torch
        >>> from ckd_mm.losses import OFABranchLoss
        >>> loss = OFABranchLoss(student_channels=8, teacher_channels=10, stage=3)
        >>> target = torch.tensor([3, 7])
        >>> loss(torch.randn(2, 8, 14, 14), torch.randn(2, 10), target).shape
        torch.Size([])
    """

    takes: ClassVar[Takes] = 'map and logits'

    def __init__(
        self,
        student_channels: int,
        teacher_channels: int,
        stage: int,
        branch: str = 'convolutions',
        width: int | None = None,
        num_merges: int = 1,
        epsilon: float = 1.0,
        temperature: float = 1.0,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        self.student_channels = positive_integer('student_channels', student_channels)
        self.teacher_channels = positive_integer('teacher_channels', teacher_channels)
        self.stage = _stage(stage)
        self.epsilon = positive('epsilon', epsilon)
        self.temperature = positive('temperature', temperature)
        self.loss_weight = non_negative('loss_weight', loss_weight)
        integer('num_merges', num_merges, least=0)
        if width is None:
            width = student_channels * 2 ** (STAGES - stage)
        positive_integer('width', width)
        self.branch: nn.Module
        if one_of('branch', branch, KINDS) == 'tokens':
            _check_heads(student_channels)
            self.branch = TokenBranch(
                student_channels, teacher_channels, stage, num_merges
            )
        else:
            self.branch = ConvolutionBranch(
                student_channels, teacher_channels, stage, width
            )

    def forward(
        self,
        student: Maps,
        teacher: Tensor,
        target: Tensor,
        reduction: Reduction = 'mean',
    ) -> Tensor:
        """The weighted loss, of shape (), or of each row.

        Args:
            student: A map (N, D, H, W), or a list of this one; gets the gradient, and
                so does the branch.
            teacher: Logits (N, C); detached here.
            target: Class indices (N,), or soft labels (N, C).

        Raises:
            ValueError: They do not have these shapes.
        """
        maps = self._map(student)
        with upcast([(maps, teacher)]) as (wide,):
            logits = self.branch(wide)
        return self.loss_weight * ofa_loss(
            logits,
            teacher,
            target,
            epsilon=self.epsilon,
            temperature=self.temperature,
            reduction=reduction,
        )

    def _map(self, student: Maps) -> Tensor:
        levels = [student] if isinstance(student, Tensor) else [*student]
        found = [tuple(level.shape) for level in levels]
        if [shape[1:2] for shape in found] != [(self.student_channels,)] or any(
            len(shape) != 4 for shape in found
        ):
            raise ValueError(
                f'student must be one map (N, {self.student_channels}, H, W), as '
                f'student_channels says, got {found}; compare the output of one stage, '
                "with on=dict(student='backbone.layer3', teacher='logits')"
            )
        return levels[0]


def _stage(value: int) -> int:
    integer('stage', value, least=1)
    if value > STAGES:
        raise ValueError(f'stage must be a stage from 1 to {STAGES}, got {value!r}')
    return value


def _check_heads(channels: int) -> None:
    if channels % HEADS:
        raise ValueError(
            f"branch='tokens' has attention of {HEADS} heads, so student_channels must "
            f'be a multiple of {HEADS}, got {channels!r}; take another map'
        )
