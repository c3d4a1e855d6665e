"""Any model at all: outputs of named modules."""

from __future__ import annotations

from typing import Any, ClassVar

from mmengine.model import BaseModel
from torch import Tensor

from ckd_mm.adapters.core.family import Adapter
from ckd_mm.adapters.core.pair_spec import Step
from ckd_mm.registry import ADAPTERS

__all__ = ['ModuleAdapter']


@ADAPTERS.register_module()
class ModuleAdapter(Adapter):
    """Models that no other adapter knows, compared by `module:NAME` alone.

    Modules of the backbone and the neck need `extract_feat` of the teacher; for any
    other, the teacher runs its forward with `mode='tensor'`.
    """

    runs_itself: ClassVar[tuple[str, ...]] = ('backbone.', 'neck.')
    """Prefixes of modules that need no forward of the whole teacher."""

    @classmethod
    def supports(cls, model: BaseModel) -> bool:
        return hasattr(model, 'extract_feat')

    def extract(self, inputs: Tensor) -> Any:
        return None if self._needs_all else super().extract(inputs)

    def run_teacher(self, inputs: Tensor, features: Any, step: Step) -> None:
        if self._needs_all:
            self.teacher(inputs, step.data_samples, mode='tensor')

    @property
    def _needs_all(self) -> bool:
        names = (f'{tap.module}.' for tap in self.teacher_recorder.taps)
        return not all(name.startswith(self.runs_itself) for name in names)
