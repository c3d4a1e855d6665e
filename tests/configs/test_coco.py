"""The COCO configs: teachers, schedules, and what is set for the methods."""

from __future__ import annotations

import pytest

from .catalog import distilling_hook, loaded

TEACHERS = {'r101-r18': 'r101', 'r101-r50': 'r101', 'r50-mv2': 'r50'}
METHODS = {
    'ckd': dict(type='CKDLoss', temperature=1, loss_weight=0.1),
    'kd': dict(type='KDLoss', temperature=1, loss_weight=1),
    'dkd': dict(type='DKDLoss', alpha=1, beta=0.25, temperature=1, loss_weight=1),
}
REVIEWKD = dict(
    type='ReviewKDLoss',
    mid_channels=256,
)
# Mask R-CNN R18 by CKD's authors, all others by ReviewKD's; where both, they agree.
REVIEWKD_WEIGHTS = {
    'faster': {'r101-r18': 1.2, 'r101-r50': 1.0, 'r50-mv2': 2.0},
    'mask': {'r101-r18': 0.8, 'r101-r50': 0.8, 'r50-mv2': 1.0},
}
NECKS = {'faster': 'fpn', 'mask': 'mask-fpn'}  # as the file names have them
EPOCHS = {'1x': (12, [8, 11]), '2x': (24, [16, 22])}

every_detector = pytest.mark.parametrize('detector', ['faster', 'mask'])
every_pair = pytest.mark.parametrize('pair', TEACHERS)


@every_detector
@every_pair
@pytest.mark.parametrize('method', METHODS)
def test_a_pair_has_the_zoos_teacher_and_the_settings_of_its_method(
    detector: str, pair: str, method: str
) -> None:
    name = f'{detector}_rcnn/{method}_{pair}_{NECKS[detector]}_1x_coco.py'
    hook = distilling_hook(f'configs/mmdet/{name}')
    zoo = f'mmdet::{detector}_rcnn/{detector}-rcnn_{TEACHERS[pair]}_fpn_2x_coco.py'
    assert hook == dict(
        type='DistillationHook',
        teacher=dict(config=zoo),
        distill={method: dict(on='roi_logits', loss=METHODS[method])},
    )


@every_detector
@every_pair
@pytest.mark.parametrize('schedule', EPOCHS)
@pytest.mark.parametrize('method', ['reviewkd', 'ckd-reviewkd'])
def test_reviewkd_has_the_weight_of_its_pair_alone_and_beside_ckd(
    detector: str, pair: str, schedule: str, method: str
) -> None:
    name = f'{detector}_rcnn/{method}_{pair}_{NECKS[detector]}_{schedule}_coco.py'
    weight = REVIEWKD_WEIGHTS[detector][pair]
    review = dict(on='neck', loss=dict(REVIEWKD, loss_weight=weight))
    ckd = dict(on='roi_logits', loss=METHODS['ckd'])
    terms = dict(ckd=ckd, reviewkd=review)
    expected = {term: terms[term] for term in method.split('-')}
    assert distilling_hook(f'configs/mmdet/{name}')['distill'] == expected


@every_detector
@every_pair
@pytest.mark.parametrize('schedule', EPOCHS)
def test_both_schedules_are_the_zoos(detector: str, pair: str, schedule: str) -> None:
    name = f'{detector}_rcnn/ckd_{pair}_{NECKS[detector]}_{schedule}_coco.py'
    cfg = loaded(f'configs/mmdet/{name}')
    epochs, milestones = EPOCHS[schedule]
    assert cfg.train_cfg.max_epochs == epochs
    assert cfg.param_scheduler[-1].milestones == milestones
    assert cfg.optim_wrapper.optimizer.lr == 0.02
    assert cfg.auto_scale_lr.base_batch_size == 16


@pytest.mark.parametrize('student', ['r18', 'mv2'])
def test_mask_rcnn_has_the_backbone_of_faster_rcnn(student: str) -> None:
    faster, mask = (
        loaded(f'configs/mmdet/{name}_rcnn/{name}-rcnn_{student}_fpn_1x_coco.py')
        for name in ('faster', 'mask')
    )
    assert mask.model.backbone == faster.model.backbone
    assert mask.model.neck == faster.model.neck
    assert mask.get('find_unused_parameters') == faster.get('find_unused_parameters')
