"""The rows of the losses that read the student alone.

The battery's teacher stands for the student's middle layer, without gradient.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from .connector_row import PERMUTATION, ConnectorRow
from .modules import build_with_weights
from .references_alone import reference_uskd
from .row import Mismatch, bad_numbers

__all__ = ['ALONE_ROWS', 'Joined']

ARGUMENTS = {'student_channels': (5, 4)}
LAYER = (4, 3, 2)
WRONG = (
    'student must be logits (B, 5), and a map (B, 4, H, W) or rows (B, 4) of a middle '
    "layer, got {}; give on=['logits', 'module:backbone.layer3'], of a ViT "
    "on=['logits', dict(part='tokens', blocks=[-4])]"
)


class Joined(nn.Module):
    """A loss that gets both values of the student as one."""

    def __init__(self, loss: nn.Module) -> None:
        super().__init__()
        self.loss = loss

    def forward(self, student: Tensor, teacher: Tensor, target: Tensor) -> Tensor:
        value: Tensor = self.loss((student, teacher.detach()), target)
        return value


@dataclass(frozen=True)
class AloneFunction:
    """The loss itself as a function of the batch, or a reference of it."""

    class_name: str
    compute: Callable[..., Tensor] = nn.Module.__call__

    def __call__(self, student: Tensor, *others: Any, **kwargs: Any) -> Tensor:
        wide = student.dtype == torch.float64
        dtype = torch.float64 if wide else torch.float32
        config = {'loss_weight': 1.0, **ARGUMENTS, **kwargs}
        loss = build_with_weights(self.class_name, dtype, **config)
        return self.compute(Joined(loss), student, *others)


class AloneRow(ConnectorRow):
    """A row of such a loss."""

    def build(self, **config: Any) -> Joined:
        return Joined(super().build(**config))


ALONE_ROWS = (
    AloneRow(
        class_name='USKDLoss',
        function=AloneFunction('USKDLoss'),
        reference=AloneFunction('USKDLoss', reference_uskd),
        arguments=ARGUMENTS,
        rest=(5,),
        teacher_rest=LAYER,
        defaults={'alpha': 1.0, 'beta': 0.1, 'mu': 0.005, 'rank_by': 'probability'},
        kwargs_sets=(
            {},
            {'alpha': 0.3, 'beta': 2.0, 'mu': 0.7},
            {'beta': 1.0, 'rank_by': 'log'},
        ),
        invariances=PERMUTATION,
        refused=(
            *bad_numbers('alpha'),
            *bad_numbers('beta'),
            *bad_numbers('mu'),
            *({'rank_by': bad} for bad in ('logit', None, 1)),
            *(
                {'student_channels': bad}
                for bad in (5, (5,), (5, 4, 3), (5, 4.0), (0, 4), (True, 4), '54', None)
            ),
        ),
        mismatches=(
            Mismatch((4, 6), (4, *LAYER), WRONG.format([(4, 6), (4, *LAYER)])),
            Mismatch((4, 5), (4, 9), WRONG.format([(4, 5), (4, 9)])),
            Mismatch((4, 5), (4, 7, 4), WRONG.format([(4, 5), (4, 7, 4)])),
        ),
        golden=('uskd',),
        needs_target=True,
        is_derivative=False,  # its soft labels are constants
    ),
)
