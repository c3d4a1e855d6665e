"""Two ranks train as one process with the double batch, through MMEngine's own DDP.

MMEngine's sampler gives both ranks together the images that one process with the double
batch gets. What differs in any distributed run is kept out: BatchNorm's statistics of
half a batch, random flips, and the random choice of RoIs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config

from ..dense_runs import dense_config, dense_hook
from .ranks import start_ranks

pytestmark = pytest.mark.slow

WORKER = Path(__file__).with_name('train_worker.py')
DDP = dict(type='MMDistributedDataParallel', device_ids=None)
CKD = dict(type='CKDLoss', temperature=0.1, gather_distributed=True)
FITNET = dict(
    on='backbone',
    loss=dict(  # BatchNorm would have the statistics of each rank's images
        type='FitNetLoss',
        student_channels=64,
        teacher_channels=128,
        norm=False,
        relu=False,
    ),
)


@dataclass
class Result:
    """What ranks have left behind."""

    weights: dict[str, torch.Tensor]
    connectors: dict[str, torch.Tensor]
    reports: list[dict[str, Any]]
    teachers: dict[int, dict[str, torch.Tensor]] = field(default_factory=dict)

    def differs_from(self, other: Result) -> list[str]:
        return _differing(self.weights, other.weights)

    def connectors_differ_from(self, other: Result) -> list[str]:
        """They change by 1e-5 to 1e-4 of their values: rounding is far below that."""
        assert self.connectors
        return _differing(self.connectors, other.connectors, share=1e-5)


def _differing(
    one: dict[str, torch.Tensor], two: dict[str, torch.Tensor], share: float = 1e-3
) -> list[str]:
    return [name for name, value in one.items() if not _close(value, two[name], share)]


def _close(one: torch.Tensor, two: torch.Tensor, share: float) -> bool:
    """Up to rounding, whose size follows the largest value: CPUs differ in it."""
    rounding = max(1e-6, share * float(one.abs().max()))
    return torch.allclose(one, two, rtol=share, atol=rounding)


def train(cfg: Config, num_ranks: int, folder: Path, *options: Any) -> Result:
    folder.mkdir()
    cfg.work_dir = str(folder / 'work')
    if num_ranks > 1:
        cfg.launcher = 'pytorch'
        cfg.model_wrapper_cfg = DDP
    cfg.train_dataloader.batch_size //= num_ranks
    cfg.dump(folder / 'config.py')
    command = (WORKER, folder / 'config.py', folder, *options)
    start_ranks(num_ranks, *command)
    last = f'work/epoch_{cfg.train_cfg.max_epochs}.pth'
    saved = torch.load(folder / last, weights_only=False)
    # MMEngine's strategies save the wrapper's names
    state = saved['state_dict']
    weights = {name.removeprefix('module.'): value for name, value in state.items()}
    reports = [
        torch.load(folder / f'rank{rank}.pt', weights_only=False)
        for rank in range(num_ranks)
    ]
    states = saved.get('ckd_mm_teachers', {})
    return Result(weights, saved.get('ckd_mm', {}), reports, states)


@pytest.fixture
def classifier(
    classifier_config: Callable[..., Config], classifier_teacher: dict[str, Any]
) -> Callable[[], Config]:
    def make() -> Config:
        terms = dict(
            ckd=dict(on='logits', loss=CKD),
            kd=dict(on='logits', loss=dict(type='KDLoss')),
        )
        hook = dict(type='DistillationHook', teacher=classifier_teacher, distill=terms)
        cfg = classifier_config(Path('unused'), custom_hooks=[hook])
        cfg.model.backbone.norm_eval = True
        cfg.train_dataloader.drop_last = True  # two ranks would share an image
        # A large step lets a unit that rounding has switched change all that follows.
        cfg.optim_wrapper.optimizer.lr = 0.01
        return cfg

    return make


@pytest.fixture
def detector(
    detector_config: Callable[..., Config], detector_teacher: dict[str, Any]
) -> Callable[[], Config]:
    """Distilled by CKD alone on all proposals, of which each image has another number.

    The student's own losses are means over the RoIs of a rank, so with uneven ranks
    they are no mean over all RoIs; CKD's is.
    """

    def make() -> Config:
        hook = dict(
            type='DistillationHook',
            teacher=detector_teacher,
            distill=dict(ckd=dict(on='roi_logits', loss=CKD)),
            student_loss_weight=0.0,
        )
        cfg = detector_config(Path('unused'), custom_hooks=[hook])
        cfg.model.backbone.norm_eval = True
        for part in ('rpn', 'rcnn'):
            cfg.model.train_cfg[part].sampler = dict(type='PseudoSampler')
        # leaves fewer than `max_per_img`, another number in every image
        cfg.model.train_cfg.rpn_proposal.nms.iou_threshold = 0.2
        pipeline = cfg.train_dataloader.dataset.pipeline
        cfg.train_dataloader.dataset.pipeline = [
            step for step in pipeline if step['type'] != 'RandomFlip'
        ]
        return cfg

    return make


def test_a_classifier_trains_on_two_ranks_as_on_one(
    classifier: Callable[[], Config], tmp_path: Path
) -> None:
    one = train(classifier(), 1, tmp_path / 'one')
    two = train(classifier(), 2, tmp_path / 'two')
    assert two.reports[0]['wrapper'] == 'MMDistributedDataParallel'
    assert one.differs_from(two) == []


def test_a_detector_with_uneven_rois_trains_on_two_ranks_as_on_one(
    detector: Callable[[], Config], tmp_path: Path
) -> None:
    one = train(detector(), 1, tmp_path / 'one')
    two = train(detector(), 2, tmp_path / 'two')
    first, second = (report['rows'] for report in two.reports)
    assert first != second
    assert [a + b for a, b in zip(first, second, strict=True)] == one.reports[0]['rows']
    assert one.differs_from(two) == []


def test_flexible_runner_with_its_ddp_strategy_trains_as_on_one(
    classifier: Callable[[], Config], tmp_path: Path
) -> None:
    configs = [classifier(), classifier()]
    for cfg in configs:
        cfg.runner_type = 'FlexibleRunner'
        cfg.custom_hooks[0].distill.fitnet = FITNET
    one = train(configs[0], 1, tmp_path / 'one')
    configs[1].strategy = dict(type='DDPStrategy', model_wrapper=DDP)
    two = train(configs[1], 2, tmp_path / 'two')
    assert two.reports[0]['wrapper'] == 'MMDistributedDataParallel'
    assert one.differs_from(two) == []
    assert one.connectors_differ_from(two) == []


def test_a_rank_without_a_single_roi_trains_on(
    detector: Callable[[], Config], tmp_path: Path
) -> None:
    cfg = detector()
    cfg.custom_hooks[0].student_loss_weight = 1.0
    result = train(cfg, 2, tmp_path / 'two', '--without-rois', 1)
    first, second = (report['rows'] for report in result.reports)
    assert all(first)
    assert not any(second)
    assert all(torch.isfinite(value).all() for value in result.weights.values())


def test_a_rank_without_ground_truth_trains_on(
    detector_config: Callable[..., Config],
    detector_teacher: dict[str, Any],
    digit_scenes: Path,
    tmp_path: Path,
) -> None:
    """All images of rank 1 are empty: the sampler gives it every second image."""
    import json

    annotations = json.loads((digit_scenes / 'annotations/train.json').read_text())
    kept = [image['id'] for image in annotations['images']][::2]
    annotations['annotations'] = [
        entry for entry in annotations['annotations'] if entry['image_id'] in kept
    ]
    (tmp_path / 'half.json').write_text(json.dumps(annotations))
    hook = dict(
        type='DistillationHook',
        teacher=detector_teacher,
        distill=dict(ckd=dict(on='roi_logits', loss=CKD)),
    )
    cfg = detector_config(tmp_path, custom_hooks=[hook])
    cfg.train_dataloader.dataset.ann_file = str(tmp_path / 'half.json')
    cfg.train_dataloader.dataset.filter_cfg = dict(filter_empty_gt=False)
    cfg.train_dataloader.sampler = dict(type='DefaultSampler', shuffle=False)
    cfg.train_dataloader.pop('batch_sampler', None)
    result = train(cfg, 2, tmp_path / 'two')
    assert all(all(report['rows']) for report in result.reports)
    assert all(torch.isfinite(value).all() for value in result.weights.values())


def test_connectors_train_on_two_ranks_as_on_one(
    classifier: Callable[[], Config], tmp_path: Path
) -> None:
    """Their own gradients are averaged, and both ranks begin with the same weights."""
    results = []
    for num_ranks in (1, 2):
        cfg = classifier()
        cfg.custom_hooks[0].distill.fitnet = FITNET
        results.append(train(cfg, num_ranks, tmp_path / str(num_ranks)))
    one, two = results
    assert set(one.connectors) == {
        'fitnet.regressors.0.weight',
        'fitnet.regressors.0.bias',
    }
    assert one.differs_from(two) == []
    assert one.connectors_differ_from(two) == []


def test_weighers_train_on_two_ranks_as_on_one(
    classifier: Callable[[], Config], tmp_path: Path
) -> None:
    """Weights are divided by their mean over both; a second head is averaged."""
    results = []
    for num_ranks in (1, 2):
        cfg = classifier()
        cfg.custom_hooks[0].distill.kd.sample_weight = [
            dict(type='ConfidenceGate', threshold=0.3, otherwise=0.1, normalize=True),
            dict(type='CorrectnessGate', otherwise=0.5),
            dict(type='FocalWeight', normalize=True),
            dict(type='ClassWeight', weights=[1.0 + one for one in range(10)]),
            dict(type='IPWDWeight'),
        ]
        results.append(train(cfg, num_ranks, tmp_path / str(num_ranks)))
    one, two = results
    assert len(one.connectors) == 2
    assert one.differs_from(two) == []
    assert one.connectors_differ_from(two) == []


def test_rois_that_count_by_their_iou_train_on_two_ranks_as_on_one(
    detector: Callable[[], Config], tmp_path: Path
) -> None:
    """Their mean weight is that of the RoIs of both."""
    results = []
    for num_ranks in (1, 2):
        cfg = detector()
        weigher = dict(type='IoUWeight', minimum=0.1, normalize=True)
        cfg.custom_hooks[0].distill.ckd.sample_weight = weigher
        results.append(train(cfg, num_ranks, tmp_path / str(num_ranks)))
    one, two = results
    first, second = (report['rows'] for report in two.reports)
    assert first != second
    assert one.differs_from(two) == []


def test_a_connector_before_the_teachers_heads_trains_on_two_ranks_as_on_one(
    detector: Callable[[], Config], tmp_path: Path
) -> None:
    """It runs before the loss does, in a pass of its own."""
    results = []
    for num_ranks in (1, 2):
        cfg = detector()
        on = dict(part='cross_roi_logits', connector=True)
        cfg.custom_hooks[0].distill = dict(cross=dict(on=on, loss=CKD))
        results.append(train(cfg, num_ranks, tmp_path / str(num_ranks)))
    one, two = results
    first, second = (report['rows'] for report in two.reports)
    assert first != second
    assert {name.split('.')[0] for name in one.connectors} == {'cross:connector'}
    assert one.differs_from(two) == []
    assert one.connectors_differ_from(two) == []


def test_a_connector_inside_of_dense_heads_is_the_same_on_both_ranks(
    detector_config: Callable[..., Config],
    teacher_of: Callable[[Config], dict[str, Any]],
    tmp_path: Path,
) -> None:
    """Scales of channels are of the images of a rank, so one rank ends elsewhere."""
    teacher = teacher_of(dense_config(detector_config, 3, 48)(Path('unused')))
    hook = dense_hook(teacher)
    cfg = dense_config(detector_config, 2, 32)(Path('unused'), custom_hooks=[hook])
    result = train(cfg, 2, tmp_path / 'two')
    first, second = (report['connectors'] for report in result.reports)
    assert {name.split(':')[0] for name in first} == {*hook['distill']}
    assert _differing(first, second) == []
    assert all(torch.isfinite(one).all() for one in result.weights.values())


def test_ranks_with_different_data_keep_a_share_by_one_weight(
    classifier: Callable[[], Config], tmp_path: Path
) -> None:
    cfg = classifier()
    keep = dict(type='GradientShare', of='backbone', interval=1)
    for name, share in (('ckd', 0.1), ('kd', 0.05)):
        cfg.custom_hooks[0].distill[name].schedule = keep | dict(share=share)
    first, second = train(cfg, 2, tmp_path / 'two').reports
    assert first['losses'] != second['losses']
    for name, state in first['schedules'].items():
        assert state['weight'] != 1.0
        for key, value in state.items():
            assert torch.equal(value, second['schedules'][name][key]), (name, key)
