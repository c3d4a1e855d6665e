"""Each kind of config in small: the options that make it train on a CPU in seconds.

Everything is an option of the kind that `--cfg-options` takes, on top of the config
file as it is: another data root, smaller images, a narrow model. The rest (pipeline,
samplers, optimizer, schedulers, metric, hooks) is the config's.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from mmengine.config import Config

from .small import capped_sizes, data_set, narrowed, position_of_hook

__all__ = [
    'DIVISORS',
    'FAMILIES',
    'Family',
    'cifar_options',
    'coco_options',
    'loss_channels',
    'narrow_detector',
]

BATCH_SIZE = 4
SIZE = 96  # pixels of a side
DIVISORS = {'student': 8, 'teacher': 4}  # of the widths
FPN = 256
# For losses that need equal widths; no head of the teacher runs then.
AS_WIDE = {'model.neck.out_channels': FPN // DIVISORS['student']}
# For maps of the student that go on in the teacher's head, and for its head's weights.
HEAD_AS_WIDE = {
    **AS_WIDE,
    'model.bbox_head.in_channels': FPN // DIVISORS['student'],
    'model.bbox_head.feat_channels': FPN // DIVISORS['student'],
}
Options = dict[str, Any]


class Family(NamedTuple):
    """One kind of config.

    Args:
        path: The config, with `{}` for the method.
        methods: Those that are run.
        metrics: What its metric reports.
        options: What it needs to find anything, or to vary anything, in a few steps.
        teacher: The same of its teacher.
        switch: What ends its mosaics with the first epoch.
        divisor: Of the teacher's widths.
    """

    path: str
    methods: tuple[str, ...]
    metrics: tuple[str, ...] = ('coco/bbox_mAP',)
    options: Mapping[str, Any] = MappingProxyType({})
    teacher: Mapping[str, Any] = MappingProxyType({})
    switch: Mapping[str, Any] = MappingProxyType({})
    divisor: int = DIVISORS['teacher']


FAMILIES = {
    'cifar100': Family(
        'configs/mmpretrain/cifar100/{}_resnet56-resnet20_240e_cifar100.py',
        ('ckd', 'ckd-reviewkd'),
        ('accuracy/top1',),
    ),
    'faster_rcnn': Family(
        'configs/mmdet/faster_rcnn/{}_r101-r50_fpn_1x_coco.py',
        ('ckd', 'ckd-reviewkd'),
    ),
    'mask_rcnn': Family(
        'configs/mmdet/mask_rcnn/{}_r101-r50_mask-fpn_1x_coco.py',
        ('ckd', 'ckd-reviewkd'),
        ('coco/bbox_mAP', 'coco/segm_mAP'),
    ),
    'retinanet': Family(
        'configs/mmdet/retinanet/{}_r101-r50_retinanet_1x_coco.py', ('ckd',)
    ),
    'retinanet_by_x101': Family(
        'configs/mmdet/retinanet/{}_x101-r50_retinanet_2x_coco.py',
        ('fgd',),
        teacher=HEAD_AS_WIDE,
    ),
    'retinanet_by_ms_x101': Family(
        'configs/mmdet/retinanet/{}_ms-x101-r50_retinanet_2x_coco.py',
        ('mgd',),
        teacher=HEAD_AS_WIDE,
    ),
    'retinanet_r18': Family(
        'configs/mmdet/retinanet/{}_r50-r18_retinanet_1x_coco.py', ('ckd',)
    ),
    'retinanet_by_fcos': Family(
        'configs/mmdet/retinanet/{}_fcos-x101-r50_retinanet_1x_coco.py',
        ('pkd',),
        teacher=AS_WIDE,
    ),
    'retinanet_by_cascade': Family(
        'configs/mmdet/retinanet/{}_cascade-x101-r50_retinanet_1x_coco.py',
        ('pkd',),
        teacher=AS_WIDE,
    ),
    'cascade': Family(
        'configs/mmdet/faster_rcnn/{}_cascade-x101-r50_fpn_2x_coco.py', ('dist', 'mgd')
    ),
    'fcos': Family('configs/mmdet/fcos/{}_r101-r50_fcos_1x_coco.py', ('ckd',)),
    'fcos_ms': Family(
        'configs/mmdet/fcos/{}_ms-r101-r50_fcos_ms-2x_coco.py',
        ('crosskd-boxes',),
        teacher=HEAD_AS_WIDE,
    ),
    'fcos_by_swin': Family(
        'configs/mmdet/fcos/{}_mask-swin-s-r50_fcos_1x_coco.py',
        ('pkd',),
        teacher=AS_WIDE,
    ),
    'gfl_r18': Family('configs/mmdet/gfl/{}_r101-r18_gfl_1x_coco.py', ('ld',)),
    'gfl': Family('configs/mmdet/gfl/{}_r101-r50_gfl_1x_coco.py', ('ckd', 'ld-kd')),
    'rtmdet': Family(
        'configs/mmdet/rtmdet/{}_l-s_rtmdet_300e_coco.py',
        ('ckd',),
        options={'model.bbox_head.exp_on_reg': True},  # else no box has an area yet
        switch={'custom_hooks.1.switch_epoch': 1},
    ),
    'yolox': Family(
        'configs/mmdet/yolox/{}_l-s_yolox_300e_coco.py',
        ('ckd',),
        options={
            'model.data_preprocessor.batch_augments.0.random_size_range': (64, 128),
            'model.data_preprocessor.batch_augments.0.interval': 1,
        },
        switch={'custom_hooks.0.num_last_epochs': 0},
    ),
    'deformable_detr_r18': Family(
        'configs/mmdet/deformable_detr/{}_twostage-r50-r18_deformable-detr_50e_coco.py',
        ('ckd',),
        teacher={'model.as_two_stage': False},
    ),
    'deformable_detr': Family(
        'configs/mmdet/deformable_detr/{}_twostage-r50-r50_deformable-detr_50e_coco.py',
        ('ckd',),
        teacher={'model.as_two_stage': False},  # MMDetection's takes one width only
    ),
    'dab_detr': Family(
        'configs/mmdet/dab_detr/{}_r50-r18_dab-detr_50e_coco.py',
        ('kddetr-boxes-points-pointboxes',),
    ),
    # Both decoders take the same queries, and both necks are as wide.
    'deformable_detr_kddetr': Family(
        'configs/mmdet/deformable_detr/{}_r50-r18_deformable-detr_50e_coco.py',
        ('kddetr-boxes', 'detrdistill'),
        divisor=DIVISORS['student'],
    ),
    'dino': Family(
        'configs/mmdet/dino/{}_r50-r18_dino-4scale_12e_coco.py',
        ('kddetr-boxes-points-pointboxes',),
        options={  # as many as the narrow decoder has, or fewer
            'custom_hooks.0.distill.points.on.number': 50,
            'custom_hooks.0.distill.pointboxes.on.number': 50,
        },
        divisor=DIVISORS['student'],
    ),
    'atss': Family('configs/mmdet/atss/{}_r101-r50_atss_1x_coco.py', ('ckd',)),
}


def cifar_options(root: Path) -> Options:
    """The networks as they are, on a data set of the same format."""
    options = dict(_loader_options('train'), **_loader_options('val'))
    for loader in ('train', 'val'):
        options[f'{loader}_dataloader.dataset.data_root'] = str(root)
    return options


def coco_options(root: Path, cfg: Config) -> Options:
    """Digit scenes of 96 x 96 pixels instead of COCO."""
    options: Options = {
        'val_evaluator.ann_file': str(root / 'annotations/val.json'),
        **capped_sizes(cfg, SIZE),
    }
    for loader in ('train', 'val'):
        options.update(_loader_options(loader))
        dataset = data_set(cfg, loader)
        options[f'{dataset}.data_root'] = str(root)
        options[f'{dataset}.ann_file'] = f'annotations/{loader}.json'
        options[f'{dataset}.data_prefix.img'] = f'{loader}/'
        options[f'{dataset}.metainfo'] = {'classes': tuple(map(str, range(10)))}
    return options


def narrow_detector(divisor: int, cfg: Config) -> Options:
    """Few channels, and few proposals and RoIs, without public weights."""
    options = narrowed(cfg.model, divisor)
    if 'rpn_proposal' in cfg.model.get('train_cfg', {}):
        options['model.train_cfg.rpn_proposal.max_per_img'] = 100
        options['model.test_cfg.rpn.max_per_img'] = 20
        options['model.test_cfg.rcnn.max_per_img'] = 5
        options.update(_few_rois(cfg.model.train_cfg.rcnn))
    if 'score_thr' in cfg.model.get('test_cfg', {}):
        options['model.test_cfg.score_thr'] = 0.0  # such heads start at 0.01 for all
    return options


def loss_channels(method: str, cfg: Config) -> Options:
    """The width of the narrow FPN, where a loss has that of the real one."""
    widths = {whose: FPN // divisor for whose, divisor in DIVISORS.items()}
    values = {
        'mid_channels': widths['teacher'],
    }
    hook = position_of_hook(cfg)
    return {
        f'custom_hooks.{hook}.distill.{term}.loss.{name}': value
        for term in method.split('-')
        for name, value in values.items()
        if name in cfg.custom_hooks[hook].distill[term].loss
    }


def _few_rois(rcnn: Any) -> Options:
    """Of one stage, or of each of a cascade's."""
    if isinstance(rcnn, dict):
        return {'model.train_cfg.rcnn.sampler.num': 32}
    return {
        f'model.train_cfg.rcnn.{stage}.sampler.num': 32 for stage in range(len(rcnn))
    }


def _loader_options(loader: str) -> Options:
    return {
        f'{loader}_dataloader.batch_size': BATCH_SIZE,
        f'{loader}_dataloader.num_workers': 0,
        f'{loader}_dataloader.persistent_workers': False,
    }
