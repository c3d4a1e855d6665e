"""What a loss compares, which is matched with what an `on` gives before training."""

from __future__ import annotations

from typing import Literal, TypeAlias

__all__ = ['Takes']

Takes: TypeAlias = Literal['distribution', 'rows', 'maps', 'rows or maps']
"""What a loss takes of both models.

`'distribution'`: rows of class logits (B, C), compared as distributions over the
classes, as a softmax makes them: a constant added to a row changes nothing. So they are
not for logits of which each is a probability by itself (sigmoid).
`'rows'`: any rows (B, D), which are compared as they are.
`'maps'`: feature maps (N, C, H, W), of one level or a list of several.
`'rows or maps'`: either.
"""
