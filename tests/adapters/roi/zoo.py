"""Two-stage detectors of the zoo, narrow and shallow, of ten classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from mmdet.testing import demo_mm_inputs
from mmengine.config import ConfigDict
from mmengine.model import BaseModel
from mmengine.structures import InstanceData

from ..detectors import WIDTH, build

__all__ = ['ZOO', 'batch', 'zoo']

ZOO = {
    'C4': 'mask_rcnn/mask-rcnn_r50-caffe-c4_1x_coco',
    'CascadeRPN': 'cascade_rpn/cascade-rpn_faster-rcnn_r50-caffe_fpn_1x_coco',
    'CascadeSABL': 'sabl/sabl-cascade-rcnn_r50_fpn_1x_coco',
    'CrowdDet': 'crowddet/crowddet-rcnn_r50_fpn_8xb2-30e_crowdhuman',
    'CrowdDetRefine': 'crowddet/crowddet-rcnn_refine_r50_fpn_8xb2-30e_crowdhuman',
    'DetectoRS': 'detectors/detectors_htc-r50_1x_coco',
    'DoubleHead': 'double_heads/dh-faster-rcnn_r50_fpn_1x_coco',
    'DynamicRCNN': 'dynamic_rcnn/dynamic-rcnn_r50_fpn_1x_coco',
    'FCOSRPN': 'faster_rcnn/faster-rcnn_r50_fpn_fcos-rpn_1x_coco',
    'FastRCNN': 'fast_rcnn/fast-rcnn_r50_fpn_1x_coco',
    'GARPN': 'guided_anchoring/ga-faster-rcnn_r50_fpn_1x_coco',
    'GridRCNN': 'grid_rcnn/grid-rcnn_r50_fpn_gn-head_1x_coco',
    'GRoIE': 'groie/faste-rcnn_r50_fpn_groie_1x_coco',
    'HTC': 'htc/htc_r50_fpn_1x_coco',
    'HTCWithoutSemantic': 'htc/htc-without-semantic_r50_fpn_1x_coco',
    'LibraRCNN': 'libra_rcnn/libra-faster-rcnn_r50_fpn_1x_coco',
    'MaskScoring': 'ms_rcnn/ms-rcnn_r50_fpn_1x_coco',
    'PISA': 'pisa/mask-rcnn_r50_fpn_pisa_1x_coco',
    'PanopticFPN': 'panoptic_fpn/panoptic-fpn_r50_fpn_1x_coco',
    'PointRend': 'point_rend/point-rend_r50-caffe_fpn_ms-1x_coco',
    'QueryInst': 'queryinst/queryinst_r50_fpn_1x_coco',
    'SABL': 'sabl/sabl-faster-rcnn_r50_fpn_1x_coco',
    'SCNet': 'scnet/scnet_r50_fpn_1x_coco',
    'SparseRCNN': 'sparse_rcnn/sparse-rcnn_r50_fpn_1x_coco',
}


def zoo(
    kind: str, seed: int = 0, change: Callable[[ConfigDict], None] | None = None
) -> BaseModel:
    """A detector of the zoo: a key of :data:`ZOO`."""

    def narrow_and_change(model: ConfigDict) -> None:
        _narrow(kind, model)
        if change is not None:
            change(model)

    return build(ZOO[kind], narrow_and_change, seed)


def batch(
    detector: BaseModel, num_items: tuple[int, int] = (3, 2), seed: int = 0
) -> dict[str, Any]:
    """Two images with what the detector is trained on."""
    head = getattr(detector.roi_head, 'semantic_head', None)
    data = demo_mm_inputs(
        2,
        [[3, 64, 96], [3, 96, 64]],
        num_items=list(num_items),
        num_classes=10,
        with_mask=True,
        with_semantic=head is not None or hasattr(detector, 'semantic_head'),
    )
    generator = torch.Generator().manual_seed(seed)
    for sample in data['data_samples']:
        if getattr(detector, 'rpn_head', None) is None:
            sample.proposals = _proposals(generator)
        if getattr(detector.roi_head.bbox_head, 'num_instance', 1) > 1:
            sample.gt_instances.labels[:] = 1  # CrowdHuman's only class
    return data


def _narrow(kind: str, model: ConfigDict) -> None:
    for part in ('rpn_head', 'roi_head', 'semantic_head'):
        if part in model:
            _narrow_channels(model[part])
    stages = model.train_cfg.get('rcnn', [])
    for stage in stages if isinstance(stages, list) else [stages]:
        if 'num' in stage.get('sampler', {}):
            stage.sampler.num = 32
    if 'rpn_proposal' in model.train_cfg:
        model.train_cfg.rpn_proposal.update(nms_pre=100, max_per_img=50)
    _SPECIAL.get(kind, lambda model: None)(model)


def _narrow_channels(config: Any) -> None:
    for key, value in config.items():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, dict):
                _narrow_channels(one)
        if 'channel' in key and value in (256, 512, 1024, 2048):
            config[key] = WIDTH
        if key == 'num_classes' and value == 80:
            config[key] = 10


def _proposals(generator: torch.Generator) -> InstanceData:
    boxes = torch.rand(20, 4, generator=generator) * 30
    boxes[:, 2:] += boxes[:, :2] + 8
    return InstanceData(bboxes=boxes, scores=torch.ones(20))


def _detectors(model: ConfigDict) -> None:
    """Their backbone has 50 layers at least."""
    narrow = dict(
        type='DetectoRS_ResNet', depth=50, base_channels=4, stem_channels=4,
        norm_eval=True,
    )  # fmt: skip
    model.backbone = dict(narrow, output_img=True)
    channels = [16, 32, 64, 128]
    model.neck.update(in_channels=channels, out_channels=WIDTH, aspp_out_channels=8)
    model.neck.rfp_backbone = dict(narrow, rfp_inplanes=WIDTH)


def _c4(model: ConfigDict) -> None:
    """The shared head has the widths of a ResNet that is not narrow."""
    model.backbone.update(base_channels=64, num_stages=3, out_indices=(2,))
    model.backbone.update(strides=(1, 2, 2), dilations=(1, 1, 1))
    roi_head = model.roi_head
    roi_head.shared_head = dict(type='ResLayer', depth=18, stage=3, norm_eval=True)
    model.rpn_head.in_channels = roi_head.bbox_roi_extractor.out_channels = 256
    roi_head.bbox_head.in_channels = roi_head.mask_head.in_channels = 512


def _dynamic(model: ConfigDict) -> None:
    for head in model.roi_head.bbox_head:
        head.dynamic_conv_cfg.feat_channels = 8
    model.rpn_head.num_proposals = 6
    number = model.roi_head.num_stages = 2
    model.roi_head.stage_loss_weights = [1] * number
    for part in (model.roi_head, model.train_cfg):
        for key, value in part.items():
            if isinstance(value, list):
                part[key] = value[:number]


def _libra(model: ConfigDict) -> None:
    fpn, bfp = model.neck
    fpn.update(in_channels=[8, 16, 32, 64], out_channels=WIDTH)
    bfp.in_channels = WIDTH


_SPECIAL: dict[str, Callable[[ConfigDict], None]] = {
    'C4': _c4,
    'DetectoRS': _detectors,
    'LibraRCNN': _libra,
    'QueryInst': _dynamic,
    'SparseRCNN': _dynamic,
}
