"""Each kind of config in small: the options that make it train on a CPU in seconds.

Everything is an option of the kind that `--cfg-options` takes, on top of the config
file as it is: another data root, smaller images, a narrow and shallow model. The rest
(pipeline, samplers, optimizer, schedulers, metric, hook) is the config's.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

__all__ = [
    'FAMILIES',
    'Family',
    'cifar_options',
    'coco_options',
    'narrow_detector',
    'reviewkd_channels',
]

BATCH_SIZE = 4
WIDTHS = {'student': 4, 'teacher': 8}
DEPTHS = {'student': 18, 'teacher': 34}
LEVELS = 5
Options = dict[str, Any]


class Family(NamedTuple):
    """One kind of config.

    Args:
        path: The config, with `{}` for the method.
        methods: Those that are run.
        metrics: What its metric reports.
    """

    path: str
    methods: tuple[str, ...]
    metrics: tuple[str, ...]


FAMILIES = {
    'cifar100': Family(
        'configs/mmpretrain/cifar100/{}_resnet56-resnet20_240e_cifar100.py',
        ('ckd', 'ckd-reviewkd'),
        ('accuracy/top1',),
    ),
    'faster_rcnn': Family(
        'configs/mmdet/faster_rcnn/{}_r101-r50_fpn_1x_coco.py',
        ('ckd', 'ckd-reviewkd'),
        ('coco/bbox_mAP',),
    ),
    'mask_rcnn': Family(
        'configs/mmdet/mask_rcnn/{}_r101-r50_mask-fpn_1x_coco.py',
        ('ckd', 'ckd-reviewkd'),
        ('coco/bbox_mAP', 'coco/segm_mAP'),
    ),
}


def cifar_options(root: Path) -> Options:
    """The networks as they are, on a data set of the same format."""
    options = dict(_loader_options('train'), **_loader_options('val'))
    for loader in ('train', 'val'):
        options[f'{loader}_dataloader.dataset.data_root'] = str(root)
    return options


def coco_options(root: Path) -> Options:
    """Digit scenes of 96 x 96 pixels instead of COCO."""
    options: Options = {
        'val_evaluator.ann_file': str(root / 'annotations/val.json'),
        'train_dataloader.dataset.pipeline.2.scale': (96, 96),
        'val_dataloader.dataset.pipeline.1.scale': (96, 96),
    }
    for loader in ('train', 'val'):
        options.update(_loader_options(loader))
        dataset = f'{loader}_dataloader.dataset'
        options[f'{dataset}.data_root'] = str(root)
        options[f'{dataset}.ann_file'] = f'annotations/{loader}.json'
        options[f'{dataset}.data_prefix.img'] = f'{loader}/'
        options[f'{dataset}.metainfo'] = {'classes': tuple(map(str, range(10)))}
    return options


def narrow_detector(whose: str, masks: bool) -> Options:
    """A Faster or Mask R-CNN of few channels and layers, without public weights."""
    width = WIDTHS[whose]
    fpn = 4 * width
    options: Options = {
        'model.backbone.depth': DEPTHS[whose],
        'model.backbone.base_channels': width,
        'model.backbone.stem_channels': width,
        'model.backbone.init_cfg': None,
        'model.neck.in_channels': [width * 2**stage for stage in range(4)],
        'model.neck.out_channels': fpn,
        'model.rpn_head.in_channels': fpn,
        'model.rpn_head.feat_channels': fpn,
        'model.roi_head.bbox_roi_extractor.out_channels': fpn,
        'model.roi_head.bbox_head.in_channels': fpn,
        'model.roi_head.bbox_head.fc_out_channels': 8 * width,
        'model.roi_head.bbox_head.num_classes': 10,
        'model.train_cfg.rpn_proposal.max_per_img': 100,
        'model.train_cfg.rcnn.sampler.num': 32,
        'model.test_cfg.rpn.max_per_img': 20,
        'model.test_cfg.rcnn.max_per_img': 5,
    }
    if masks:
        options['model.roi_head.mask_roi_extractor.out_channels'] = fpn
        options['model.roi_head.mask_head.in_channels'] = fpn
        options['model.roi_head.mask_head.conv_out_channels'] = fpn
        options['model.roi_head.mask_head.num_classes'] = 10
    return options


def reviewkd_channels() -> Options:
    """The widths of both narrow FPNs, where the config has those of the real ones."""
    loss = 'custom_hooks.0.distill.reviewkd.loss'
    widths = {whose: 4 * width for whose, width in WIDTHS.items()}
    return {
        f'{loss}.student_channels': [widths['student']] * LEVELS,
        f'{loss}.teacher_channels': [widths['teacher']] * LEVELS,
        f'{loss}.mid_channels': widths['teacher'],
    }


def _loader_options(loader: str) -> Options:
    return {
        f'{loader}_dataloader.batch_size': BATCH_SIZE,
        f'{loader}_dataloader.num_workers': 0,
        f'{loader}_dataloader.persistent_workers': False,
    }
