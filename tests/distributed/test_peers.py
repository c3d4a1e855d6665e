"""Peers on two ranks end as in one process with the double batch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

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
