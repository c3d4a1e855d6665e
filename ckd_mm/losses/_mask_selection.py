"""ACAM-KD's masks: chosen from the student's features as the teacher asks for them.

Shape suffixes beside the package's: M masks, P the positions of the teacher's map, K
the pooled positions of the student's, D channels of the teacher, E half as many.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ckd_mm.functional._recomputed import recomputed
from ckd_mm.functional._sizes import pooled_below

__all__ = ['MaskSelection']

_MOST_SCORES = 2**23
"""The largest number of attention scores that is computed at once: 32 MiB."""


class MaskSelection(nn.Module):
    """Masks of channels and of positions, from cross-attention of both models' maps.

    The attended maps are only needed in their mean over positions and in their products
    with the vector of each mask, so they are never made: values are multiplied by the
    vectors first, and shares are summed over the queries. Shares are computed in
    blocks of queries, and again in the backward pass.

    Args:
        student_width: Channels of the student's maps.
        teacher_width: Channels of the teacher's maps.
        num_masks: Number of masks of either kind.
        max_keys: Largest number of positions of the student's map; a larger map is
            average-pooled.
    """

    def __init__(
        self, student_width: int, teacher_width: int, num_masks: int, max_keys: int
    ) -> None:
        super().__init__()
        self.max_keys = max_keys
        inner = max(teacher_width // 2, 1)
        self.query = nn.Linear(teacher_width, inner)
        self.key = nn.Linear(student_width, inner, bias=False)  # changes no softmax
        self.value = nn.Linear(student_width, teacher_width)
        self.channel = nn.Parameter(torch.randn(num_masks))
        vectors = torch.randn(num_masks, teacher_width)
        self.spatial = nn.Parameter(vectors / teacher_width**0.5)

    def forward(
        self, student_NCHW: Tensor, teacher_NDHW: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The masks of channels (N, M, D) and of positions (N, M, P)."""
        tokens_NKC = _tokens(pooled_below(student_NCHW, self.max_keys))
        key_NKE, value_NKD = self.key(tokens_NKC), self.value(tokens_NKC)
        by_mask_NKM = value_NKD @ self.spatial.T
        queries_NPD = _tokens(teacher_NDHW)
        shares_NK, logits = torch.zeros_like(key_NKE[..., 0]), []
        size = max(_MOST_SCORES // max(key_NKE[..., 0].numel(), 1), 1)
        for block_NBD in queries_NPD.split(size, dim=1):
            found = recomputed(self._attend, block_NBD, key_NKE, by_mask_NKM)
            logits.append(found[0])
            shares_NK = shares_NK + found[1]
        means_ND = (shares_NK[:, None] @ value_NKD)[:, 0] / queries_NPD.shape[1]
        spatial_NMP = torch.cat(logits, dim=1).mT.sigmoid()
        return (self.channel[:, None] * means_ND[:, None]).sigmoid(), spatial_NMP

    def _attend(
        self, block_NBD: Tensor, key_NKE: Tensor, by_mask_NKM: Tensor, *, again: bool
    ) -> tuple[Tensor, Tensor]:
        """The logits (N, B, M) of some positions, and the shares (N, K) they give."""
        query_NBE = self.query(block_NBD) * key_NKE.shape[2] ** -0.5
        shares_NBK = (query_NBE @ key_NKE.mT).softmax(dim=2)
        return shares_NBK @ by_mask_NKM, shares_NBK.sum(dim=1)


def _tokens(maps: Tensor) -> Tensor:
    return maps.flatten(2).transpose(1, 2)
