"""A classifier of two heads, whose probabilities are mixed.

It is a subclass of MMPretrain's, so `dual_head.py` imports it when it is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmpretrain.models.heads import ClsHead
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from ckd_mm.functional._dual_head import log_mixture, second_logits

__all__ = ['DualHead']


class DualHead(ClsHead):
    """See :func:`ckd_mm.models.dual_head`."""

    def __init__(
        self,
        head: Mapping[str, Any] | nn.Module,
        in_channels: int,
        num_classes: int,
        mixture: float = 0.5,
        mixture_temperature: float = 0.5,
        scale: float | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.head: Any = head if isinstance(head, nn.Module) else MODELS.build(head)
        self.linear = nn.Linear(in_channels, num_classes)
        self.in_channels, self.num_classes = in_channels, num_classes
        self.mixture, self.mixture_temperature = mixture, mixture_temperature
        self.scale = scale

    def pre_logits(self, feats: Any) -> Tensor:
        """The embedding (B, D), which both linear layers get."""
        return self.head.pre_logits(feats)

    def forward(self, feats: Any) -> Tensor:
        """The logarithm of the mixed probabilities (B, C)."""
        second = second_logits(self.linear, self.pre_logits(feats), self.scale)
        return log_mixture(
            self.head(feats), second, self.mixture, self.mixture_temperature
        )
