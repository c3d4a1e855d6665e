"""The neck of a student that uses its teacher's classifier (SimKD)."""

from __future__ import annotations

from collections.abc import Sequence

from mmengine.registry import MODELS
from torch import Tensor, nn

from ckd_mm.functional._batch_norm import BatchNorm
from ckd_mm.functional._sizes import pooled_to

__all__ = ['SimKDNeck']

Size = tuple[int, int]


@MODELS.register_module()
class SimKDNeck(nn.Module):
    """Brings the last map to the teacher's width, then takes its mean.

    The projector of "Knowledge Distillation with the Reused Teacher Classifier",
    arXiv:2203.14001: convolutions 1 x 1, 3 x 3 and 1 x 1 without bias, each followed by
    BatchNorm and ReLU. :class:`ckd_mm.losses.SimKDLoss` trains it, and
    `tools/export_student.py` writes it into the config of the student.

    Args:
        in_channels: Channels of the student's last map.
        out_channels: Channels of the teacher's.
        reduction: The middle convolution has `out_channels // reduction` channels, at
            least one.
        sizes: Height and width of the last map of student and teacher, as seen in
            training. Where the student's is the longer, it is average-pooled by the
            ratio of both before the projector. `None` pools nothing.

    Examples:
        >>> import torch
        >>> from ckd_mm.models import SimKDNeck
        >>> neck = SimKDNeck(8, 32, sizes=((8, 8), (4, 4)))
        >>> [tuple(output.shape) for output in neck((torch.zeros(2, 8, 8, 8),))]
        [(2, 32)]
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        reduction: int = 2,
        sizes: Sequence[Sequence[int]] | None = None,
    ) -> None:
        super().__init__()
        middle = max(out_channels // reduction, 1)
        self.projector = nn.Sequential(
            *_layer(in_channels, middle, 1),
            *_layer(middle, middle, 3),
            *_layer(middle, out_channels, 1),
        )
        self.sizes = sizes

    def forward(self, inputs: Tensor | Sequence[Tensor]) -> tuple[Tensor]:
        """The pooled projection (N, D) of the last map, as the neck of a classifier."""
        maps = inputs if isinstance(inputs, Tensor) else inputs[-1]
        return (self.project(maps).mean(dim=(2, 3)),)

    def project(self, maps: Tensor) -> Tensor:
        """The map (N, D, h, w) of the teacher's width."""
        size = _pooled_size((maps.shape[2], maps.shape[3]), self.sizes)
        return self.projector(pooled_to(maps, size))


def _layer(in_channels: int, out_channels: int, kernel: int) -> list[nn.Module]:
    padding = kernel // 2
    return [
        nn.Conv2d(in_channels, out_channels, kernel, padding=padding, bias=False),
        BatchNorm(out_channels),
        nn.ReLU(),
    ]


def _pooled_size(size: Size, sizes: Sequence[Sequence[int]] | None) -> Size:
    """The size to pool to, at the ratio of the sizes in training, by axis."""
    if sizes is None:
        return size
    height, width = (
        max(round(length * teacher / student), 1) if teacher < student else length
        for length, student, teacher in zip(size, *sizes, strict=True)
    )
    return height, width
