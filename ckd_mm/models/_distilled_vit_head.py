"""The head of a distilled ViT, whose two classifiers are trained apart from each other.

It is a subclass of MMPretrain's, so `distilled_vit_head.py` imports it when it is used.
"""

from __future__ import annotations

from typing import Any

from mmpretrain.models.heads import DeiTClsHead
from torch import Tensor

__all__ = ['DistilledViTHead']


class DistilledViTHead(DeiTClsHead):
    """See :func:`ckd_mm.models.distilled_vit_head`."""

    def forward(self, feats: Any) -> Tensor:
        """Class logits (B, C): in training those of the class token, else the mean.

        In training the other classifier runs as well, so that a term can read it.
        """
        cls_token, dist_token = self.pre_logits(feats)
        of_class = self.layers.head(cls_token)
        of_teacher = self.layers.head_dist(dist_token)
        return of_class if self.training else (of_class + of_teacher) / 2
