"""Student, teacher, optimiser and batches of one size, ready to step.

The learning rate is 0, so that all cases and rounds work with the same weights.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from mmdet.testing import demo_mm_inputs
from mmdet.utils import register_all_modules
from mmengine.config import Config
from mmengine.hub import get_config
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapper, build_optim_wrapper
from mmengine.registry import MODELS, DefaultScope
from mmengine.runner import Runner
from mmpretrain.structures import DataSample
from mmpretrain.utils import register_all_modules as register_classifiers
from torch import Tensor

from ckd_mm.adapters.core.recorder import Recorder, Tap
from ckd_mm.datasets.digits import write_digit_scenes
from ckd_mm.teachers import load_weights
from ckd_mm.teachers.loading.build import read_config

__all__ = [
    *('CLASS_LOSS', 'NECK', 'ROIS', 'SIZES'),
    *('Batch', 'Sample', 'Setting', 'noted', 'sample_of'),
]

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = ROOT / 'configs/mmdet'
NUM_BATCHES = 4

NECK = Tap('neck')
ROIS = Tap('roi_head.bbox_roi_extractor', 'input')
DECODER = Tap('decoder', 'keywords')
CLASS_LOSS = Tap('roi_head.bbox_head.loss_cls', 'input')

Batch = dict[str, Any]


@dataclass(frozen=True)
class Sample:
    """A batch as the data loader gives it, and what a teacher alone needs of it.

    Args:
        batch: The batch.
        inputs: Its images, preprocessed.
        data_samples: What belongs to these.
        rois: Those that the student samples; none without a RoI head.
        maps: The student's feature maps.
        decoder: What its decoder gets, by name; empty without one.
    """

    batch: Batch
    inputs: Tensor
    data_samples: list[Any]
    rois: Tensor
    maps: Sequence[Tensor] = ()
    decoder: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Setting:
    """What the cases run on: models, optimiser and batches.

    Args:
        description: For the report.
        neck_channels: Of the student and of the teacher.
    """

    description: str
    student: BaseModel
    teacher: BaseModel
    optimizer: OptimWrapper
    samples: list[Sample]
    neck_channels: tuple[int, int]

    @property
    def device(self) -> torch.device:
        """The device of both models."""
        return next(self.student.parameters()).device


def digits(checkpoint: str | None = None, amp: bool = False) -> Setting:
    """The models and data of configs/mmdet/digits."""
    student, teacher = _digits_configs()
    batches = _digit_scenes(student)
    text = (
        'Faster R-CNN of the digit scenes, ResNet-18 of width 8 from one of width 32; '
        '8 images of 160x160 and 512 RoIs per step'
    )
    return _setting(text, student, teacher, batches, (32, 64), checkpoint, amp)


def digits_dense(checkpoint: str | None = None, amp: bool = False) -> Setting:
    """The GFL of configs/mmdet/digits; the heads of both have one width without it."""
    student, teacher = _digits_configs('gfl')
    text = (
        'GFL of the digit scenes, ResNet-18 of width 8 from one of width 32; 8 images '
        'of 160x160'
    )
    batches = _digit_scenes(student)
    return _setting(text, student, teacher, batches, (32, 64), checkpoint, amp)


def digits_queries(checkpoint: str | None = None, amp: bool = False) -> Setting:
    """A DAB-DETR of the zoo, narrow, on the digit scenes."""
    student, teacher = _digits_configs('gfl')
    batches = _digit_scenes(student)
    for cfg, width in ((student, 8), (teacher, 32)):
        cfg.model = _narrow_dab_detr(cfg.model.backbone, width)
    text = (
        'DAB-DETR with 3 layers of 32 channels from one with 3 layers of 128, '
        'ResNet-18 of width 8 from one of width 32; 8 images of 160x160 and 50 queries'
    )
    return _setting(text, student, teacher, batches, (32, 128), checkpoint, amp)


def coco(checkpoint: str | None = None, amp: bool = False) -> Setting:
    """Faster R-CNN R101 -> R18 on random images and boxes of COCO's usual size."""
    student = Config.fromfile(CONFIGS / 'faster_rcnn/faster-rcnn_r18_fpn_1x_coco.py')
    teacher, _ = read_config('mmdet::faster_rcnn/faster-rcnn_r101_fpn_2x_coco.py')
    register_all_modules()
    batch = demo_mm_inputs(2, [[3, 800, 1333]] * 2, num_items=[7, 7], num_classes=80)
    text = (
        'Faster R-CNN of configs/mmdet/faster_rcnn, ResNet-18 from ResNet-101; 2 '
        'images of 800x1333 with 7 random boxes each and 1024 RoIs per step'
    )
    return _setting(text, student, teacher, [batch], (256, 256), checkpoint, amp)


def imagenet(checkpoint: str | None = None, amp: bool = False) -> Setting:
    """ResNet-18 of ImageNet on random images, for the sections `alone` and `peers`."""
    student, _ = read_config('mmpretrain::resnet/resnet18_8xb32_in1k.py')
    batch = _random_images(16, 224)
    text = 'ResNet-18 of configs/mmpretrain; 16 random images of 224x224'
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        register_classifiers(init_default_scope=False)
        return _setting(text, student, student, [batch], (512, 512), checkpoint, amp)


