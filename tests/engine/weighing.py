"""A toy classifier, and its training by the distiller with a `sample_weight`."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.registry import DefaultScope
from mmpretrain.models import ImageClassifier
from mmpretrain.structures import DataSample
from torch import Tensor, nn

from ckd_mm.engine.distiller import Distiller
from ckd_mm.engine.terms import Term, build_terms, check_loss_classes
from ckd_mm.teachers import ModelTeacher

__all__ = ['CLASSES', 'LR', 'WIDTH', 'batches', 'build', 'toy', 'train']

CLASSES, WIDTH, LR = 4, 5, 0.2


class Backbone(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, WIDTH, kernel_size=1)

    def forward(self, images: Tensor) -> tuple[Tensor]:
        return (self.conv(images).relu(),)


def toy(seed: int) -> ImageClassifier:
    """In double precision."""
    torch.manual_seed(seed)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        model = ImageClassifier(
            backbone=dict(type=Backbone),
            neck=dict(type='GlobalAveragePooling'),
            head=dict(type='LinearClsHead', num_classes=CLASSES, in_channels=WIDTH),
        )
    nn.init.normal_(model.head.fc.weight)
    return model.double().train()


def batches(number: int, rows: int = 6) -> list[dict[str, Any]]:
    generator = torch.Generator().manual_seed(7)
    found = []
    for _ in range(number):
        images = 2 * torch.randn(
            rows, 3, 2, 2, generator=generator, dtype=torch.float64
        )
        labels = torch.randint(CLASSES, (rows,), generator=generator)
        samples = [DataSample().set_gt_label(int(label)) for label in labels]
        found.append(dict(inputs=images, data_samples=samples))
    return found


def build(
    student: ImageClassifier, sample_weight: Any, on: str = 'logits', **loss: Any
) -> tuple[Distiller, Term]:
    if 'type' not in loss:
        loss = dict(type='KDLoss', temperature=2.0) | loss
    config = dict(kd=dict(on=on, loss=loss, sample_weight=sample_weight))
    torch.manual_seed(3)  # of the head of IPWD
    (term,) = build_terms(config)
    assert term.sample_weight is not None
    term.sample_weight.double()
    check_loss_classes([term], [*'abcd'])
    teacher = ModelTeacher(toy(seed=1).eval().requires_grad_(False))
    return Distiller(student, [teacher], [term]), term


def train(
    student: ImageClassifier, sample_weight: Any, number: int, **loss: Any
) -> tuple[Term, list[dict[str, Any]]]:
    """Train it, and give the term and what is logged."""
    distiller, term = build(student, sample_weight, **loss)
    modules = nn.ModuleList([student, term.sample_weight])  # type: ignore[list-item]
    optimizer, logged = torch.optim.SGD(modules.parameters(), LR), []
    with distiller.attached():
        for batch in batches(number):
            total, values = student.parse_losses(student(**batch, mode='loss'))
            logged.append(values)
            optimizer.zero_grad()
            total.backward()
            optimizer.step()
    return term, logged
