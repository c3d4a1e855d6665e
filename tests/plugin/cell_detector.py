"""A detector of somebody's own, and what it can be compared by.

Its head classifies each cell of a grid of stride 32: the class of the object whose
centre lies in the cell, or background. A box is a cell.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from mmdet.models import BaseDetector
from mmdet.registry import MODELS
from mmengine.model import BaseModel
from mmengine.structures import InstanceData
from torch import Tensor, nn

from ckd_mm.adapters import (
    Adapter,
    Context,
    FeatureMaps,
    Made,
    PairSpec,
    Part,
    Pass,
    Readout,
    Step,
    Tap,
)
from ckd_mm.registry import ADAPTERS

__all__ = ['CellAdapter', 'CellDetector']

STRIDE = 32


@MODELS.register_module()
class CellDetector(BaseDetector):
    """A backbone and one convolution."""

    def __init__(
        self,
        backbone: dict[str, Any],
        channels: int,
        num_classes: int,
        data_preprocessor: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(data_preprocessor)
        self.backbone = MODELS.build(backbone)
        self.cells = nn.Conv2d(channels, num_classes + 1, 1)
        self.num_classes = num_classes

    def extract_feat(self, batch_inputs: Tensor) -> Tensor:
        return self.backbone(batch_inputs)[-1]

    def _forward(self, batch_inputs: Tensor, batch_data_samples: Any = None) -> Tensor:
        return self.cells(self.extract_feat(batch_inputs))

    def loss(self, batch_inputs: Tensor, batch_data_samples: Any) -> dict[str, Tensor]:
        logits = self._forward(batch_inputs)
        target = self.targets(logits, batch_data_samples)
        return dict(loss_cells=F.cross_entropy(logits, target))

    def predict(self, batch_inputs: Tensor, batch_data_samples: Any) -> Any:
        found = []
        for logits, sample in zip(
            self._forward(batch_inputs), batch_data_samples, strict=True
        ):
            scores, labels = logits.softmax(0)[:-1].flatten(1).max(0)
            number, width = torch.arange(len(scores)), logits.shape[-1]
            corner = torch.stack([number % width, number // width], 1) * STRIDE
            boxes = torch.cat([corner, corner + STRIDE], 1).float()
            scale = scores.new_tensor(sample.scale_factor).repeat(2)
            found.append(
                InstanceData(bboxes=boxes / scale, scores=scores, labels=labels)
            )
        return self.add_pred_to_datasample(batch_data_samples, found)

    def targets(self, logits: Tensor, data_samples: Any) -> Tensor:
        """The class of each cell (N, H, W)."""
        target = torch.full_like(logits[:, 0], self.num_classes, dtype=torch.long)
        for cells, sample in zip(target, data_samples, strict=True):
            boxes = sample.gt_instances.bboxes
            x, y = ((boxes[:, :2] + boxes[:, 2:]) / 2 // STRIDE).long().unbind(1)
            rows, columns = (one - 1 for one in cells.shape)
            cells[y.clamp(0, rows), x.clamp(0, columns)] = sample.gt_instances.labels
        return target


@ADAPTERS.register_module()
class CellAdapter(Adapter):
    """`cell_logits`: the class logits of all cells (N * H * W, C + 1)."""

    @classmethod
    def supports(cls, model: BaseModel) -> bool:
        return isinstance(model, CellDetector)

    def parts(self) -> dict[str, Part]:
        cells = Tap('cells')
        logits = PairSpec(
            Readout((cells,), _rows),
            Readout((cells,), _rows),
            context={'target': Context(self._targets, (cells,))},
        )
        return {**super().parts(), 'cell_logits': logits}

    def runs(self) -> dict[str, Pass]:
        return {**super().runs(), 'cells': _Cells(self.teacher)}

    def _targets(self, step: Step) -> Tensor:
        (logits,) = step.noted(Tap('cells'))
        return self.student.targets(logits, step.data_samples).flatten()


@dataclass(frozen=True)
class _Cells(Pass):
    """The teacher's head, on its feature maps."""

    model: BaseModel = field(compare=False, repr=False)

    @property
    def needs(self) -> tuple[Pass, ...]:
        return (FeatureMaps(self.model),)

    def run(self, images: Tensor, step: Step, made: Made) -> Tensor:
        return self.model.cells(made[FeatureMaps(self.model)])


def _rows(values: list[Any], step: Step) -> Tensor:
    (logits,) = values
    return logits.permute(0, 2, 3, 1).flatten(0, 2)
