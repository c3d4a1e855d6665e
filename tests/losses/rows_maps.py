"""The rows of the losses of feature maps (N, C, H, W)."""

from __future__ import annotations

from dataclasses import dataclass

from ckd_mm import functional

from .references_maps import (
    reference_at,
    reference_catkd,
    reference_cwd,
    reference_gld,
    reference_gram,
    reference_hcl,
    reference_nst,
    reference_pkd,
    reference_sdd,
)
from .references_pairs import reference_cirkd, reference_pairwise
from .row import (
    BAD_TEMPERATURES,
    PADDING_AND_SIZE,
    LossRow,
    Mismatch,
    bad_numbers,
)
from .samples import (
    PERMUTATIONS,
    SHIFTS,
    Change,
    exchange,
    permute_positions,
    permute_student_channels,
    scale_student_rows,
    scale_teacher_rows,
    shift_student_channels,
    translate_both,
)

__all__ = ['MAP_ROWS', 'MapRow']


def mismatch(names: str, teacher: tuple[int, ...], advice: str) -> Mismatch:
    student = (4, 3, 5, 6)
    message = (
        'student and teacher feature maps must be (N, C, H, W) with the same '
        f'{names}, got {student} and {teacher}; {advice}'
    )
    return Mismatch(student, teacher, message)


def mismatches(names: str) -> tuple[Mismatch, ...]:
    """What a loss refuses that needs the named sizes to agree."""
    found = [
        mismatch(names, (5, 3, 5, 6), 'check that both models saw the same images'),
        mismatch(names, (4, 90), 'choose layers whose outputs are feature maps'),
    ]
    if 'C' in names:
        found.append(mismatch(names, (4, 7, 5, 6), 'choose layers of the same width'))
    if 'H' in names:
        found.append(mismatch(names, (4, 3, 2, 6), 'choose layers of the same stride'))
        found.append(mismatch(names, (4, 3, 5, 3), 'choose layers of the same stride'))
    return tuple(found)


@dataclass(frozen=True)
class MapRow(LossRow):
    """A row whose samples are feature maps."""

    rest: tuple[int, ...] = (2, 5, 6)
    mismatches: tuple[Mismatch, ...] = mismatches('N, C, H, W')
    golden: tuple[str, ...] = ()


POSITIONS: dict[str, Change] = {
    **PERMUTATIONS,
    'joint permutation of positions': permute_positions,
}
SCALES: dict[str, Change] = {
    'positive scale of each student image': scale_student_rows,
    'positive scale of each teacher image': scale_teacher_rows,
}
EXCHANGE: dict[str, Change] = {'exchange of the models': exchange}
CHANNEL_SHIFT: dict[str, Change] = {
    'constant added to each student channel': shift_student_channels
}

