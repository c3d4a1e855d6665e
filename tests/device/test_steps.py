"""Steps of each kind of detector with all its parts: as on the CPU, few waits.

Losses and gradients are the CPU's. A tensor on the wrong device would be refused.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from mmdet.models.roi_heads.roi_extractors import SingleRoIExtractor

from device.families import parts_of, setting_of
from device.steps import Setting, on_cpu, on_device, stock_on_device

from ..adapters.detectors import MASKED, ONE_STAGE, QUERY
from .checks import check_values

BY_INDICES = 'index with a mask at ckd_mm/adapters/dense/priors.py (choose_rows)'
MATCHED = 'copy from the device at ckd_mm/adapters/query/matching.py (match)'
DECODED = 'tensor of numbers at mmdet/models/task_modules/coders/'
DECODED += 'delta_xywh_bbox_coder.py (delta2bbox)'
SIZES = '_local_scalar_dense at mmcv/ops/multi_scale_deform_attn.py'
LEVELS = 'nonzero at mmdet/models/roi_heads/roi_extractors/'
LEVELS += 'single_level_roi_extractor.py (forward)'
WAITS = {'rpn_boxes': {BY_INDICES: 1}, 'query_logits': {MATCHED: 1}}
"""What the default term of a part waits for."""
MORE_WAITS = {
    **dict.fromkeys(MASKED, {MATCHED: 1}),  # matched again for `mask_logits`
    # two layers of the student's decoder run once more, for both shared parts; the
    # second line is of mmcv's stand-in for its kernel, on the CPU
    **dict.fromkeys(
        ('DINO', 'DeformableDETR'),
        {
            f'{SIZES} (forward)': 2,
            f'{SIZES} (multi_scale_deformable_attn_pytorch)': 24,
        },
    ),
    # boxes of both models, and of each of two images, are decoded once more
    **dict.fromkeys(('SparseRCNN', 'QueryInst'), {DECODED: 8}),
}

FAST = ('ResNet', 'ViT', 'FasterRCNN', 'CascadeMaskRCNN', 'GFL', 'YOLOX', 'DETR')
SLOW = ('MaskRCNN', 'DINO', 'Mask2Former', 'HTC', 'SparseRCNN', 'CenterNet', 'SOLO')
SWEPT = (*ONE_STAGE, *QUERY, *MASKED, 'SCNet', 'CrowdDet', 'CascadeRPN', 'PISA', 'SSD')
SWEPT += ('PanopticFPN', 'PointRend', 'CornerNet', 'YOLOv3', 'TOOD', 'GARetinaNet')
SWEPT += ('GridRCNN', 'QueryInst', 'LibraRCNN')
"""One of each kind; the table of `docs/device.md` has all."""
MARKS = {
    **dict.fromkeys(SWEPT, [pytest.mark.sweep]),
    **dict.fromkeys(SLOW, [pytest.mark.slow]),
    **dict.fromkeys(FAST, []),
}


def expected_waits(setting: Setting, family: str) -> Counter[str]:
    found = Counter(MORE_WAITS.get(family, {}))
    for on in setting.distill:
        found.update(WAITS.get(on, {}))
    if 'cross_roi_logits' in setting.distill:
        found[LEVELS] += levels_of_rois(setting.teacher)
    return found


def levels_of_rois(detector: Any) -> int:
    """What the extractors of boxes and masks ask for in one run: the RoIs by level."""
    extractors = (
        module
        for module in detector.roi_head.modules()
        if isinstance(module, SingleRoIExtractor) and module.num_inputs > 1
    )
    return sum(extractor.num_inputs for extractor in extractors)


@pytest.mark.parametrize(
    'family', [pytest.param(family, marks=marks) for family, marks in MARKS.items()]
)
def test_all_parts_of_a_family_at_once(device: Any, family: str) -> None:
    plain = setting_of(family)
    setting = replace(plain, distill={part.on: part.term for part in parts_of(plain)})
    assert setting.distill
    stock, hooked = stock_on_device(plain, device), on_device(setting, device)
    if device.is_mock and family != 'MaskFormer':  # whose queries tie in the stock loss
        check_values(hooked, on_cpu(setting))
    assert hooked.added(stock) == expected_waits(setting, family)
