"""Which methods tools/make_config.py makes configs of, by the kind of the pair."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ['KINDS', 'LABELS', 'Kind']


class Kind(NamedTuple):
    """What pairs have in common whose name starts or ends with the kind's."""

    folder: str  # of their configs, below `configs/`
    hooks: tuple[str, ...]  # `{method}_{...}`
    task: str
    metrics: tuple[str, ...] = ('top-1',)
    neck: str = ''  # in file names, before the schedule


BOXES = 'box detection on COCO 2017, box AP on val2017'
MASKS = 'box detection and instance segmentation on COCO 2017, AP on val2017'
TOP_1 = 'classification, top-1 accuracy (%) on the'
METHODS = ('ckd', 'kd', 'dkd', 'reviewkd', 'ckd-reviewkd')
CIFAR = tuple(f'{method}_cifar100' for method in (*METHODS, 'simkd', 'catkd'))
IN1K = tuple(f'{method}_in1k' for method in (*METHODS, 'dist'))
TWO_STAGE = (
    *('ckd_roi', 'kd_roi', 'dkd_roi', 'dist_roi'),
    *('reviewkd_fpn', 'ckd-reviewkd_fpn', 'fgd_two-stage', 'mgd_two-stage'),
    'cankd_fpn',
)
CROSS_ROI = ('crosskd-boxes_roi', 'ckd-crosskd-boxes_roi')
GFL = ('ckd_dense', 'ld_gfl', 'ld-kd_gfl', 'crosskd-edges_gfl')
ONE_STAGE = (
    *('ckd_dense', 'pkd_fpn', 'cwd_fpn', 'fgd_one-stage', 'mgd_one-stage'),
    *('cankd_fpn', 'crosskd-boxes_anchors'),
)
LABELS = {
    'reviewkd': 'ReviewKD',
    'crosskd': 'CrossKD',
    'simkd': 'SimKD',
    'catkd': 'CAT-KD',
    'cankd': 'CanKD',
    'boxes': 'its boxes',
    'edges': 'its distributions of box edges',
}
"""How methods are written that are no abbreviation."""

AP, BOTH_AP = ('box AP',), ('box AP', 'mask AP')
KINDS = {
    'cifar100': Kind('mmpretrain/cifar100', CIFAR, f'{TOP_1} test set'),
    'in1k': Kind(
        'mmpretrain/imagenet', (*IN1K, 'catkd_in1k'), f'{TOP_1} validation set'
    ),
    'places365': Kind('mmpretrain/places365', IN1K, f'scene {TOP_1} validation set'),
    'faster-rcnn': Kind(
        'mmdet/faster_rcnn', (*TWO_STAGE, *CROSS_ROI), BOXES, AP, neck='fpn'
    ),
    'mask-rcnn': Kind('mmdet/mask_rcnn', TWO_STAGE, MASKS, BOTH_AP, neck='mask-fpn'),
    'retinanet': Kind('mmdet/retinanet', ONE_STAGE, BOXES, AP, neck='retinanet'),
    'gfl': Kind('mmdet/gfl', GFL, BOXES, AP, neck='gfl'),
}
