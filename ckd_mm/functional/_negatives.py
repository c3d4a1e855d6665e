"""Which rows a contrastive loss leaves out of an anchor's negatives.

Shape suffixes: B rows on this rank, G rows on all ranks.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

__all__ = ['LeftOut', 'check_image_index', 'check_one_rank']


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
