"""How much memory does a pass of the student's maps through the teacher's head take?

    python benchmarks/cross_memory.py

At COCO's size, two images of 800 x 1344. Of dense heads: peak of forward and backward
of the student, beside the teacher's forward with `dense_logits` and with the cross
terms. Nothing is computed: fake tensors have sizes and no numbers. The student's losses
stand for their sum, so that no assigner runs. A student whose head has half of the
teacher's width goes through a connector. Of RoI heads, whose extractor asks how many
RoIs lie on each level, and of shared queries: the pass alone, computed on a CPU.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from environment import describe
from live_memory import LiveMemory, cost
from mmdet.models import DetDataPreprocessor
from mmdet.structures import DetDataSample
from mmengine.hub import get_config
from mmengine.registry import MODELS, TASK_UTILS, DefaultScope
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

import ckd_mm.losses  # noqa: F401 (registers)
from ckd_mm.adapters.core.map_connector import MapConnector
from ckd_mm.adapters.core.recorder import Recorder
from ckd_mm.adapters.core.step import Step
from ckd_mm.functional import kd_loss
from ckd_mm.registry import LOSSES
from ckd_mm.teachers import ModelTeacher, ModelView, Request

__all__: list[str] = []

IMAGES, HEIGHT, WIDTH, ROIS, QUERIES = 2, 800, 1344, 1024, 300
OBJECTS = ROIS // 4  # RoIs with an object, which have a mask
BOXES = {'cross_logits': 'QualityFocalKDLoss', 'cross_boxes': 'BoxIoUKDLoss'}
EDGES = {
    'cross_logits': 'QualityFocalKDLoss',
    'cross_distribution': 'DistributionKDLoss',
}
PAIRS = {
    'RetinaNet R101 -> R50': ('retinanet/retinanet_r{}_fpn_1x_coco', 3, BOXES),
    'ATSS R101 -> R50': ('atss/atss_r{}_fpn_1x_coco', 3, BOXES),
    'FCOS R101 -> R50': ('fcos/fcos_r{}-caffe_fpn_gn-head{}1x_coco', 2, BOXES),
    'GFL R101 -> R50': ('gfl/gfl_r{}_fpn_{}_coco', 3, EDGES),
}
SPELT = {'FCOS': ('_', '-'), 'GFL': ('1x', 'ms-2x')}  # for both models


def main() -> None:
    print(describe('python benchmarks/cross_memory.py'))
    print('\n| pair | student | with `dense_logits` | with the cross terms |')
    print('|---|---|---|---|')
    for title in PAIRS:
        found = ' | '.join(f'{_mib(peak):,}' for peak in dense(title))
        print(f'| {title} | {found} |', flush=True)
    found = ' | '.join(
        f'{_mib(peak):,}' for peak in dense('RetinaNet R101 -> R50', 128)
    )
    print(f"| the same, the student's head of 128 channels | {found} |")
    print('\n| the pass alone | MiB |\n|---|---|')
    for what, num_bytes in (
        (f'{ROIS} RoIs, box head of Faster R-CNN', of_rois(_boxes, ROIS)),
        ('the same, neck of 128 channels, connector', of_rois(_boxes, ROIS, 128)),
        (f'{OBJECTS} RoIs, mask head of Mask R-CNN', of_rois(_masks, OBJECTS)),
        ('the same, neck of 128 channels, connector', of_rois(_masks, OBJECTS, 128)),
        (f'{QUERIES} queries, decoder of DAB-DETR', of_queries()),
    ):
        print(f'| {what} | {_mib(num_bytes):,} |', flush=True)


def dense(title: str, width: int | None = None) -> tuple[int, int, int]:
    """Bytes at the peak: the student alone, with class logits, with cross terms.

    Args:
        title: Of the pair.
        width: Of the student's head, if it needs a connector.
    """
    pattern, at, losses = PAIRS[title]
    spelt = SPELT.get(title.split()[0], ('', ''))
    fake = FakeTensorMode()
    terms: dict[str, tuple[Any, str]] = {
        part: (dict(part=part, at=at), loss) for part, loss in losses.items()
    }
    plain = {'dense_logits': ('dense_logits', 'KDLoss')}
    if width:
        with fake:
            for on, _ in terms.values():
                on['connector'] = MapConnector([(width, 256)], bias=False)
    student, teacher = (
        _model(pattern.format(depth, word), fake, one)
        for depth, word, one in zip((50, 101), spelt, (width, None), strict=True)
    )
    student.train()
    teacher.eval().requires_grad_(False)
    alone, logits, cross = (
        _peak(student, teacher, one, fake) for one in ({}, plain, terms)
    )
    return alone, logits, cross


def _peak(
    student: Any,
    teacher: Any,
    terms: Mapping[str, tuple[Any, str]],
    fake: FakeTensorMode,
) -> int:
    with fake:
        images = torch.zeros(IMAGES, 3, HEIGHT, WIDTH)
    meta = dict(
        img_shape=(HEIGHT, WIDTH),
        batch_input_shape=(HEIGHT, WIDTH),
        pad_shape=(HEIGHT, WIDTH),
    )
    samples = [DetDataSample(metainfo=meta) for _ in range(IMAGES)]
    requests = {name: Request(on) for name, (on, _) in terms.items()}
    view: Any = ModelView(student, ModelTeacher(teacher), requests)
    view.inputs = lambda images, samples: images
    recorder = Recorder(student, view.student_taps)
    step = Step(images, samples, recorder, 0.0, set(terms))
    recorder.attach()
    view.attach()
    try:
        known = [*student.parameters(), *teacher.parameters(), images]
        with fake, LiveMemory(known) as live:
            recorder.open()
            outputs = student.bbox_head(student.extract_feat(images))
            recorder.close()
            total = sum(level.sum() for maps in outputs for level in maps)
            if terms:
                view.run_teacher(step)
                view.rerun_student(step)
            for name, (_, loss) in terms.items():
                total = total + _loss(loss, view.pair(name, step))
            recorder.forget()
            view.forget()
            total.backward()
    finally:
        recorder.detach()
        view.detach()
        student.zero_grad()
    return live.peak


def _loss(name: str, pair: Any) -> Tensor:
    rows = len(pair.student)
    context: dict[str, dict[str, Tensor]] = {
        'KDLoss': {},
        'QualityFocalKDLoss': dict(assigned=torch.zeros(rows, dtype=torch.bool)),
    }
    given = context.get(name, dict(scores=torch.zeros(rows)))
    loss: Tensor = LOSSES.build(dict(type=name))(pair.student, pair.teacher, **given)
    return loss


def of_rois(
    run: Callable[[Any, list[Tensor], Tensor], Tensor],
    number: int,
    width: int | None = None,
) -> int:
    """Bytes at the peak of forward and backward of the teacher's RoI heads.

    Args:
        run: One of them; gets all heads, maps and RoIs.
        number: Number of RoIs.
        width: Channels of the student's neck, if it needs a connector.
    """
    head = _model('mask_rcnn/mask-rcnn_r101_fpn_1x_coco').roi_head
    head.eval().requires_grad_(False)
    levels = [
        torch.rand(IMAGES, width or 256, *size, requires_grad=True)
        for size in ((HEIGHT // s, WIDTH // s) for s in (4, 8, 16, 32))
    ]
    connector = MapConnector([(width, 256)]) if width else nn.Identity()
    corners = torch.rand(number, 2, 2).sort(1)[0].flatten(1)
    image = torch.arange(number).remainder(IMAGES)[:, None]
    rois = torch.cat([image, corners * HEIGHT], 1)

    def work() -> None:
        (maps,) = connector([levels])
        logits = run(head, maps, rois)
        kd_loss(logits, torch.zeros_like(logits)).backward()

    known = [*head.parameters(), *connector.parameters(), *levels, rois]
    return cost(work, known=known).peak


def _boxes(head: Any, maps: list[Tensor], rois: Tensor) -> Tensor:
    logits: Tensor = head._bbox_forward(maps, rois)['cls_score']
    return logits


def _masks(head: Any, maps: list[Tensor], rois: Tensor) -> Tensor:
    """The pixels of the first class, as of the class of each object."""
    masks: Tensor = head._mask_forward(maps, rois)['mask_preds']
    return masks[:, 0].flatten(1)


def of_queries() -> int:
    """Bytes at the peak of forward and backward of the student's decoder and head."""
    model = _model('dab_detr/dab-detr_r50_8xb2-50e_coco').train()
    tokens = math.ceil(HEIGHT / 32) * math.ceil(WIDTH / 32)
    memory, position = torch.rand(2, IMAGES, tokens, 256).unbind()
    memory.requires_grad_()
    points = torch.rand(1, QUERIES, 4).expand(IMAGES, -1, -1)
    asked = dict(
        query=torch.zeros(IMAGES, QUERIES, 256),
        query_pos=points,
        memory=memory,
        memory_pos=position,
        memory_mask=None,
    )

    def work() -> None:
        logits, _ = model.bbox_head(**model.forward_decoder(**asked))
        kd_loss(logits.flatten(0, 2), torch.zeros_like(logits.flatten(0, 2))).backward()

    return cost(work, known=[*model.parameters(), *asked.values()]).peak


def _model(
    name: str,
    mode: AbstractContextManager[Any] | None = None,
    width: int | None = None,
) -> Any:
    """A detector of the zoo; its preprocessor and anchors always have numbers."""
    cfg = get_config(f'mmdet::{name}.py').model
    if width:
        cfg.bbox_head.feat_channels = width
    with DefaultScope.overwrite_default_scope('mmdet'):
        with mode or nullcontext():
            model = MODELS.build(cfg)
        if 'anchor_generator' in cfg.get('bbox_head', {}):
            anchors = TASK_UTILS.build(cfg.bbox_head.anchor_generator)
            model.bbox_head.prior_generator = anchors
    model.data_preprocessor = DetDataPreprocessor(mean=[0.0] * 3, std=[1.0] * 3)
    return model


def _mib(num_bytes: int) -> int:
    return round(num_bytes / 2**20)


if __name__ == '__main__':
    main()
