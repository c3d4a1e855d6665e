"""The rows of the losses of feature maps that have parameters."""

from __future__ import annotations

from .connector_row import connector_row
from .references_acamkd import reference_acamkd
from .references_boxes import reference_fgd, reference_fgfi
from .references_cankd import reference_cankd
from .references_connectors import (
    reference_cosinemap,
    reference_fd,
    reference_fitnet,
    reference_mgd,
    reference_mimic,
    reference_ofd,
    reference_reviewkd,
    reference_simkd,
    reference_vid,
)
from .references_freekd import reference_freekd
from .references_ickd import reference_ickd
from .references_scalekd import reference_scalekd
from .references_tat import reference_tat
from .references_wkdf import reference_wkdf
from .row import PADDING_AND_SIZE, bad_numbers

__all__ = ['CONNECTOR_ROWS']

CONNECTOR_ROWS = (
    connector_row(
        'FitNetLoss',
        reference_fitnet,
        golden=('fitnet',),
        defaults={'norm': True, 'relu': True},
        kwargs_sets=({}, {'relu': False}, {'norm': False, 'relu': False}),
        refused=({'norm': 1}, {'relu': 'yes'}),
        must_agree='N, C',
        steepest_at_zero=1000.0,  # BatchNorm divides by the root of its 1e-5
    ),
    connector_row(
        'CanKDLoss',
        reference_cankd,
        size=(3, 4),  # finite differences of all pairs take long
        defaults={'inner_channels': None, 'loss_weight': 5.0},
        kwargs_sets=({}, {'inner_channels': 2}),
        refused=tuple({'inner_channels': bad} for bad in (0, 2.5, '4', True)),
        golden=('cankd',),
        of_pairs=('query.bias',),
    ),
    connector_row(
        'ACAMKDLoss',
        reference_acamkd,
        size=(3, 4),  # the reference goes query by query
        defaults={'num_masks': 6, 'max_keys': 1024, 'detach_masks': True},
        kwargs_sets=(
            {'num_masks': 2},
            {'num_masks': 3, 'max_keys': 7, 'detach_masks': False},
            {'num_masks': 1, 'diversity_weight': 0.5},
        ),
        refused=(
            *({'num_masks': bad} for bad in (0, 2.0, '2', None, True)),
            *({'max_keys': bad} for bad in (0, 2.0, True)),
            *({'detach_masks': bad} for bad in (1, 'False', None)),
            *bad_numbers('diversity_weight'),
        ),
        is_derivative=False,  # its distance takes the masks as constants
    ),
    connector_row(
        'FreeKDLoss',
        reference_freekd,
        defaults={'num_scales': 3},
        kwargs_sets=({}, {'num_scales': 1}),
        golden=('freekd',),
        refused=tuple({'num_scales': bad} for bad in (0, 2.0, '2', None, True)),
    ),
    connector_row('MimicLoss', reference_mimic, must_agree='N, C'),
    connector_row(
        'CosineMapLoss',
        reference_cosinemap,
        golden=('cosinemap',),
        defaults={'project': True, 'resize': None, 'ignore_padding': True},
        kwargs_sets=({}, {'resize': (5, 6), 'ignore_padding': False}),
        refused=(*({'project': bad} for bad in (0, 'True')), *PADDING_AND_SIZE),
        needs=('image_shapes', 'image_size'),
    ),
    connector_row(
        'FDLoss',
        reference_fd,
        golden=('fd',),
        defaults={'distance': 'smooth_l1', 'beta': 2.0},
        kwargs_sets=({'beta': 0.3}, {'distance': 'mse'}),
        refused=(
            *bad_numbers('beta', 0),
            *({'distance': bad} for bad in ('l1', None)),
            *PADDING_AND_SIZE,
        ),
        needs=('image_shapes', 'image_size'),
    ),
    connector_row(
        'ICKDLoss',
        reference_ickd,
        defaults={'project': True, 'grid': 1, 'loss_weight': 2.5},
        kwargs_sets=({}, {'grid': 2}),
        refused=(
            *({'project': bad} for bad in (1, None)),
            *({'grid': bad} for bad in (0, 2.0, '2', None, True)),
        ),
        must_agree='N',
        as_wide=False,
        steepest_at_zero=1000.0,  # BatchNorm divides by the root of its 1e-5
    ),
    connector_row(
        'ReviewKDLoss',
        reference_reviewkd,
        golden=('reviewkd',),
        defaults={'mid_channels': 256},
        kwargs_sets=({'mid_channels': 3},),
        refused=tuple({'mid_channels': bad} for bad in (0, 2.5, '4', None, True)),
        steepest_at_zero=1000.0,  # BatchNorm divides by the root of its 1e-5, twice
    ),
    connector_row(
        'ScaleKDLoss',
        reference_scalekd,
        golden=('scalekd',),
        size=(3, 4),  # finite differences of attention take long
        defaults={'num_heads': 1, 'softmax_scale': 5.0, 'query_hw': (7, 7)},
        kwargs_sets=(
            {
                **{'num_heads': 3, 'query_hw': [2, 9], 'softmax_scale': 1.0},
                **{'frequency_weight': 0.0, 'ignore_padding': False},
            },
            {'spatial_weight': 0.0},
        ),
        refused=(
            *({'num_heads': bad} for bad in (0, 2, 1.0, '1', True, [1, 1])),
            *({'query_hw': bad} for bad in (7, (7,), (7, 0), (7, 7.0), '77', None)),
            {'query_hw': [(7, 7), (7, 7)]},
            *bad_numbers('softmax_scale', 0),
            *bad_numbers('spatial_weight'),
            *bad_numbers('frequency_weight'),
            *({'through_teacher': bad} for bad in (1, 'no', None)),
            *({'ignore_padding': bad} for bad in (1, 'False', None)),
        ),
        needs=('image_shapes', 'image_size'),
        needs_by_option=('last_stage',),
        steepest_at_zero=1000.0,  # BatchNorm divides by the root of its 1e-5
    ),
    connector_row(
        'SimKDLoss',
        reference_simkd,
        width=4,
        size=(2, 3),  # finite differences of three convolutions take long
        defaults={'reduction': 2},
        kwargs_sets=({}, {'reduction': 4}),
        refused=tuple({'reduction': bad} for bad in (0, 2.0, '2', None, True)),
        must_agree='N, C',
        steepest_at_zero=1e4,  # BatchNorm divides by the root of its 1e-5, three times
    ),
    connector_row(
        'TaTLoss',
        reference_tat,
        size=(2, 3),  # finite differences of attention take long
        golden=('tat',),
        steepest_at_zero=1000.0,  # BatchNorm divides by the root of its 1e-5
    ),
    connector_row(
        'WKDFLoss',
        reference_wkdf,
        defaults={'grid': 1, 'mean_weight': 4.0, 'relu': True, 'loss_weight': 0.08},
        kwargs_sets=({}, {'grid': 4, 'relu': False}, {'grid': 6, 'mean_weight': 0.0}),
        refused=(
            *({'grid': bad} for bad in (0, 2.0, '2', None, True)),
            *bad_numbers('mean_weight'),
            *({'relu': bad} for bad in (1, 'yes', None)),
        ),
        must_agree='N, C',
        steepest_at_zero=1000.0,  # BatchNorm divides by the root of its 1e-5
    ),
    connector_row(
        'VIDLoss',
        reference_vid,
        golden=('vid',),
        defaults={'initial_variance': 5.0},
        kwargs_sets=({}, {'initial_variance': 0.5}),
        refused=bad_numbers('initial_variance', 0),
    ),
    connector_row(
        'OFDLoss',
        reference_ofd,
        golden=('ofd',),
        defaults={'loss_weight': 1e-3},
        must_agree='N, C',
        steepest_at_zero=1e5,  # BatchNorm, and a sum over channels and positions
    ),
    connector_row(
        'MGDLoss',
        reference_mgd,
        golden=('mgd',),
        defaults={'loss_weight': 2e-5, 'mask_ratio': 0.65, 'masked': 'positions'},
        kwargs_sets=({}, {'mask_ratio': 0.3, 'masked': 'channels'}),
        refused=(
            *bad_numbers('mask_ratio', 1, 1.5),
            {'masked': 'rows'},
            {'masked': None},
        ),
        invariances={},  # the masks belong to the places in the batch
        steepest_at_zero=1000.0,  # a sum over channels and positions
    ),
    connector_row(
        'FGDLoss',
        reference_fgd,
        golden=('fgd',),
        width=6,  # its context block is half as wide
        defaults={
            'foreground_weight': 1e-3,
            'background_weight': 5e-4,
            'attention_weight': 1e-3,
            'relation_weight': 5e-6,
            'temperature': 0.5,
        },
        kwargs_sets=(
            {'foreground_weight': 0.7, 'attention_weight': 0.0},
            {'background_weight': 0.5, 'relation_weight': 0.3},
        ),
        refused=(
            *bad_numbers('foreground_weight'),
            *bad_numbers('background_weight'),
            *bad_numbers('attention_weight'),
            *bad_numbers('relation_weight'),
            *bad_numbers('temperature', 0),
        ),
        needs=('boxes', 'image_size'),
    ),
    connector_row(
        'FGFILoss',
        reference_fgfi,
        defaults={'loss_weight': 0.01, 'threshold': 0.5},
        refused=bad_numbers('threshold', 1),
        needs=('boxes', 'anchors'),
    ),
)
