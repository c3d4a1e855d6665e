"""FGD's focal part for all levels at once, and the masks of all levels and images.

Small operators on each level and image would be most of the loss's launches.

Shape suffixes beside the package's: G the most boxes of an image, L levels, P the
H W positions of a level, S the most rows or columns of a level.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from ckd_mm.functional._boxes import check_boxes
from ckd_mm.functional._inputs import check_maps
from ckd_mm.functional._squares import squares
from ckd_mm.functional._upcast import wide_dtype

__all__ = ['focal_sum', 'foregrounds', 'inverse_count']

Size = tuple[int, int]

# Left and above of every map, so that a box that only pads covers nothing.
_NOWHERE = -1e6


def focal_sum(
    students: Sequence[Tensor],
    teachers: Sequence[Tensor],
    boxes: Sequence[Tensor],
    image_size: Size,
    *,
    foreground_weight: float,
    background_weight: float,
    attention_weight: float,
    temperature: float,
) -> Tensor:
    """The sum over levels, images, channels and positions, see `fgd_focal_loss`.

    Raises:
        ValueError: As `fgd_focal_loss`.
    """
    for student, teacher in zip(students, teachers, strict=True):
        check_maps(student, teacher)
    sizes = [(maps.shape[2], maps.shape[3]) for maps in students]
    dtype = wide_dtype(students[0], teachers[0])
    check_boxes(boxes, len(students[0]))
    masks = foregrounds(sizes, boxes, image_size, students[0].device, dtype)
    values = []
    for student, teacher, mask_NHW in zip(students, teachers, masks, strict=True):
        mask_NP = mask_NHW.flatten(1)
        share_N1 = background_weight * inverse_count(mask_NP == 0, dtype)
        weights_NP = torch.where(mask_NP == 0, share_N1, foreground_weight * mask_NP)
        own = _attention(student, temperature, dtype)
        wanted = _attention(teacher.detach(), temperature, dtype)
        squares_NC = squares(student, teacher, weights_NP * wanted[0])
        values += [
            (squares_NC * wanted[1]).sum() * (mask_NP.shape[1] * student.shape[1]),
            *(
                (first - second).norm(p=1) * (attention_weight * first.shape[1])
                for first, second in zip(own, wanted, strict=True)
            ),
        ]
    return torch.stack(values).sum()


def foregrounds(
    sizes: Sequence[Size],
    boxes: Sequence[Tensor],
    image_size: Size,
    device: torch.device,
    dtype: torch.dtype,
) -> list[Tensor]:
    """The foreground mask (N, H, W) of each level, see `fgd_masks`."""
    num_images = len(boxes)
    if not any(len(of_image) for of_image in boxes):
        return [
            torch.zeros((num_images, *size), device=device, dtype=dtype)
            for size in sizes
        ]
    boxes_NG4 = pad_sequence(list(boxes), batch_first=True, padding_value=_NOWHERE).to(
        dtype
    )
    ends_NG22 = boxes_NG4.unflatten(2, (2, 2))  # first and last; x and y
    scaled = torch.stack(
        [
            ends_NG22[..., 1 - axis] * size[axis] / image_size[axis]
            for axis in (0, 1)
            for size in sizes
        ]
    )
    first, last = scaled[..., 0].floor(), scaled[..., 1].ceil()
    positions_S = torch.arange(max(map(max, sizes)), device=device)
    covered = (positions_S >= first[..., None]) & (positions_S <= last[..., None])
    rows_LNGS, columns_LNGS = covered.to(dtype).chunk(2)
    share_LNG = 1 / (last - first + 1).unflatten(0, (2, len(sizes))).prod(dim=0)
    rows_LNGS = rows_LNGS * share_LNG[..., None]
    return [
        (rows[:, :, :height, None] * columns[:, :, None, :width]).amax(dim=1)
        for rows, columns, (height, width) in zip(
            rows_LNGS, columns_LNGS, sizes, strict=True
        )
    ]


def inverse_count(is_counted_NP: Tensor, dtype: torch.dtype) -> Tensor:
    """One divided by the number of positions of each image (N, 1); at least one."""
    return 1 / is_counted_NP.sum(dim=1, keepdim=True, dtype=dtype).clamp_min(1)


def _attention(
    maps_NCHW: Tensor, temperature: float, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """Shares of the positions (N, P) and of the channels (N, C), each summing to 1."""
    positions_NP, channels_NC = _AbsoluteSums.apply(maps_NCHW, dtype)
    num_channels, num_positions = channels_NC.shape[1], positions_NP.shape[1]
    return (
        (positions_NP / (num_channels * temperature)).softmax(dim=1),
        (channels_NC / (num_positions * temperature)).softmax(dim=1),
    )


class _AbsoluteSums(torch.autograd.Function):
    """Sums of absolute values over channels (N, P) and over positions (N, C)."""

    @staticmethod
    def forward(
        ctx: Any, maps_NCHW: Tensor, dtype: torch.dtype
    ) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(maps_NCHW)
        maps_NCP = maps_NCHW.flatten(2)
        positions_NP, channels_NC = (
            torch.linalg.vector_norm(maps_NCP, ord=1, dim=dim, dtype=dtype)
            for dim in (1, 2)
        )
        return positions_NP, channels_NC

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (maps_NCHW,) = ctx.saved_tensors
        of_positions_NP, of_channels_NC = gradients
        gradient = of_positions_NP[:, None] + of_channels_NC[:, :, None]
        gradient = gradient.reshape(maps_NCHW.shape).mul_(maps_NCHW.sgn())
        return gradient.to(maps_NCHW.dtype), None
