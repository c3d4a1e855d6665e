"""Image classifiers of MMPretrain: class logits of each image."""

from __future__ import annotations

import torch
from mmengine.model import BaseModel
from torch import Tensor, nn

from ckd_mm.adapters.base import Adapter, Comparison, Extra, Step
from ckd_mm.recorders import Tap
from ckd_mm.registry import ADAPTERS

__all__ = ['ClassificationAdapter']


def _labels(step: Step) -> Tensor:
    """Class indices (B,), or soft labels (B, C) after mixup and cutmix."""
    if 'gt_score' in step.data_samples[0]:
        return torch.stack([sample.gt_score for sample in step.data_samples])
    return torch.cat([sample.gt_label for sample in step.data_samples])


@ADAPTERS.register_module()
class ClassificationAdapter(Adapter):
    """Classifiers with a backbone and a head that returns class logits.

    `logits`: the output of the head, (B, C); `target` is the label of each image.
    """

    comparisons = {
        'logits': Comparison(
            Tap('head'),
            Tap('head'),
            extras={'target': Extra(_labels)},
            num_classes='head.num_classes',
        ),
    }

    @classmethod
    def supports(cls, model: BaseModel) -> bool:
        head = getattr(model, 'head', None)
        return (
            isinstance(getattr(model, 'backbone', None), nn.Module)
            and isinstance(head, nn.Module)
            and hasattr(head, 'loss_module')
        )

    def run_teacher(self, inputs: Tensor, step: Step) -> None:
        if self.runs('head'):
            self.teacher(inputs, mode='tensor')
        else:
            self.teacher.extract_feat(inputs)
