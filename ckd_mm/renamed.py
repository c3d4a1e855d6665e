"""Names of modules from before version 0.2, which go on working for one release.

An import by an old name gives the module of the new one, with a warning that says it.
"""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

__all__ = ['MODULES', 'NAMES', 'install', 'old_name']

MODULES = {
    'adapters.base': 'adapters.core.family',
    'adapters.batch_checks': 'adapters.core.batch_checks',
    'adapters.box_deltas': 'adapters.core.box_deltas',
    'adapters.class_logits': 'adapters.core.class_logits',
    'adapters.class_match': 'adapters.core.class_match',
    'adapters.class_names': 'adapters.core.class_names',
    'adapters.comparison': 'adapters.core.pair_spec',
    'adapters.dense_head': 'adapters.dense.head',
    'adapters.dense_layouts': 'adapters.dense.layouts',
    'adapters.dense_parts': 'adapters.dense.parts',
    'adapters.dense_rows': 'adapters.dense.priors',
    'adapters.dense_values': 'adapters.dense.values',
    'adapters.loss_fit': 'adapters.core.loss_fit',
    'adapters.mask_rois': 'adapters.roi.masks',
    'adapters.one_stage': 'adapters.dense.family',
    'adapters.pairing': 'adapters.core.bound_term',
    'adapters.parts': 'adapters.core.parts',
    'adapters.prompts': 'adapters.core.prompts',
    'adapters.proposed_rois': 'adapters.roi.proposed',
    'adapters.query_heads': 'adapters.query.heads',
    'adapters.query_parts': 'adapters.query.parts',
    'adapters.query_roi': 'adapters.roi.queries',
    'adapters.query_rows': 'adapters.query.matching',
    'adapters.roi_heads': 'adapters.roi.heads',
    'adapters.roi_instances': 'adapters.roi.instances',
    'adapters.roi_logits': 'adapters.roi.logits',
    'adapters.roi_objects': 'adapters.roi.objects',
    'adapters.roi_parts': 'adapters.roi.parts',
    'adapters.roi_sides': 'adapters.roi.readouts',
    'adapters.rpn': 'adapters.roi.rpn',
    'adapters.sampled_rois': 'adapters.roi.sampled',
    'adapters.semantic': 'adapters.roi.semantic',
    'adapters.stages': 'adapters.roi.stages',
    'adapters.two_stage': 'adapters.roi.family',
    'batches': 'probing.batches',
    'cache.fill': 'commands.fill_cache',
    'cache.parts': 'teachers.cacheable',
    'cache.rows': 'commands.fill_cache',
    'cache.source': 'teachers.cached',
    'cache.teacher': 'teachers.zoo',
    'connectors': 'engine.connectors',
    'defaults': 'commands.defaults',
    'distiller': 'engine.distiller',
    'environment': 'commands.environment',
    'features': 'commands.features',
    'inspection': 'commands.inspection',
    'presets': 'commands.presets',
    'random_steps': 'probing.steps',
    'recorders': 'adapters.core.recorder',
    'sample_index': 'engine.sample_index',
    'schedules': 'engine.schedules',
    'semi_supervised': 'adapters.core.semi_supervised',
    'source': 'teachers.model',
    'streams': 'teachers.streams',
    'teachers.build': 'teachers.loading.build',
    'teachers.checkpoint': 'teachers.loading.checkpoint',
    'teachers.config': 'teachers',
    'teachers.misfit': 'teachers.loading.misfit',
    'teachers.weight_file': 'teachers.loading.weight_file',
    'terms': 'engine.terms',
    'tools': 'commands.arguments',
    'untrained': 'probing.untrained',
}
"""Old names and new ones, without the name of the package."""


NAMES = {
    'Comparison': 'PairSpec',
    'Side': 'Readout',
    'Extra': 'Context',
    'Missing': 'Unavailable',
    'Pairing': 'BoundTerm',
    'Reading': 'AlignedRows',
    'Kept': 'ClassSubset',
    'Found': 'QueryOutputs',
    'Passes': 'StageMap',
    'Place': 'HeadTap',
    'Take': 'ReadRows',
    'TeacherConfig': 'ZooTeacher',
}
"""Old names of classes in the adapters and the teachers, and new ones."""


class _Finder(MetaPathFinder):
    """Finds modules by their old names, once nothing else has."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        new = MODULES.get(fullname.removeprefix('ckd_mm.'))
        if not fullname.startswith('ckd_mm.') or new is None:
            return None
        return ModuleSpec(fullname, _Alias(f'ckd_mm.{new}'))


class _Alias(Loader):
    """Gives a module that has another name."""

    def __init__(self, name: str) -> None:
        self._name = name

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        warnings.warn(
            f'{spec.name} is {self._name} now; the old name goes with the next release',
            FutureWarning,
            stacklevel=2,
        )
        module = ModuleType(spec.name)
        vars(module).update(vars(importlib.import_module(self._name)))

        def getattr_of_module(name: str) -> object:
            return old_name(spec.name, name)

        vars(module)['__getattr__'] = getattr_of_module
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Nothing: the module of the new name was executed."""


def install() -> None:
    """Let imports find modules by their old names."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.append(_Finder())


def old_name(module: str, name: str) -> object:
    """What a module has under a name from before, for its `__getattr__`.

    Raises:
        AttributeError: It is none of :data:`NAMES`, or the new name is not there.
    """
    found = vars(sys.modules[module]) if name in NAMES else {}
    if NAMES.get(name) not in found:
        raise AttributeError(f'module {module!r} has no attribute {name!r}')
    warnings.warn(
        f'{name} of {module} is {NAMES[name]} now; the old name goes with the next '
        'release',
        FutureWarning,
        stacklevel=3,
    )
    return found[NAMES[name]]
