"""Any model at all: outputs of named modules."""

from __future__ import annotations

from mmengine.model import BaseModel

from ckd_mm.adapters.core.family import Adapter
from ckd_mm.adapters.core.passes import Pass, WholeModel
from ckd_mm.registry import ADAPTERS

__all__ = ['ModuleAdapter']


@ADAPTERS.register_module()
class ModuleAdapter(Adapter):
    """Models that no other adapter knows, compared by their feature maps and modules.

    Modules of the backbone and the neck need `extract_feat` of the teacher; for any
    other, the teacher runs its forward with `mode='tensor'`.
    """

    @classmethod
    def supports(cls, model: BaseModel) -> bool:
        return hasattr(model, 'extract_feat')

    def runs(self) -> dict[str, Pass]:
        return {**super().runs(), '': WholeModel(self.teacher)}
