"""Small builds of the dense heads of the zoo that differ from a RetinaNet's."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from mmdet.testing import demo_mm_inputs
from mmengine.config import ConfigDict
from mmengine.hub import get_config
from mmengine.logging import MessageHub
from mmengine.model import BaseModel
from torch import Tensor

from ..detectors import WIDTH, build, narrow_dense

__all__ = [
    'ZOO',
    'batch',
    'flat',
    'inputs_of',
    'noted_labels',
    'outputs_of',
    'part',
    'zoo',
]


@dataclass(frozen=True)
class Kind:
    """A config, how it is made small, and whether a loss tells what is assigned."""

    config: str
    change: Callable[[ConfigDict], None] = narrow_dense
    has_labels: bool = True


def zoo(kind: str, seed: int = 0) -> BaseModel:
    """A detector of a kind of :data:`ZOO`, of ten classes, in training mode.

    Its weights are scattered, so that no two rows are the same.
    """
    detector = build(ZOO[kind].config, ZOO[kind].change, seed)
    torch.manual_seed(seed)
    for name, parameter in detector.named_parameters():
        if not name.startswith(('backbone', 'neck')) and parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.1)
    detector.train()
    hub = MessageHub.get_current_instance()
    for name in ('epoch', 'iter'):  # TOOD and BoxInst read them
        hub.update_info(name, 0)
    return detector


def batch(kind: str, num_items: list[int] | None = None) -> dict[str, Any]:
    """Two images, one wide and one high, with boxes and masks.

    YOLACT's loss needs images of one size, which its pipeline makes.
    """
    sizes = [[3, 128, 160], [3, 160, 128]]
    if kind == 'YOLACT':
        sizes = [[3, 128, 128]] * 2
    return demo_mm_inputs(
        2,
        sizes,
        num_items=num_items or [3, 2],
        num_classes=10,
        with_mask=True,
    )


def part(**options: Any) -> dict[str, Any]:
    return dict(part='dense_logits', **options)


def outputs_of(detector: BaseModel, data: dict[str, Any]) -> Any:
    """What the head returns as in training, of heads that filter in eval mode."""
    head = getattr(detector, 'bbox_head', None) or detector.mask_head
    mode, head.training = head.training, True
    with torch.no_grad():
        found = head(detector.extract_feat(inputs_of(detector, data)))
    head.training = mode
    return found


def inputs_of(detector: BaseModel, data: dict[str, Any]) -> Tensor:
    return detector.data_preprocessor(deepcopy(data), True)['inputs']


def flat(maps: list[Tensor], width: int) -> Tensor:
    """(N, P, width) in the order level, y, x, anchor."""
    return torch.cat(
        [level.permute(0, 2, 3, 1).reshape(len(level), -1, width) for level in maps], 1
    )


def noted_labels(detector: BaseModel) -> list[tuple[Tensor, Tensor]]:
    """Logits (K, C) and labels (K,) of each call of the class loss."""
    head = getattr(detector, 'bbox_head', None) or detector.mask_head
    found: list[tuple[Tensor, Tensor]] = []

    def note(loss: Any, args: Any) -> None:
        pred, target, *_ = (one[0] if isinstance(one, tuple) else one for one in args)
        if pred.ndim == 4:  # a heat map
            pred, target = flat([pred], 10), flat([target], 10) == 1
        pred = pred.detach().reshape(-1, pred.shape[-1])
        if target.ndim > 1:
            target = target.reshape(-1, 10).float()
            target = torch.where(target.amax(1) > 0, target.argmax(1), 10)
        found.append((pred, target))

    names = ('loss_cls', 'initial_loss_cls', 'loss_center_heatmap', 'loss_heatmap')
    for name in names:
        if hasattr(head, name):
            getattr(head, name).register_forward_pre_hook(note)
    return found


def _head(**changes: Any) -> Callable[[ConfigDict], None]:
    """The stock head, narrow."""

    def change(model: ConfigDict) -> None:
        model.data_preprocessor.pop('batch_augments', None)
        head = model.bbox_head
        head.num_classes = 10
        for name in ('in_channels', 'feat_channels', 'point_feat_channels'):
            if name in head:
                head[name] = WIDTH
        if 'stacked_convs' in head:
            head.stacked_convs = 1
        head.update(changes)

    return change


def _tower(**changes: Any) -> Callable[[ConfigDict], None]:
    """The same, of heads whose defaults must be written out."""
    return _head(in_channels=WIDTH, feat_channels=WIDTH, stacked_convs=1, **changes)


def _fpn(model: ConfigDict, outs: int) -> None:
    model.neck = dict(
        type='FPN', in_channels=[8, 16, 32, 64], out_channels=WIDTH, num_outs=outs
    )


def _ssd(model: ConfigDict) -> None:
    _fpn(model, 6)
    model.bbox_head.update(in_channels=(WIDTH,) * 6, num_classes=10)


def _yolov3(model: ConfigDict) -> None:
    model.backbone.out_indices = (1, 2, 3)
    model.neck.update(in_channels=[64, 32, 16], out_channels=[32, 16, 8])
    model.bbox_head.update(
        num_classes=10, in_channels=[32, 16, 8], out_channels=[16, 16, 16]
    )


def _yolof(model: ConfigDict) -> None:
    model.backbone.out_indices = (3,)
    model.neck.update(in_channels=64, out_channels=WIDTH, block_mid_channels=8)
    _head()(model)


def _centernet(model: ConfigDict) -> None:
    model.neck.update(in_channels=64, num_deconv_filters=(32, 16, 16), use_dcn=False)
    model.bbox_head.update(in_channels=16, feat_channels=16, num_classes=10)


def _cornernet(model: ConfigDict) -> None:
    model.backbone = dict(
        type='HourglassNet',
        downsample_times=2,
        num_stacks=2,
        stage_channels=[16, 16, 16],
        stage_blocks=[1, 1, 1],
        feat_channel=16,
        norm_cfg=dict(type='BN'),
    )
    model.bbox_head.update(in_channels=16, num_classes=10)


def _lad(model: ConfigDict) -> None:
    narrow_dense(model)
    model.teacher_ckpt = None
    model.teacher_backbone = deepcopy(model.backbone)
    model.teacher_neck = deepcopy(model.neck)
    model.teacher_bbox_head.update(model.bbox_head)


def _ld(model: ConfigDict) -> None:
    narrow_dense(model)
    teacher = get_config('mmdet::gfl/gfl_r50_fpn_1x_coco.py').model
    teacher.backbone, teacher.neck = deepcopy(model.backbone), deepcopy(model.neck)
    narrow_dense(teacher)
    model.teacher_config, model.teacher_ckpt = dict(model=teacher), None


def _rtmdet_ins(model: ConfigDict) -> None:
    narrow_dense(model)
    model.data_preprocessor.pad_mask = True


def _yolact(model: ConfigDict) -> None:
    _head(in_channels=WIDTH, feat_channels=WIDTH)(model)
    model.mask_head.update(in_channels=WIDTH, num_classes=10)
    if 'segm_head' in model:
        model.segm_head.update(in_channels=WIDTH, num_classes=10)


def _condinst(model: ConfigDict) -> None:
    _head()(model)
    features = model.mask_head.mask_feature_head
    features.update(in_channels=WIDTH, feat_channels=WIDTH, num_stacked_convs=1)


def _solo(model: ConfigDict) -> None:
    model.mask_head.update(
        in_channels=WIDTH,
        feat_channels=WIDTH,
        stacked_convs=2,
        num_classes=10,
        num_grids=[8, 7, 6, 5, 4],
    )
    if 'mask_feature_head' in model.mask_head:
        model.mask_head.mask_feature_head.update(feat_channels=32, out_channels=32)


ZOO = {
    'AutoAssign': Kind(
        'autoassign/autoassign_r50-caffe_fpn_1x_coco', _tower(), has_labels=False
    ),
    'BoxInst': Kind('boxinst/boxinst_r50_fpn_ms-90k_coco', _condinst),
    'CenterNet': Kind('centernet/centernet_r18_8xb16-crop512-140e_coco', _centernet),
    'CenterNetUpdate': Kind(
        'centernet/centernet-update_r50_fpn_8xb8-amp-lsj-200e_coco',
        _tower(),
        has_labels=False,
    ),
    'CentripetalNet': Kind(
        'centripetalnet/centripetalnet_hourglass104_16xb6-crop511-210e-mstest_coco',
        _cornernet,
    ),
    'CondInst': Kind('condinst/condinst_r50_fpn_ms-poly-90k_coco_instance', _condinst),
    'CornerNet': Kind(
        'cornernet/cornernet_hourglass104_8xb6-210e-mstest_coco', _cornernet
    ),
    'DDOD': Kind('ddod/ddod_r50_fpn_1x_coco', _tower(use_dcn=False)),
    'DecoupledSOLO': Kind('solo/decoupled-solo_r50_fpn_1x_coco', _solo),
    'DecoupledSOLOLight': Kind('solo/decoupled-solo-light_r50_fpn_3x_coco', _solo),
    'FoveaBox': Kind('foveabox/fovea_r50_fpn_4xb4-1x_coco', _tower()),
    'FreeAnchor': Kind(
        'free_anchor/freeanchor_r50_fpn_1x_coco', _tower(), has_labels=False
    ),
    'FSAF': Kind('fsaf/fsaf_r50_fpn_1x_coco', _tower()),
    'GARetinaNet': Kind('guided_anchoring/ga-retinanet_r50_fpn_1x_coco', _tower()),
    'GHM': Kind('ghm/retinanet_r50_fpn_ghm-1x_coco', _tower()),
    'LAD': Kind('lad/lad_r50-paa-r101_fpn_2xb8_coco_1x', _lad),
    'LD': Kind('ld/ld_r18-gflv1-r101_fpn_1x_coco', _ld),
    'PAA': Kind('paa/paa_r50_fpn_1x_coco', _tower()),
    'PISA RetinaNet': Kind('pisa/retinanet-r50_fpn_pisa_1x_coco', _tower()),
    'RepPoints': Kind('reppoints/reppoints-moment_r50_fpn_1x_coco', _head()),
    'RTMDet-Ins': Kind('rtmdet/rtmdet-ins_tiny_8xb32-300e_coco', _rtmdet_ins),
    'SABL RetinaNet': Kind('sabl/sabl-retinanet_r50_fpn_1x_coco', _tower()),
    'SOLO': Kind('solo/solo_r50_fpn_1x_coco', _solo),
    'SOLOv2': Kind('solov2/solov2_r50_fpn_1x_coco', _solo),
    'SepBN': Kind('nas_fpn/retinanet_r50_fpn_crop640-50e_coco', _tower(num_ins=5)),
    'SSD': Kind('ssd/ssd300_coco', _ssd, has_labels=False),
    'TOOD': Kind('tood/tood_r50_fpn_1x_coco', _tower()),
    'VFNet': Kind('vfnet/vfnet_r50_fpn_1x_coco', _tower()),
    'YOLACT': Kind('yolact/yolact_r50_1xb8-55e_coco', _yolact),
    'YOLOF': Kind('yolof/yolof_r50-c5_8xb8-1x_coco', _yolof),
    'YOLOv3': Kind('yolo/yolov3_mobilenetv2_8xb24-320-300e_coco', _yolov3),
}
