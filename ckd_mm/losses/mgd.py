"""MGD as a registered loss."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from ckd_mm.checks import fraction, non_negative, one_of
from ckd_mm.functional import mgd_loss
from ckd_mm.losses._connectors import Channels, over_pairs, pairs, widths
from ckd_mm.losses._levels import Maps
from ckd_mm.losses._takes import Takes
from ckd_mm.registry import LOSSES

__all__ = ['MGDLoss']


@LOSSES.register_module()
class MGDLoss(nn.Module):
    """Generate the teacher's feature maps from the student's masked ones.

    For each level, a random part of the student's map is set to 0. Two 3 x 3
    convolutions with a ReLU between them, trained along with the student, then generate
    the teacher's whole map; see :func:`ckd_mm.functional.mgd_loss`. If the widths
    differ, a 1 x 1 convolution comes first. The losses of the levels are summed.

    "Masked Generative Distillation", arXiv:2205.01529. It equals the authors' code
    except for the random numbers.

    The masks come from a separate generator, so the student draws the same random
    numbers with and without the loss. The seed is the number of the step, which is
    saved with the parameters: a resumed run draws the masks of an uninterrupted one.
    All ranks draw the same masks.

    Args:
        student_channels: Number of channels of the student's level, or a list with one
            number per level.
        teacher_channels: The same for the teacher.
        mask_ratio: Average share that is masked; from 0 to below 1. The authors use
            0.65 (one-stage), 0.45 (two-stage), 0.15 (ImageNet).
        masked: 'positions' masks the same positions in all channels; 'channels' masks
            whole channels, as the authors' code does on ImageNet.
        loss_weight: Multiplies the loss, which is a sum over channels and positions.
            The authors use 2e-5 (one-stage), 5e-7 (two-stage), 7e-5 (ImageNet). 0 only
            monitors.

    Raises:
        ValueError: An argument is out of its range.

    Examples:
        >>> import torch
        >>> from ckd_mm.losses import MGDLoss
        >>> loss = MGDLoss(student_channels=8, teacher_channels=32)
        >>> loss(torch.randn(2, 8, 6, 6), torch.randn(2, 32, 6, 6)).shape
        torch.Size([])
    """

    takes: ClassVar[Takes] = 'rows or maps'

    def __init__(
        self,
        student_channels: Channels,
        teacher_channels: Channels,
        mask_ratio: float = 0.65,
        masked: Literal['positions', 'channels'] = 'positions',
        loss_weight: float = 2e-5,
    ) -> None:
        super().__init__()
        self.widths = widths(student_channels, teacher_channels)
        self.mask_ratio = fraction('mask_ratio', mask_ratio)
        self.masked = one_of('masked', masked, ('positions', 'channels'))
        self.generators = nn.ModuleList(
            _Generator(student_width, teacher_width)
            for student_width, teacher_width in self.widths
        )
        self.num_steps = 0
        self.loss_weight = non_negative('loss_weight', loss_weight)

    def forward(self, student: Maps, teacher: Maps) -> Tensor:
        """The weighted loss, of shape ()."""
        found = pairs(student, teacher, self.widths)
        random = torch.Generator(found[0][0].device).manual_seed(self.num_steps)
        self.num_steps += 1

        def loss(generator: _Generator, student: Tensor, teacher: Tensor) -> Tensor:
            mask = self._mask(student, teacher.shape[1], random)
            return mgd_loss(generator(student, mask), teacher)

        return self.loss_weight * over_pairs(loss, self.generators, found).sum()

    def _mask(self, maps: Tensor, channels: int, random: torch.Generator) -> Tensor:
        """True for what stays and False for the rest, for maps (N, channels, H, W)."""
        images, _, height, width = maps.shape
        shape = (images, 1, height, width)
        if self.masked == 'channels':
            shape = (images, channels, 1, 1)
        noise = torch.rand(shape, generator=random, device=maps.device)
        return noise >= self.mask_ratio

    def get_extra_state(self) -> Tensor:
        """The number of steps, for the state dict."""
        return torch.tensor(self.num_steps)

    def set_extra_state(self, state: Tensor) -> None:
        """Continue from the number of steps in a state dict."""
        self.num_steps = int(state)


class _Generator(nn.Module):
    """Masks the student's maps and generates the teacher's from them."""

    def __init__(self, student_width: int, teacher_width: int) -> None:
        super().__init__()
        self.align = (
            nn.Identity()
            if student_width == teacher_width
            else nn.Conv2d(student_width, teacher_width, 1)
        )
        self.generate = nn.Sequential(
            nn.Conv2d(teacher_width, teacher_width, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.Conv2d(teacher_width, teacher_width, kernel_size=3, padding=1),
        )

    def forward(self, maps: Tensor, mask: Tensor) -> Tensor:
        return self.generate(self.align(maps) * mask)
