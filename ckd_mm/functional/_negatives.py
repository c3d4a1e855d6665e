"""Which rows are an anchor's positives, and which are none of its negatives.

Shape suffixes: B rows on this rank, G rows on all ranks.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = [
    'LeftOut',
    'check_image_index',
    'check_one_rank',
    'class_means',
    'positive_means',
    'single_rows',
]


@dataclass(frozen=True)
class LeftOut:
    """The candidates that are not negatives of an anchor, its match possibly included.

    Args:
        classes: The classes of the anchors (B,) and of the candidates (G,). Candidates
            of the anchor's class are left out.
        images: The images of the anchors (B,) and of the candidates (G,). Candidates of
            other images are left out.
    """

    classes: tuple[Tensor, Tensor] | None = None
    images: tuple[Tensor, Tensor] | None = None

    def mask(self, rows: slice = slice(None), columns: slice = slice(None)) -> Tensor:
        """True where a candidate is left out, for a block of anchors by candidates."""
        masks = []
        if self.classes is not None:
            anchors_B, candidates_G = self.classes
            masks.append(anchors_B[rows, None] == candidates_G[columns])
        if self.images is not None:
            anchors_B, candidates_G = self.images
            masks.append(anchors_B[rows, None] != candidates_G[columns])
        return masks[0] if len(masks) == 1 else masks[0] | masks[1]


def single_rows(labels: Tensor, background: int | None, first: int) -> Tensor:
    """Labels (N,) in which each background row has a class of its own, below 0.

    Args:
        labels: Class indices (N,).
        background: The label of background; None: there is none.
        first: The number of rows that other ranks have before these.
    """
    if background is None:
        return labels
    number_N = torch.arange(first, first + len(labels), device=labels.device)
    return torch.where(labels == background, -1 - number_N, labels)


def class_means(
    candidates_GC: Tensor, labels_G: Tensor, matches_BC: Tensor, labels_B: Tensor
) -> Tensor:
    """The mean of the candidates of each anchor's class (B, C).

    A label below 0, or above the number C of logits, is a class of one row.

    Args:
        candidates_GC: The candidates.
        labels_G: Their class indices.
        matches_BC: The candidates that match the anchors, which are among them.
        labels_B: Their class indices.
    """
    last = matches_BC.shape[1]  # C classes, and one for background beside them
    class_K = torch.arange(last + 1, device=labels_G.device)
    members_KG = (class_K[:, None] == labels_G).to(candidates_GC.dtype)
    counts_K1 = members_KG.sum(dim=1, keepdim=True).clamp_min(1)
    means_KC = (members_KG / counts_K1) @ candidates_GC
    is_class_B1 = ((labels_B >= 0) & (labels_B <= last))[:, None]
    return torch.where(is_class_B1, means_KC[labels_B.clamp(0, last)], matches_BC)


def positive_means(
    candidates_BC: Tensor, labels_B: Tensor, match_counts: bool
) -> tuple[Tensor, Tensor]:
    """The mean of each anchor's positives (B, C), and whether it has any (B,).

    Unlike :func:`class_means` it compares all pairs of rows, so labels may be any
    integers, of more classes than there are channels.

    Args:
        candidates_BC: The candidates; the match of anchor i is candidate i.
        labels_B: Their classes, which are those of the anchors.
        match_counts: Whether the match is among the positives.
    """
    is_positive_BB = labels_B[:, None] == labels_B
    if not match_counts:
        is_positive_BB.fill_diagonal_(False)
    shares_BB = is_positive_BB.to(candidates_BC.dtype)
    counts_B1 = shares_BB.sum(dim=1, keepdim=True)
    means_BC = (shares_BB / counts_B1.clamp_min(1)) @ candidates_BC
    return means_BC, counts_B1[:, 0] > 0


def check_image_index(image_index: Tensor, num_rows: int) -> None:
    """Check that each row has one image.

    Raises:
        ValueError: `image_index` has another shape.
    """
    if image_index.shape != (num_rows,):
        raise ValueError(
            f'image_index must be (B,) for {num_rows} rows, got '
            f'{tuple(image_index.shape)}; give the number of the image of each row'
        )


def check_one_rank(gather_distributed: bool) -> None:
    """Check that negatives of the same image do not come from other ranks.

    Raises:
        ValueError: The rows of all ranks are gathered.
    """
    if gather_distributed:
        raise ValueError(
            'negatives of one image and gather_distributed=True exclude each other, '
            'because every rank has other images; leave out one of the two'
        )
