"""Knowledge distillation for MMDetection and MMPretrain, added to a config by one hook.

Importing the package registers `DistillationHook` and the backbones with MMEngine, and
the losses and adapters with the package's own registries;
`custom_imports = dict(imports=['ckd_mm'])` in a config does that. Only MMEngine is
needed to import it, neither MMDetection nor MMPretrain.
"""

from __future__ import annotations

from ckd_mm import adapters, hooks, losses, models
from ckd_mm.registry import ADAPTERS, LOSSES
from ckd_mm.version import __version__

__all__ = ['ADAPTERS', 'LOSSES', '__version__', 'adapters', 'hooks', 'losses', 'models']
