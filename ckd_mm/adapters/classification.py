"""Image classifiers of MMPretrain: logits, embeddings, feature maps of each image."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.model import BaseModel
from torch import Tensor, nn

from ckd_mm.adapters.base import Adapter
from ckd_mm.adapters.comparison import Comparison, Extra, Part, Side, Step
from ckd_mm.recorders import Tap
from ckd_mm.registry import ADAPTERS

__all__ = ['ClassificationAdapter', 'last_linear']


def _labels(step: Step) -> Tensor:
    """Class indices (B,), or soft labels (B, C) after mixup and cutmix."""
    if 'gt_score' in step.data_samples[0]:
        return torch.stack([sample.gt_score for sample in step.data_samples])
    return torch.cat([sample.gt_label for sample in step.data_samples])


def _sample_index(step: Step) -> Tensor:
    """Numbers of the images in the training set (B,): :mod:`ckd_mm.sample_index`."""
    if 'sample_idx' not in step.data_samples[0]:
        raise ValueError(
            "a loss needs 'sample_index', which the data samples lack; leave "
            "'sample_idx' in the meta_keys of PackInputs, as by default"
        )
    indices = [sample.sample_idx for sample in step.data_samples]
    # a copy that blocks would wait for all that the GPU has to do
    return torch.tensor(indices).to(step.inputs.device, non_blocking=True)


@ADAPTERS.register_module()
class ClassificationAdapter(Adapter):
    """Classifiers with a backbone and a head that returns class logits.

    `logits`: the output of the head, (B, C). `embedding`: what the last linear layer of
    the head receives, (B, D). `backbone`: the feature maps of the stages in its
    `out_indices`. `target` is the label of each image, `sample_index` its position in
    the data set.
    """

    @classmethod
    def supports(cls, model: BaseModel) -> bool:
        head = getattr(model, 'head', None)
        return (
            isinstance(getattr(model, 'backbone', None), nn.Module)
            and isinstance(head, nn.Module)
            and hasattr(head, 'loss_module')
        )

    def comparisons(self) -> dict[str, Part]:
        known = super().comparisons()
        known.pop('neck', None)  # pools to what `embedding` is
        head = Side((Tap('head'),), num_classes='head.num_classes')
        known['logits'] = Comparison(head, head)
        student, teacher = map(last_linear, (self.student, self.teacher))
        if student and teacher:
            known['embedding'] = Comparison(
                Side((Tap(student, 'input'),)), Side((Tap(teacher, 'input'),))
            )
        return known

    def extras(self) -> dict[str, Extra]:
        return {
            **super().extras(),
            'target': Extra(_labels),
            'sample_index': Extra(_sample_index),
        }

    def run_teacher(self, inputs: Tensor, features: Any, step: Step) -> None:
        if self.runs('head'):
            self.teacher.head(features)


def last_linear(model: BaseModel) -> str:
    """The name of the last linear layer of the head; empty if there is none."""
    names = [
        f'head.{name}'
        for name, module in getattr(model, 'head', nn.Module()).named_modules()
        if isinstance(module, nn.Linear)
    ]
    return names[-1] if names else ''
