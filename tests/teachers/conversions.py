"""Files that models of MMDetection and MMPretrain convert while they load them.

Each row is a file made in a published pattern, for a small model of the real class.
`SOURCES` is where the installed packages convert: a version that adds a place fails.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..adapters.detectors import narrow_dense, narrow_rois
from .zoo_models import (
    FASTER_RCNN,
    aws,
    deformable,
    detector,
    lora,
    masks,
    narrow_rpn,
    sam,
    soft_teacher,
    swin,
    swin_v2,
    t2t,
    vit,
    wrapped,
)

__all__ = ['CONVERSIONS', 'REFUSED', 'SOURCES', 'Conversion']

State = dict[str, Tensor]


@dataclass(frozen=True)
class Conversion:
    """A file, and the model that is to take it.

    Args:
        name: What is done, as in the table of `docs/loading.md`.
        model: Config of the model.
        file: What the file has, from the state dict of its own model.
        saved: Config of the file's model; that of `model` if left out.
        renamed: Only names change, so that the weights are those of the file's model.
        ignored: What the warning says is too much, or the error of a refusal.
    """

    name: str
    model: Callable[[], dict[str, Any]]
    file: Callable[[State], State]
    saved: Callable[[], dict[str, Any]] | None = None
    renamed: bool = False
    ignored: str = ''


def rename(*pairs: tuple[str, str]) -> Callable[[State], State]:
    """Parts of names, in this order; the versions are gone with it."""

    def change(state: State) -> State:
        renamed = {}
        for name, value in state.items():
            for old, new in pairs:
                name = name.replace(old, new)
            renamed[name] = value
        return renamed

    return change


def without(*parts: str) -> Callable[[State], State]:
    def change(state: State) -> State:
        return {
            name: value
            for name, value in state.items()
            if not any(part in name for part in parts)
        }

    return change


def unchanged(state: State) -> State:
    return state


def with_more(more: Callable[[State], State]) -> Callable[[State], State]:
    return lambda state: {**more(state), **state}


CONVERSIONS = (
    Conversion(
        'FCOS, names of its own',
        detector('fcos/fcos_r50-caffe_fpn_gn-head_1x_coco', narrow_dense),
        rename(('conv_cls', 'fcos_cls'), ('conv_reg', 'fcos_reg')),
        renamed=True,
    ),
    Conversion(
        'VFNet, which keeps its names',
        detector('vfnet/vfnet_r50_fpn_1x_coco', narrow_dense),
        rename(),
        renamed=True,
    ),
    Conversion(
        'RPN, rpn_head',
        detector('rpn/rpn_r50_fpn_1x_coco', narrow_rpn),
        rename(('bbox_head.', 'rpn_head.')),
        renamed=True,
    ),
    Conversion(
        'RPN from a two-stage file',
        detector('rpn/rpn_r50_fpn_1x_coco', narrow_rpn),
        unchanged,
        saved=detector(FASTER_RCNN, narrow_rois),
        ignored='roi_head.bbox_head.fc_cls.weight',
    ),
    Conversion(
        'ConvAWS, without gamma and beta',
        detector(FASTER_RCNN, aws),
        without('weight_gamma', 'weight_beta'),
    ),
    Conversion(
        'Mask2Former for video, panoptic_head',
        masks('mask2former_vis/mask2former_r50_8xb2-8e_youtubevis2019'),
        rename(('track_head.', 'panoptic_head.')),
        renamed=True,
    ),
    Conversion(
        'Mask2Former, which keeps its names',
        masks('mask2former/mask2former_r50_8xb2-lsj-50e_coco'),
        rename(),
        renamed=True,
    ),
    Conversion(
        'MaskFormer, which keeps its names',
        masks('maskformer/maskformer_r50_ms-16xb1-75e_coco'),
        rename(),
        renamed=True,
    ),
    Conversion(
        'SoftTeacher from a detector',
        soft_teacher,
        unchanged,
        saved=detector(FASTER_RCNN, narrow_rois),
    ),
    Conversion(
        'Swin, norm and attn_mask',
        swin(32, 2),
        with_more(
            lambda state: {
                'backbone.norm.weight': state.pop('backbone.norm3.weight'),
                'backbone.norm.bias': state.pop('backbone.norm3.bias'),
                'backbone.stages.0.blocks.1.attn_mask': torch.ones(1),
            }
        ),
        renamed=True,
    ),
    Conversion(
        'Swin, another window and image',
        swin(48, 4, use_abs_pos_embed=False),
        unchanged,
        saved=swin(32, 3),
    ),
    Conversion(
        'Swin V2, another window',
        swin_v2(48, 3),
        unchanged,
        saved=swin_v2(48, 3),
        renamed=True,
    ),
    Conversion(
        'ViT, another image',
        vit('VisionTransformer', 48),
        unchanged,
        saved=vit('VisionTransformer', 32),
    ),
    Conversion(
        'ViT without class token',
        vit('VisionTransformer', 32, with_cls_token=False, out_type='avg_featmap'),
        unchanged,
        saved=vit('VisionTransformer', 32, out_type='avg_featmap'),
        ignored='backbone.cls_token',
    ),
    Conversion(
        'DeiT III, another image',
        vit('DeiT3', 48),
        unchanged,
        saved=vit('DeiT3', 32),
    ),
    Conversion(
        'BEiT, another image',
        vit('BEiTViT', 48),
        unchanged,
        saved=vit('BEiTViT', 32),
    ),
    Conversion(
        'RevViT, another image',
        vit('RevVisionTransformer', 48),
        unchanged,
        saved=vit('RevVisionTransformer', 32),
    ),
    Conversion(
        'T2T-ViT, another image', t2t(96), unchanged, saved=t2t(64), renamed=False
    ),
    Conversion('SAM, another image', sam(48), unchanged, saved=sam(32)),
    Conversion('a model of timm', wrapped('TimmClassifier'), unchanged, renamed=True),
    Conversion(
        'a model of Hugging Face',
        wrapped('HuggingFaceClassifier'),
        unchanged,
        renamed=True,
    ),
)

REFUSED = (
    Conversion(
        'two-stage from a single-stage file, whose RoI head has no weights',
        detector(FASTER_RCNN, narrow_rois),
        unchanged,
        saved=detector('rpn/rpn_r50_fpn_1x_coco', narrow_rpn),
        ignored=r'8 missing \(roi_head.bbox_head.fc_cls.weight.*; 0 unexpected',
    ),
    Conversion(
        'FCOS of other classes, names of its own',
        detector('fcos/fcos_r50-caffe_fpn_gn-head_1x_coco', narrow_dense),
        lambda state: {
            name.replace('conv_cls', 'fcos_cls'): value[:3] if 'cls' in name else value
            for name, value in state.items()
        },
        ignored=r'0 missing; 0 unexpected; .*conv_cls.weight \(3, .* in the checkpoint',
    ),
    Conversion(
        'deformable convolution, conv2_offset',
        detector(FASTER_RCNN, deformable('DCN')),
        rename(('conv2.conv_offset', 'conv2_offset')),
        ignored=r'missing \(backbone.layer4.0.conv2.conv_offset.weight',
    ),
    Conversion(
        'modulated deformable convolution, conv2_offset',
        detector(FASTER_RCNN, deformable('DCNv2')),
        rename(('conv2.conv_offset', 'conv2_offset')),
        ignored=r'missing \(backbone.layer4.0.conv2.conv_offset.weight',
    ),
    Conversion(
        'Swin of another window, without its index tables',
        swin(48, 4),
        without('relative_position_index'),
        saved=swin(32, 3),
        ignored=r'4 missing \(.*_index\).*own loading code failed with KeyError:',
    ),
    Conversion(
        'LoRA, the file of which has its own weights alone',
        lora,
        unchanged,
        ignored=r'30 missing \(backbone.module.cls_token',
    ),
)

# Files of the packages in which models convert.
SOURCES = {
    'mmcv/cnn/bricks/conv_ws.py',
    'mmcv/ops/deform_conv.py',
    'mmcv/ops/modulated_deform_conv.py',
    'mmdet/models/dense_heads/anchor_free_head.py',
    'mmdet/models/dense_heads/vfnet_head.py',
    'mmdet/models/detectors/semi_base.py',
    'mmdet/models/detectors/single_stage.py',
    'mmdet/models/detectors/two_stage.py',
    'mmdet/models/vis/mask2former_vis.py',
    'mmpretrain/models/backbones/beit.py',
    'mmpretrain/models/backbones/deit3.py',
    'mmpretrain/models/backbones/revvit.py',
    'mmpretrain/models/backbones/swin_transformer.py',
    'mmpretrain/models/backbones/swin_transformer_v2.py',
    'mmpretrain/models/backbones/t2t_vit.py',
    'mmpretrain/models/backbones/vision_transformer.py',
    'mmpretrain/models/backbones/vit_sam.py',
    'mmpretrain/models/classifiers/hugging_face.py',
    'mmpretrain/models/classifiers/image.py',
    'mmpretrain/models/classifiers/timm.py',
    'mmpretrain/models/peft/lora.py',
    # generate text: no adapter takes them as teachers
    'mmpretrain/models/multimodal/blip2/blip2_caption.py',
    'mmpretrain/models/multimodal/flamingo/flamingo.py',
    'mmpretrain/models/multimodal/llava/llava.py',
    'mmpretrain/models/multimodal/minigpt4/minigpt4.py',
    'mmpretrain/models/multimodal/otter/otter.py',
}
