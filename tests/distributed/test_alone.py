"""A student that teaches itself trains on two ranks as in one process.

Each rank draws other images in each epoch. So it reads logits that the other rank has
noted, which they exchange when an epoch ends.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config

from .test_training import train

pytestmark = pytest.mark.slow

RISING = dict(warmup=3, steps=True)
KD = dict(on='logits', loss=dict(type='KDLoss', temperature=1.0), schedule=RISING)
# Soft labels of the target have a mean over the images of a rank, BatchNorm as well.
USKD = dict(type='USKDLoss', alpha=0.0, beta=1.0, mu=1.0)
BRANCH = dict(type='OFABranchLoss', stage=3, branch='tokens')
HOOK: dict[str, Any] = dict(
    type='DistillationHook',
    teacher=[
        dict(previous_epoch='memory', half=True),
        dict(previous_epoch='snapshot'),
        dict(itself=True),
        dict(previous_epoch='memory', top_k=3),
    ],
    distill=dict(
        memory=dict(KD, teacher=0),
        snapshot=dict(KD, teacher=1),
        largest=dict(KD, teacher=3),
        branch=dict(
            on=dict(student='backbone.layer3', teacher='logits'),
            teacher=2,
            loss=BRANCH,
        ),
        uskd=dict(on=['logits', 'module:backbone.layer3'], loss=USKD),
    ),
    student_loss_weight=dict(value=(1, 0), schedule=RISING),
)


def test_all_kinds_of_a_student_alone_are_those_of_one_process(
    classifier_config: Callable[..., Config], tmp_path: Path
) -> None:
    def make() -> Config:
        cfg = classifier_config(Path('unused'), epochs=3, custom_hooks=[deepcopy(HOOK)])
        cfg.model.backbone.norm_eval = True
        # logits that differ between images: a row of another one would be seen
        cfg.model.head.init_cfg = dict(type='Normal', layer='Linear', std=2.0)
        cfg.optim_wrapper.optimizer.lr = 0.001
        cfg.train_dataloader.batch_size = 8
        cfg.train_dataloader.dataset.indices = 16
        return cfg

    one = train(make(), 1, tmp_path / 'one')
    two = train(make(), 2, tmp_path / 'two')
    assert [report['rows'] for report in two.reports] == [[4] * 6] * 2
    assert two.differs_from(one) == []
    assert two.connectors_differ_from(one) == []
    for number in (0, 3):
        assert two.teachers[number]['is_there'].all()
        values = [each.teachers[number]['values'].float() for each in (one, two)]
        assert (values[0] - values[1]).abs().max() < 1e-2
    classes = [each.teachers[3]['classes'] for each in (one, two)]
    same = classes[0] == classes[1]  # all but near ties
    assert same.shape[1] == 3 and same.float().mean() > 0.9
