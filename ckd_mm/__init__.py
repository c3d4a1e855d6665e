"""Knowledge distillation for MMDetection and MMPretrain, added to a config by one hook.

Importing the package registers `DistillationHook` and the backbones with MMEngine, and
the losses and adapters with the package's own registries;
`custom_imports = dict(imports=['ckd_mm'])` in a config does that. It needs MMEngine,
but neither MMDetection nor MMPretrain. Where MMEngine is not installed there is nothing
to register with: `ckd_mm.functional`, the losses as functions of tensors, can be
imported all the same.
"""

from __future__ import annotations

from importlib.util import find_spec

from ckd_mm import renamed
from ckd_mm.version import __version__

renamed.install()

# Not on demand: `custom_imports` imports this module and asks nothing of it.
if find_spec('mmengine') is not None:
    from ckd_mm import adapters, hooks, losses, models, weighers
    from ckd_mm.datasets import image_folder  # noqa: F401 (registers the data set)
    from ckd_mm.registry import ADAPTERS, LOSSES, SCHEDULES, TEACHERS, WEIGHERS

__all__ = [
    'ADAPTERS',
    'LOSSES',
    'SCHEDULES',
    'TEACHERS',
    'WEIGHERS',
    '__version__',
    'adapters',
    'hooks',
    'losses',
    'models',
    'weighers',
]
