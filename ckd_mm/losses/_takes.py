"""What a loss compares. Before training it is matched with what an `on` gives."""

from __future__ import annotations

from typing import Literal, TypeAlias

__all__ = ['Takes']

Takes: TypeAlias = Literal[
    'distribution',
    'sigmoid',
    'boxes',
    'box deltas',
    'rows',
    'maps',
    'rows or maps',
    'map and logits',
    'logits and layer',
]
"""What a loss takes from both models.

* `'distribution'`: rows of class logits (B, C), compared as softmax distributions over
  the classes: a constant added to a row changes nothing. Such a loss does not fit
  sigmoid logits, each of which is a probability by itself.
* `'sigmoid'`: rows of class logits (B, C) of a sigmoid per class, compared as such.
* `'boxes'`: boxes (P, 4), x1, y1, x2, y2.
* `'box deltas'`: what a head gives of a box beside its anchor or RoI, (P, 4).
* `'rows'`: any rows (B, D), compared as they are.
* `'maps'`: feature maps (N, C, H, W), of one level or a list of several.
* `'rows or maps'`: either.
* `'map and logits'`: one feature map of the student, and rows of class logits of the
  teacher, as `on=dict(student='backbone.layer3', teacher='logits')` gives them.
"""