def small(checkpoint: str | None = None, amp: bool = False) -> Setting:
    """The models of the digit scenes on one small random batch: to try a benchmark."""
    student, teacher = _digits_configs()
    register_all_modules()
    batch = demo_mm_inputs(2, [[3, 96, 96]] * 2, num_items=[3, 2], num_classes=10)
    text = (
        'Faster R-CNN of the digit scenes, ResNet-18 of width 8 from one of width 32; '
        '2 images of 96x96 with random boxes'
    )
    return _setting(text, student, teacher, [batch], (32, 64), checkpoint, amp)


SIZES = {
    'digits': digits,
    'digits-dense': digits_dense,
    'digits-queries': digits_queries,
    'coco': coco,
    'imagenet': imagenet,
    'small': small,
}


def _digit_scenes(cfg: Config) -> list[Batch]:
    """Batches of the training set of a config."""
    root = ROOT / 'data/digits/detection'
    write_digit_scenes(root)
    register_all_modules()
    cfg.train_dataloader.dataset.data_root = f'{root}/'
    loader = Runner.build_dataloader(cfg.train_dataloader, seed=0)
    return list(islice(loader, NUM_BATCHES))


def _random_images(number: int, side: int) -> Batch:
    samples = [
        DataSample(metainfo=dict(sample_idx=one)).set_gt_label(one)
        for one in range(number)
    ]
    return dict(inputs=torch.rand(number, 3, side, side) * 255, data_samples=samples)


def _narrow_dab_detr(backbone: dict[str, Any], width: int) -> dict[str, Any]:
    model: dict[str, Any] = get_config(
        'mmdet::dab_detr/dab-detr_r50_8xb2-50e_coco.py'
    ).model
    model['backbone'] = {**backbone, 'out_indices': (3,)}
    model['neck'].update(in_channels=[8 * width], out_channels=4 * width)
    for coder in (model['encoder'], model['decoder']):
        coder.num_layers = 3
        for part in coder.layer_cfg.values():
            part.embed_dims = 4 * width
        coder.layer_cfg.ffn_cfg.feedforward_channels = 16 * width
    model['positional_encoding'].num_feats = 2 * width
    model['num_queries'] = 50
    model['bbox_head'].update(num_classes=10, embed_dims=4 * width)
    return model


def _digits_configs(kind: str = 'faster-rcnn') -> tuple[Config, Config]:
    names = f'{kind}_r18-w8_digits.py', f'{kind}_r18-w32_digits.py'
    student, teacher = (Config.fromfile(CONFIGS / 'digits' / name) for name in names)
    return student, teacher


def _setting(
    description: str,
    student_cfg: Config,
    teacher_cfg: Config,
    batches: list[Batch],
    neck_channels: tuple[int, int],
    checkpoint: str | None,
    amp: bool,
) -> Setting:
    torch.manual_seed(0)
    student, teacher = (_model(cfg) for cfg in (student_cfg, teacher_cfg))
    if checkpoint is not None:
        load_weights(teacher, checkpoint)
    wrapper = deepcopy(student_cfg.optim_wrapper)
    wrapper.optimizer.lr = 0.0
    if amp:
        wrapper.update(type='AmpOptimWrapper', dtype='float16', loss_scale='dynamic')
    return Setting(
        f'{description}; the teacher has '
        + ('random weights' if checkpoint is None else f'the weights of {checkpoint}'),
        student.train(),
        teacher.eval().requires_grad_(False),
        build_optim_wrapper(student, wrapper),
        [sample_of(student, batch) for batch in batches],
        neck_channels,
    )


def _model(cfg: Config) -> BaseModel:
    cfg.model.backbone.init_cfg = None  # downloads nothing
    model = MODELS.build(cfg.model)
    model.init_weights()
    return model.to('cuda' if torch.cuda.is_available() else 'cpu')


def sample_of(student: BaseModel, batch: Batch) -> Sample:
    """With what the student's modules get and give in one forward."""
    data = student.data_preprocessor(deepcopy(batch), True)
    taps = [NECK, *(tap for tap in (ROIS, DECODER) if _has(student, tap))]
    with torch.no_grad(), noted(student, *taps) as recorder:
        student(**data, mode='loss')
        (maps,) = recorder.calls(NECK)
        rois, decoder = data['inputs'].new_zeros(0, 5), {}
        if ROIS in taps:
            _, rois = recorder.calls(ROIS)[0]
        if DECODER in taps:
            (decoder,) = recorder.calls(DECODER)
    return Sample(batch, data['inputs'], data['data_samples'], rois, maps, decoder)


def _has(student: BaseModel, tap: Tap) -> bool:
    return hasattr(student, tap.module.partition('.')[0])


@contextmanager
def noted(student: BaseModel, *taps: Tap) -> Iterator[Recorder]:
    """Notes what the student's modules get and give."""
    recorder = Recorder(student, taps)
    recorder.attach()
    recorder.open()
    try:
        yield recorder
    finally:
        recorder.detach()
