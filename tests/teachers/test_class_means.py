"""The means equal those of a plain loop over single images, without augmentation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DATASETS, DefaultScope

from ckd_mm.teachers import build_teacher
from ckd_mm.teachers.class_means import class_means


@pytest.fixture
def config(
    classifier_config: Callable[..., Config], tmp_path: Path
) -> Callable[..., str]:
    """A teacher's config whose training images are flipped upside down."""

    def write(wrapped: bool = False) -> str:
        cfg = classifier_config(tmp_path, width=16)
        dataset = cfg.train_dataloader.dataset
        flip = dict(type='RandomFlip', prob=1.0, direction='vertical')
        dataset.pipeline = [*dataset.pipeline[:2], flip, dataset.pipeline[-1]]
        if wrapped:
            repeated = dict(type='RepeatDataset', times=1, dataset=dataset)
            cfg.train_dataloader.dataset = repeated
        cfg.dump(tmp_path / 'teacher.py')
        return str(tmp_path / 'teacher.py')

    return write


@pytest.mark.parametrize('wrapped', [False, True])
def test_they_are_those_of_a_loop_over_images(
    config: Callable[..., str], classifier_teacher: dict[str, Any], wrapped: bool
) -> None:
    path, checkpoint = config(wrapped), classifier_teacher['checkpoint']
    means, counts, names = class_means(path, checkpoint)
    assert names == list('0123456789')
    teacher = build_teacher(path, checkpoint)
    cfg = Config.fromfile(path)
    dataset_cfg = cfg.test_dataloader.dataset
    dataset_cfg.data_prefix = 'train'
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        dataset = DATASETS.build(dataset_cfg)
    assert counts.sum() == len(dataset) > 250
    rows, items = [], list(dataset)[:50]
    for item in items:
        batch = dict(inputs=[item['inputs']], data_samples=[item['data_samples']])
        data = teacher.data_preprocessor(batch)
        with torch.no_grad():
            rows.append(teacher.extract_feat(data['inputs'], stage='pre_logits')[0])
    labels = [int(item['data_samples'].gt_label) for item in items]
    # the folder is sorted by class, so the first 50 hold all images of the first one
    first = torch.stack([r for r, label in zip(rows, labels, strict=True) if not label])
    assert len(first) == counts[0]
    torch.testing.assert_close(means[0], first.mean(dim=0), rtol=1e-4, atol=1e-5)


def test_a_detector_is_refused(detector_teacher: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match='need an image classifier .*got FasterRCNN'):
        class_means(detector_teacher['config'], detector_teacher['checkpoint'])
