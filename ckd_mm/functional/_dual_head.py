"""The second head of DHO and its mixture with the first; of the loss and of a model.

Shape suffixes: B rows, D channels of the embedding, C classes.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ckd_mm.functional._vectors import unit_vectors

__all__ = ['log_mixture', 'second_logits']


def second_logits(layer: nn.Module, rows_BD: Tensor, scale: float | None) -> Tensor:
    """Logits (B, C) of a linear layer on the embedding.

    Args:
        layer: The layer.
        rows_BD: The embeddings.
        scale: Multiplies the layer's output for embeddings of length 1; `None` takes
            the embeddings as they are.
    """
    if scale is None:
        return layer(rows_BD)
    return scale * layer(unit_vectors(rows_BD))


def log_mixture(
    first_BC: Tensor, second_BC: Tensor, mixture: float, temperature: float
) -> Tensor:
    r"""The logarithm (B, C) of a mixture of two softmaxes, whose softmax it is as well.

    .. math::
        \log \bigl( a \, \mathrm{softmax}(u) + (1 - a) \, \mathrm{softmax}(v / b)
        \bigr)

    Args:
        first_BC: Logits u.
        second_BC: Logits v.
        mixture: a, from 0 to 1; 1 is the first alone.
        temperature: b > 0, of the second.
    """
    found = [
        math.log(share) + F.log_softmax(logits.float(), dim=1)
        for share, logits in (
            (mixture, first_BC),
            (1 - mixture, second_BC / temperature),
        )
        if share > 0
    ]
    return torch.stack(found).logsumexp(dim=0)
