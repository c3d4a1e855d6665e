"""Stock detectors, narrow and shallow, of ten classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from mmengine.config import ConfigDict
from mmengine.hub import get_config
from mmengine.model import BaseModel
from mmengine.registry import MODELS, DefaultScope

__all__ = [
    'MASKED',
    'ONE_STAGE',
    'QUERY',
    'build',
    'cascade_rcnn',
    'faster_rcnn',
    'mask_rcnn',
    'masked_queries',
    'narrow',
    'narrow_dense',
    'narrow_rois',
    'one_stage',
    'query_based',
]

WIDTH = 32


def build(
    name: str, change: Callable[[Any], None] | None = None, seed: int = 0
) -> BaseModel:
    """A detector of a stock config with a narrow ResNet-18 and FPN, in eval mode."""
    model = narrow(name, change)
    torch.manual_seed(seed)
    with DefaultScope.overwrite_default_scope('mmdet'):
        detector = MODELS.build(model)
    detector.init_weights()
    detector.eval()  # LAD's and LD's return None
    return detector


def narrow(name: str, change: Callable[[Any], None] | None = None) -> ConfigDict:
    """The `model` of a stock config with a narrow ResNet-18 and FPN."""
    model = get_config(f'mmdet::{name}.py').model
    model.backbone = dict(
        type='ResNet', depth=18, base_channels=8, stem_channels=8, norm_eval=True
    )
    neck: Any = model.get('neck')
    if isinstance(neck, dict) and neck['type'] == 'FPN':
        neck.update(in_channels=[8, 16, 32, 64], out_channels=WIDTH)
    if change is not None:
        change(model)
    return model


def faster_rcnn(seed: int = 0) -> BaseModel:
    return build('faster_rcnn/faster-rcnn_r50_fpn_1x_coco', narrow_rois, seed)


def mask_rcnn(seed: int = 0) -> BaseModel:
    return build('mask_rcnn/mask-rcnn_r50_fpn_1x_coco', narrow_rois, seed)


def cascade_rcnn(seed: int = 0, masks: bool = False) -> BaseModel:
    name = 'cascade-mask-rcnn' if masks else 'cascade-rcnn'
    return build(f'cascade_rcnn/{name}_r50_fpn_1x_coco', narrow_rois, seed)


def narrow_rois(model: ConfigDict) -> None:
    roi_head = model.roi_head
    model.rpn_head.update(in_channels=WIDTH, feat_channels=WIDTH)
    heads = roi_head.bbox_head
    for head in heads if isinstance(heads, list) else [heads]:
        head.update(in_channels=WIDTH, fc_out_channels=WIDTH, num_classes=10)
    roi_head.bbox_roi_extractor.out_channels = WIDTH
    if 'mask_head' in roi_head:
        roi_head.mask_roi_extractor.out_channels = WIDTH
        roi_head.mask_head.update(
            in_channels=WIDTH, conv_out_channels=WIDTH, num_classes=10, num_convs=1
        )
    stages = model.train_cfg.rcnn
    for stage in stages if isinstance(stages, list) else [stages]:
        stage.sampler.num = 32
    model.train_cfg.rpn_proposal.update(nms_pre=100, max_per_img=50)


def one_stage(
    kind: str, change: Callable[[Any], None] | None = None, seed: int = 0
) -> BaseModel:
    """A detector with one dense head: a key of :data:`ONE_STAGE`."""

    def narrow_and_change(model: ConfigDict) -> None:
        narrow_dense(model)
        if change is not None:
            change(model)

    return build(ONE_STAGE[kind], narrow_and_change, seed)


ONE_STAGE = {
    'RetinaNet': 'retinanet/retinanet_r18_fpn_1x_coco',
    'FCOS': 'fcos/fcos_r50-caffe_fpn_gn-head_1x_coco',
    'ATSS': 'atss/atss_r50_fpn_1x_coco',
    'GFL': 'gfl/gfl_r50_fpn_1x_coco',
    'RTMDet': 'rtmdet/rtmdet_tiny_8xb32-300e_coco',
    'YOLOX': 'yolox/yolox_tiny_8xb8-300e_coco',
}


def narrow_dense(model: ConfigDict) -> None:
    """RTMDet's and YOLOX's necks need three levels; an FPN gives as many."""
    if model.neck.type in ('CSPNeXtPAFPN', 'YOLOXPAFPN'):
        model.neck = dict(
            type='FPN',
            in_channels=[8, 16, 32, 64],
            start_level=1,
            num_outs=3,
            out_channels=WIDTH,
        )
    model.data_preprocessor.pop('batch_augments', None)
    model.bbox_head.update(
        in_channels=WIDTH, feat_channels=WIDTH, num_classes=10, stacked_convs=1
    )


QUERY = {
    'DETR': 'detr/detr_r50_8xb2-150e_coco',
    'ConditionalDETR': 'conditional_detr/conditional-detr_r50_8xb2-50e_coco',
    'DABDETR': 'dab_detr/dab-detr_r50_8xb2-50e_coco',
    'DDQDETR': 'ddq/ddq-detr-4scale_r50_8xb2-12e_coco',
    'DeformableDETR': 'deformable_detr/deformable-detr_r50_16xb2-50e_coco',
    'DINO': 'dino/dino-4scale_r50_8xb2-12e_coco',
}


def query_based(
    kind: str,
    num_queries: int = 12,
    num_classes: int = 10,
    seed: int = 0,
    width: int = WIDTH,
    num_layers: int = 2,
) -> BaseModel:
    """A detector with queries: a key of :data:`QUERY`; trains without dropout."""

    if kind == 'ConditionalDETR':
        width = 256  # it is written into it

    def narrow_queries(model: ConfigDict) -> None:
        outs = model.neck.num_outs
        model.backbone.out_indices = (3,) if outs == 1 else (1, 2, 3)
        model.neck.in_channels = [64] if outs == 1 else [16, 32, 64]
        model.neck.out_channels = width
        for coder in (model.encoder, model.decoder):
            coder.num_layers = num_layers
            for name, part in coder.layer_cfg.items():
                part.embed_dims = width
                if name == 'ffn_cfg':
                    part.update(feedforward_channels=width, ffn_drop=0.0)
                else:
                    drops = {'dropout', 'attn_drop', 'proj_drop'} & set(part)
                    part.update(dict.fromkeys(drops or {'dropout'}, 0.0))
        model.positional_encoding.num_feats = width // 2
        model.num_queries = num_queries
        model.bbox_head.num_classes = num_classes
        model.bbox_head.embed_dims = width

    return build(QUERY[kind], narrow_queries, seed)


MASKED = {
    'MaskFormer': 'maskformer/maskformer_r50_ms-16xb1-75e_coco',
    'Mask2Former': 'mask2former/mask2former_r50_8xb2-lsj-50e_coco',
    'Mask2FormerPanoptic': 'mask2former/mask2former_r50_8xb2-lsj-50e_coco-panoptic',
}


def masked_queries(kind: str, num_queries: int = 12, seed: int = 0) -> BaseModel:
    """A detector whose queries have a mask each: a key of :data:`MASKED`.

    Of ten classes, four of which are stuff in panoptic heads; trains without dropout.
    """

    def narrow_masks(model: ConfigDict) -> None:
        head = model.panoptic_head
        stuff = 4 if head.num_stuff_classes else 0
        for one in (head, model.panoptic_fusion_head):
            one.update(num_things_classes=10 - stuff, num_stuff_classes=stuff)
        head.update(
            in_channels=[8, 16, 32, 64],
            feat_channels=WIDTH,
            out_channels=WIDTH,
            num_queries=num_queries,
        )
        head.loss_cls.class_weight = [1.0] * 10 + [0.1]
        head.positional_encoding.num_feats = WIDTH // 2
        head.pixel_decoder.positional_encoding.num_feats = WIDTH // 2
        for coder in (head.pixel_decoder.encoder, head.transformer_decoder):
            coder.num_layers = 2
            for name, part in coder.layer_cfg.items():
                part.embed_dims = WIDTH
                if name == 'ffn_cfg':
                    part.update(feedforward_channels=WIDTH, ffn_drop=0.0)
                else:
                    part.dropout = 0.0
        model.data_preprocessor.pop('batch_augments', None)

    return build(MASKED[kind], narrow_masks, seed)
