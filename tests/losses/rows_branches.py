"""The row of OFA's branches: maps of the student beside logits of the teacher."""

from __future__ import annotations

from .connector_row import PERMUTATION, ConnectorRow
from .modules import ModuleFunction
from .references_branches import reference_ofabranch
from .row import BAD_TEMPERATURES, Mismatch, bad_numbers

__all__ = ['BRANCH_ROWS']

ARGUMENTS = {'student_channels': 4, 'teacher_channels': 5, 'stage': 3}
NO_MAP = 'student must be one map (N, 4, H, W), as student_channels says, got [{}]; '
NO_MAP += 'compare the output of one stage, with '
NO_MAP += "on=dict(student='backbone.layer3', teacher='logits')"


def no_map(*shape: int) -> Mismatch:
    return Mismatch(shape, (shape[0], 5), NO_MAP.format(shape))


def no_logits(shape: tuple[int, ...], advice: str) -> Mismatch:
    message = 'student and teacher logits must have one shape (B, C), got (4, 5) and '
    return Mismatch((4, 4, 4, 2), shape, f'{message}{shape}; {advice}')


BRANCH_ROWS = (
    ConnectorRow(
        class_name='OFABranchLoss',
        function=ModuleFunction('OFABranchLoss', ARGUMENTS),
        reference=ModuleFunction('OFABranchLoss', ARGUMENTS, reference_ofabranch),
        arguments=ARGUMENTS,
        rest=(4, 4, 2),
        teacher_rest=(5,),
        defaults={
            'branch': 'convolutions',
            'width': 8,
            'num_merges': 1,
            'epsilon': 1.0,
            'temperature': 1.0,
        },
        kwargs_sets=(
            {},
            {'stage': 2, 'width': 3, 'epsilon': 1.5},
            {'stage': 4, 'temperature': 2.0},
            {'branch': 'tokens', 'stage': 2},
            {'branch': 'tokens', 'num_merges': 0},
        ),
        invariances=PERMUTATION,
        refused=(
            *({'stage': bad} for bad in (0, 5, 2.0, '1', None, True)),
            *({'branch': bad} for bad in ('mlp', None)),
            *({'width': bad} for bad in (0, 2.5, '8', True)),
            *({'num_merges': bad} for bad in (-1, 1.0, None, True)),
            *bad_numbers('epsilon', 0),
            *BAD_TEMPERATURES,
            *({'student_channels': bad} for bad in (0, 4.0, None)),
            *({'teacher_channels': bad} for bad in (0, '5', True)),
        ),
        mismatches=(
            no_map(4, 3, 4, 2),
            no_map(4, 4),
            no_logits((4, 6), 'check that both heads have the same num_classes'),
            no_logits((3, 5), 'check that both models saw the same images or RoIs'),
            no_logits((4, 5, 1), 'flatten each to one row per sample'),
        ),
        golden=(),
        needs_target=True,
        steepest_at_zero=1e7,  # BatchNorm divides by the root of its 1e-5, four times
    ),
)
