"""Any model at all: outputs of named modules."""

from __future__ import annotations

from mmengine.model import BaseModel
from torch import Tensor

from ckd_mm.adapters.base import Adapter
from ckd_mm.adapters.comparison import Step
from ckd_mm.registry import ADAPTERS

__all__ = ['ModuleAdapter']


@ADAPTERS.register_module()
class ModuleAdapter(Adapter):
    """Models that no other adapter knows, compared by `module:NAME` alone.

    Modules of the backbone and the neck need `extract_feat` of the teacher; for any
    other, the teacher runs its forward with `mode='tensor'`.
    """

    @classmethod
    def supports(cls, model: BaseModel) -> bool:
        return hasattr(model, 'extract_feat')

    def run_teacher(self, inputs: Tensor, step: Step) -> None:
        features = ('backbone.', 'neck.')
        taps = self.teacher_recorder.taps
        if all(f'{tap.module}.'.startswith(features) for tap in taps):
            self.extract(inputs)
        else:
            self.teacher(inputs, step.data_samples, mode='tensor')
