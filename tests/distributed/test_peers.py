"""Peers on two ranks end as in one process with both ranks' batches."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from ..guarantees.test_peers import TERMS
from .test_training import train

pytestmark = pytest.mark.slow


@pytest.fixture
def mutual(classifier_config: Callable[..., Config]) -> Callable[[], Config]:
    """A student and a peer with the statistics of BatchNorm as they are."""

    def make() -> Config:
        cfg = classifier_config(Path('unused'))
        cfg.model.backbone.norm_eval = True
        cfg.train_dataloader.drop_last = True  # two ranks would share an image
        cfg.optim_wrapper.optimizer.lr = 0.01
        model = cfg.model.to_dict()
        kd = dict(on='logits', loss=dict(type='KDLoss', temperature=1.0))
        hook = dict(
            type='DistillationHook',
            peers=[dict(config=dict(model=model, default_scope='mmpretrain'))],
            distill=dict(to_student=kd, to_peer=dict(kd, learner='peer0')),
        )
        cfg.custom_hooks = [hook]
        return cfg

    return make


def test_two_ranks_train_student_and_peer_as_one_process(
    mutual: Callable[[], Config], tmp_path: Path
) -> None:
    """Also where the ranks draw other first weights: those of the first one count."""
    one, two = mutual(), mutual()
    two.randomness = dict(seed=0, diff_rank_seed=True)
    found = [
        train(cfg, number, tmp_path / f'ranks{number}')
        for number, cfg in ((1, one), (2, mutual()))
    ]
    assert found[0].differs_from(found[1]) == []
    assert found[0].connectors_differ_from(found[1]) == []
    start = mutual()
    start.optim_wrapper.optimizer.lr = 0.0
    first = train(start, 1, tmp_path / 'start')
    assert len(first.connectors_differ_from(found[0])) > 10
    other = train(two, 2, tmp_path / 'other')
    kept = [report['connectors'] for report in other.reports]
    for name, value in kept[0].items():
        assert torch.equal(value, kept[1][name]), name


def both_ways(cfg: Config, name: str) -> Config:
    """The student and a peer learn all terms of a task from each other."""
    model = cfg.model.to_dict()
    model.setdefault('data_preprocessor', cfg.get('data_preprocessor'))
    peer = dict(config=dict(model=model, default_scope=cfg.default_scope))
    distill = dict(TERMS[name])
    for term, options in TERMS[name].items():
        if 'learner' not in options:
            distill[f'{term}_to_peer'] = dict(options, learner='peer0')
    cfg.custom_hooks = [dict(type='DistillationHook', peers=[peer], distill=distill)]
    return cfg


@pytest.fixture
def classifiers(classifier_config: Callable[..., Config]) -> Callable[[], Config]:
    """Batches of 16 images, of which MCL contrasts 8 with each other."""

    def make() -> Config:
        cfg = classifier_config(Path('unused'))
        cfg.train_dataloader.batch_size = 16
        return both_ways(without_chance(cfg, 64), 'classifier')

    return make


@pytest.fixture
def detectors(detector_config: Callable[..., Config]) -> Callable[[], Config]:
    def make() -> Config:
        cfg = detector_config(Path('unused'), epochs=2)
        for part in ('rpn', 'rcnn'):
            cfg.model.train_cfg[part].sampler = dict(type='PseudoSampler')
        del cfg.train_dataloader.dataset.pipeline[3]
        return both_ways(without_chance(cfg, 8), 'detector')

    return make


def without_chance(cfg: Config, num_images: int) -> Config:
    """Steps of one size on images in their order, with BatchNorm as it is."""
    cfg.model.backbone.norm_eval = True
    cfg.param_scheduler = None
    cfg.train_dataloader.dataset.indices = [*range(num_images)]
    cfg.train_dataloader.sampler = dict(type='DefaultSampler', shuffle=False)
    cfg.train_dataloader.pop('batch_sampler', None)
    return cfg


def by_halves(cfg: Config) -> Config:
    """One process that adds up the gradients of the batches of two ranks.

    A loss that compares the images of a batch is not that of the double batch, nor are
    the losses of a detector, which are means over RoIs.
    """
    loader = cfg.train_dataloader
    half = loader.batch_size = loader.batch_size // 2
    images = loader.dataset.indices
    steps = [images[i : i + 2 * half] for i in range(0, len(images), 2 * half)]
    loader.dataset.indices = [
        image for step in steps for rank in (0, 1) for image in step[rank::2]
    ]
    cfg.optim_wrapper.accumulative_counts = 2
    return cfg


@pytest.mark.parametrize('models', ['classifiers', 'detectors'])
def test_two_ranks_train_all_terms_as_one_process_with_both_batches(
    models: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """MCL's projections among them, and a peer's heads on the RoIs of the student."""
    make: Callable[[], Config] = request.getfixturevalue(models)
    two = train(make(), 2, tmp_path / 'two')
    one = train(by_halves(make()), 1, tmp_path / 'one')
    assert one.differs_from(two) == []
    assert one.connectors_differ_from(two) == []
