"""The mean of a classifier's embeddings of each class, over its training set."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from os import PathLike, fspath
from typing import Any

import torch
from mmengine.config import Config
from mmengine.model import BaseModel
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from torch import Tensor

from ckd_mm.adapters.classification import ClassificationAdapter, last_linear
from ckd_mm.adapters.core.recorder import Recorder, Tap
from ckd_mm.teachers.loading.build import build_teacher, read_config

__all__ = ['class_means']


@torch.no_grad()
def class_means(
    config: str | PathLike[str],
    checkpoint: str | PathLike[str],
    device: str | torch.device = 'cpu',
) -> tuple[Tensor, Tensor, list[str]]:
    """Means of what the last linear layer gets, with the pipeline of the test set.

    Args:
        config: Path or zoo name of a classifier's config.
        checkpoint: Path or URL of its weights.
        device: Where it runs.

    Returns:
        The means (C, D), float32, zeros for a class without images; the numbers of
        images (C,); and the names of the classes, none if the data have none.

    Raises:
        ValueError: The config is not that of a classifier with one label per image, or
            teacher and data cannot be built.
    """
    cfg, _ = read_config(config)
    teacher = build_teacher(config, checkpoint).to(device)
    layer = last_linear(teacher) if ClassificationAdapter.supports(teacher) else ''
    if not layer:
        raise ValueError(
            f'class means need an image classifier with a linear layer in its head, '
            f'got {type(teacher).__name__} from {fspath(config)!r}'
        )
    num_classes = teacher.head.num_classes
    sums_CD: Tensor | None = None
    counts_C = torch.zeros(num_classes, dtype=torch.float64, device=device)
    loader = _loader(cfg)
    for rows_BD, labels_B in _embeddings(teacher, layer, loader):
        if sums_CD is None:
            sums_CD = rows_BD.new_zeros(num_classes, rows_BD.shape[1])
        sums_CD.index_add_(0, labels_B, rows_BD)
        counts_C.index_add_(0, labels_B, torch.ones_like(rows_BD[:, 0]))
    if sums_CD is None:
        raise ValueError(f'the training set of {fspath(config)!r} is empty')
    means_CD = sums_CD / counts_C[:, None].clamp_min(1)
    names = list((loader.dataset.metainfo or {}).get('classes') or [])
    return means_CD.float().cpu(), counts_C.long().cpu(), names


def _embeddings(
    teacher: BaseModel, layer: str, loader: Any
) -> Iterator[tuple[Tensor, Tensor]]:
    """Embeddings (B, D) in float64 and class indices (B,), by batch."""
    tap = Tap(layer, 'input')
    recorder = Recorder(teacher, [tap])
    recorder.attach()
    try:
        for batch in loader:
            data = teacher.data_preprocessor(batch, False)
            recorder.open()
            teacher(data['inputs'], mode='tensor')
            recorder.close()
            ((rows_BD,),) = recorder.calls(tap)
            recorder.forget()
            labels_B = torch.cat([sample.gt_label for sample in data['data_samples']])
            if labels_B.shape != rows_BD.shape[:1]:
                raise ValueError(
                    f'class means need one label per image, got {len(labels_B)} labels '
                    f'of {len(rows_BD)} images'
                )
            yield rows_BD.double(), labels_B
    finally:
        recorder.detach()


def _loader(cfg: Config) -> Any:
    """The training set in the test set's order, batches and pipeline."""
    loader = copy.deepcopy(cfg.test_dataloader)
    dataset = copy.deepcopy(cfg.train_dataloader.dataset)
    inner = dataset
    while 'pipeline' not in inner:
        if 'dataset' not in inner:
            raise ValueError(
                'class means need a training set with a pipeline, or one wrapper '
                f'around it, got {dataset.type}'
            )
        inner = inner.dataset
    inner.pipeline = loader.dataset.pipeline
    loader.dataset = dataset
    with DefaultScope.overwrite_default_scope(cfg.get('default_scope')):
        return Runner.build_dataloader(loader, seed=0)