MAP_ROWS = (
    MapRow(
        class_name='ATLoss',
        function=functional.at_loss,
        reference=reference_at,
        defaults={'p': 2.0},
        kwargs_sets=({'p': 2}, {'p': 1.0}, {'p': 3.5}),
        invariances={**POSITIONS, **SCALES, **EXCHANGE},
        refused=bad_numbers('p', 0, 0.5),
        mismatches=mismatches('N'),
        golden=('at',),
    ),
    MapRow(
        class_name='CATKDLoss',
        function=functional.catkd_loss,
        reference=reference_catkd,
        defaults={'size': 2, 'normalize': False},
        kwargs_sets=({}, {'size': 4, 'normalize': True}),
        invariances={**PERMUTATIONS, **EXCHANGE},
        refused=(
            *({'size': bad} for bad in (0, 2.0, '2', None, True)),
            *({'normalize': bad} for bad in (1, 'True', None)),
        ),
        mismatches=mismatches('N, C'),
    ),
    MapRow(
        class_name='GLDLoss',
        function=functional.gld_loss,
        reference=reference_gld,
        defaults={
            **{'tiles': 2, 'global_weight': 0.7},
            **{'local_weight': 1.0, 'relation_weight': 500.0},
        },
        kwargs_sets=({'relation_weight': 20.0}, {'tiles': 1, 'local_weight': 0.2}),
        invariances=PERMUTATIONS,
        refused=(
            *({'tiles': bad} for bad in (0, 2.0, '2', None, True)),
            *bad_numbers('global_weight'),
            *bad_numbers('local_weight'),
            *bad_numbers('relation_weight'),
        ),
        rest=(3, 3, 2),  # of two classes, all standardised logits are alike
        mismatches=mismatches('N, C'),
    ),
    MapRow(
        class_name='GramLoss',
        function=functional.gram_loss,
        reference=reference_gram,
        defaults={},
        kwargs_sets=({},),
        invariances={
            **PERMUTATIONS,
            **SCALES,
            **EXCHANGE,
            "permutation of the student's channels": permute_student_channels,
        },
        refused=PADDING_AND_SIZE,
        mismatches=mismatches('N, H, W'),
        needs=('image_shapes', 'image_size'),
    ),
    MapRow(
        class_name='PairwiseLoss',
        function=functional.pairwise_loss,
        reference=reference_pairwise,
        defaults={'scale': 0.5},
        kwargs_sets=({}, {'scale': 0.2}, {'scale': 1.0}),
        invariances={**PERMUTATIONS, **SCALES},
        refused=(*bad_numbers('scale', 0, 1.5), *PADDING_AND_SIZE),
        mismatches=mismatches('N, H, W'),
        golden=('pairwise',),
        needs=('image_shapes', 'image_size'),
        is_derivative=False,  # it takes the lengths as constants
    ),
    MapRow(
        class_name='CIRKDLoss',
        function=functional.cirkd_loss,
        reference=reference_cirkd,
        defaults={'temperature': 0.1},
        kwargs_sets=({}, {'temperature': 1.0}),
        invariances={**PERMUTATIONS, **SCALES},
        refused=(
            *BAD_TEMPERATURES,
            *({'max_positions': bad} for bad in (0, 2.0, '2', None, True)),
            *PADDING_AND_SIZE,
        ),
        rest=(2, 3, 4),  # the reference goes through all pairs of pairs of positions
        mismatches=mismatches('N, H, W'),
        needs=('image_shapes', 'image_size'),
    ),
    MapRow(
        class_name='SDDLoss',
        function=functional.sdd_loss,
        reference=reference_sdd,
        defaults={'sizes': (1, 2, 4), 'temperature': 4.0, 'complementary_weight': 2.0},
        kwargs_sets=(
            {'sizes': (1, 2), 'temperature': 1.0},
            {'sizes': [3], 'complementary_weight': 0.5},
        ),
        invariances={**PERMUTATIONS, **SHIFTS},
        refused=(
            *({'sizes': bad} for bad in (2, [], [0], [2.0], [True], '12', None)),
            *BAD_TEMPERATURES,
            *bad_numbers('complementary_weight'),
        ),
        rest=(3, 4, 5),
        mismatches=mismatches('N, C'),
        golden=('sdd',),
        needs_target=True,
    ),
    MapRow(
        class_name='NSTLoss',
        function=functional.nst_loss,
        reference=reference_nst,
        defaults={},
        kwargs_sets=({},),
        invariances={
            **POSITIONS,
            **SCALES,
            **EXCHANGE,
            "permutation of the student's channels": permute_student_channels,
        },
        refused=(),
        mismatches=mismatches('N, H, W'),
        golden=('nst',),
    ),
    MapRow(
        class_name='HCLLoss',
        function=functional.hcl_loss,
        reference=reference_hcl,
        defaults={},
        kwargs_sets=({},),
        invariances={
            **PERMUTATIONS,
            **EXCHANGE,
            'the same added to both models': translate_both,
        },
        refused=(),
        golden=('hcl',),
    ),
    MapRow(
        class_name='CWDLoss',
        function=functional.cwd_loss,
        reference=reference_cwd,
        defaults={'temperature': 1.0},
        kwargs_sets=({'temperature': 1.0}, {'temperature': 4.0}),
        invariances={**POSITIONS, **CHANNEL_SHIFT},
        refused=BAD_TEMPERATURES,
        golden=('cwd',),
    ),
    MapRow(
        class_name='PKDLoss',
        function=functional.pkd_loss,
        reference=reference_pkd,
        defaults={},
        kwargs_sets=({},),
        invariances={**POSITIONS, **EXCHANGE, **CHANNEL_SHIFT},
        refused=(),
        golden=('pkd',),
    ),
)
