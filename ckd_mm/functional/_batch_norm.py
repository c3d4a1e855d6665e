"""BatchNorm that takes a single value per channel, for all modules that are learned."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ['BatchNorm']


class BatchNorm(nn.BatchNorm2d):
    """Uses the running statistics for an input with one value per channel.

    The last batch of an epoch can be a single image. Its pooled embedding has one value
    per channel, for which `BatchNorm2d` raises an error.
    """

    def forward(self, input: Tensor, *, again: bool = False) -> Tensor:
        """Normalise; `again` says that these statistics are counted already."""
        if input.numel() <= self.num_features:
            return self._normalised(input, training=False)
        if again:
            return self._normalised(input, training=self.training)
        return super().forward(input)

    def _normalised(self, input: Tensor, training: bool) -> Tensor:
        """What the forward gives, without counting the input."""
        return F.batch_norm(
            input,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            training=training,
            momentum=0.0,
            eps=self.eps,
        )
