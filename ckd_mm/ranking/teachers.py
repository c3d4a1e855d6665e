"""Scores of trained teachers on the user's data: PARC, accuracy, agreement."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import torch
from mmengine.model import BaseModel
from torch import Tensor

from ckd_mm.functional import parc
from ckd_mm.ranking.data import batches_of
from ckd_mm.ranking.entries import Model, Ranking
from ckd_mm.ranking.table import Column, Scores

__all__ = ['rank_teachers']

BATCH_SIZE = 64
COLUMNS = (
    Column('PARC', '{:.3f}'),
    Column('accuracy', '{:.1f} %', 0.01),
    Column('agreement', '{:.1f} %', 0.01),
    Column('parameters', '{:.3g} M', 1e6),
)


def rank_teachers(ranking: Ranking, num_images: int) -> Scores:
    """Score trained classifiers as teachers.

    Args:
        ranking: The teachers, each with a checkpoint, and a student with one for the
            agreement.
        num_images: The number of validation images.

    Returns:
        By teacher: `PARC` of its embeddings, see :func:`parc`; the share of images that
        it classifies rightly; the share of which student and teacher say the same; its
        parameters.

    Raises:
        ValueError: A model is no classifier or lacks its checkpoint, or the data cannot
            be read.
    """
    for name, model in ranking.models.items():
        if model.cfg.get('default_scope') == 'mmdet':
            raise ValueError(
                f'teachers are ranked by the label of an image, and {name!r} is a '
                'detector; take the mAP of tools/test.py for detectors'
            )
        if model.checkpoint is None:
            raise ValueError(
                f'{name!r} has no checkpoint, and an untrained model is no teacher; '
                'give it one'
            )
    batches = batches_of(ranking.data, 'val', num_images, BATCH_SIZE)
    labels = torch.cat([_labels(batch) for batch in batches])
    student = ranking.reference
    said = None
    if student is not None and student.checkpoint is not None:
        said = _outputs(student, student.build(), batches)[1]
    rows = {
        name: _row(model, batches, labels, said)
        for name, model in ranking.models.items()
    }
    return Scores(COLUMNS, rows, by='PARC')


def _row(
    model: Model, batches: list[dict[str, Any]], labels: Tensor, said: Tensor | None
) -> dict[str, float]:
    built = model.build()
    embeddings, classes = _outputs(model, built, batches)
    found = {
        'PARC': parc(embeddings, labels),
        'accuracy': float((classes == labels).double().mean()),
        'parameters': sum(weight.numel() for weight in built.parameters()),
    }
    if said is not None:
        found['agreement'] = float((classes == said).double().mean())
    return found


@torch.no_grad()
def _outputs(
    ranked: Model, model: BaseModel, batches: list[dict[str, Any]]
) -> tuple[Tensor, Tensor]:
    """Embeddings (B, D) and classes (B,) of all images."""
    model.eval()
    embeddings, classes = [], []
    with ranked.forward():
        for batch in batches:
            inputs = model.data_preprocessor(deepcopy(batch), False)['inputs']
            found = model.extract_feat(inputs)
            embeddings.append(found[-1].flatten(1))
            classes.append(model.head(found).argmax(dim=1))
    return torch.cat(embeddings), torch.cat(classes)


def _labels(batch: dict[str, Any]) -> Tensor:
    labels: list[Tensor] = []
    for sample in batch['data_samples']:
        label = getattr(sample, 'gt_label', None)
        if label is None or label.numel() != 1:
            raise ValueError(
                f'each image must have one class, got a label {label}; rank '
                'teachers by PARC on data with one label each'
            )
        labels.append(label.flatten())
    return torch.cat(labels)
