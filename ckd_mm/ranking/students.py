"""Scores of untrained students beside a teacher, as in DisWOT."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import torch
from mmengine.model import BaseModel
from torch import Tensor, nn

from ckd_mm.functional import diswot_semantics, sp_loss
from ckd_mm.probing.batches import library_of
from ckd_mm.probing.steps import first_iteration, forward_seconds, prediction_flops
from ckd_mm.random_state import preserved_random_state
from ckd_mm.ranking.data import batches_of, first_image
from ckd_mm.ranking.entries import Model, Ranking
from ckd_mm.ranking.table import Column, Scores

__all__ = ['rank_students']

OF_STUDENTS = 1000  # is added to the seed of the teacher beside them
COLUMNS = (
    Column('relations', '{:.4g}'),
    Column('semantics', '{:.4g}'),
    Column('score', '{:.4g}'),
    Column('parameters', '{:.3g} M', 1e6),
    Column('FLOPs', '{:.3g} G', 1e9),
    Column('prediction', '{:.3g} ms', 1e-3),
)


def rank_students(
    ranking: Ranking, num_images: int, num_draws: int, seed: int = 0
) -> Scores:
    """Score students that are not trained.

    Args:
        ranking: The students and their teacher.
        num_images: The number of training images, B.
        num_draws: How many random weights; the scores are means over them.
        seed: Other images and other weights for each.

    Returns:
        By student: `relations`, minus the SP loss of the last maps of student and
        teacher; `semantics`, see :func:`diswot_semantics`, where both classifiers are
        equally wide; `score`, their sum, or `relations` if a student lacks the other;
        parameters, FLOPs and seconds of the prediction of one image.

    Raises:
        ValueError: A model cannot be built, or the data cannot be read.
    """
    with preserved_random_state():
        (batch,) = batches_of(ranking.data, 'train', num_images, num_images, seed)
        first = seed * num_draws
        draws = [_draw(ranking, batch, first + i) for i in range(num_draws)]
        rows = {name: _means([one[name] for one in draws]) for name in ranking.models}
        for name, row in rows.items():
            row.update(_costs(ranking.models[name], batch))
    whole = all('semantics' in row for row in rows.values())
    for row in rows.values():
        row['score'] = row['relations'] + (row['semantics'] if whole else 0.0)
    return Scores(COLUMNS, rows, by='score')


def _draw(
    ranking: Ranking, batch: dict[str, Any], seed: int
) -> dict[str, dict[str, float]]:
    """The scores of all students with random weights of this seed."""
    assert ranking.reference is not None
    teacher = _Seen.of(ranking.reference, batch, seed)
    return {
        name: _Seen.of(model, batch, seed + OF_STUDENTS).beside(teacher)
        for name, model in ranking.models.items()
    }


class _Seen:
    """What a model says of a batch: its last maps, and its classifier's gradient."""

    def __init__(self, maps: Tensor, gradient: Tensor | None) -> None:
        self.maps, self.gradient = maps, gradient

    @classmethod
    def of(cls, model: Model, batch: dict[str, Any], seed: int) -> _Seen:
        torch.manual_seed(seed)
        built = model.build()
        # an untrained model normalises by the batch, as at the start of training
        built.train(model.checkpoint is None)
        with (
            model.forward(),
            first_iteration(),
        ):
            data = built.data_preprocessor(deepcopy(batch), True)
            maps = _last_maps(built, data['inputs'])
            return cls(maps, _gradient(built, data))

    def beside(self, teacher: _Seen) -> dict[str, float]:
        """The scores of a student."""
        found = dict(relations=-float(sp_loss(self.maps, teacher.maps)))
        mine, its = self.gradient, teacher.gradient
        if mine is not None and its is not None and mine.shape == its.shape:
            found['semantics'] = float(diswot_semantics(mine, its))
        return found


@torch.no_grad()
def _last_maps(model: BaseModel, inputs: Tensor) -> Tensor:
    """The backbone's last map of a classifier, or all of a detector's neck, flat."""
    if library_of(model) == 'mmpretrain':
        found = model.extract_feat(inputs, stage='backbone')
        return found[-1].flatten(1)
    found = model.extract_feat(inputs)
    return torch.cat([one.flatten(1) for one in found], dim=1)


def _gradient(model: BaseModel, data: dict[str, Any]) -> Tensor | None:
    """The gradient at a classifier's last layer; `None` for detectors."""
    head = getattr(model, 'head', None)
    if head is None:
        return None
    layers = [one for one in head.modules() if isinstance(one, nn.Linear)]
    if not layers or layers[-1].out_features != getattr(head, 'num_classes', None):
        return None
    layers[-1].weight.requires_grad_(True)  # that of a loaded model has no gradient
    losses = model(**data, mode='loss')
    loss = sum(value for key, value in losses.items() if 'loss' in key)
    return torch.autograd.grad(loss, layers[-1].weight)[0]


def _means(draws: list[dict[str, float]]) -> dict[str, float]:
    return {key: sum(one[key] for one in draws) / len(draws) for key in draws[0]}


def _costs(model: Model, batch: dict[str, Any]) -> dict[str, float]:
    """Parameters, and FLOPs and seconds of a prediction of one image."""
    built = model.build()
    one = first_image(batch)
    return {
        'parameters': sum(weight.numel() for weight in built.parameters()),
        'FLOPs': prediction_flops(built, one),
        'prediction': forward_seconds(built, one, repeats=15),
    }
