"""What a user's own file may have imported from earlier versions."""

from __future__ import annotations

import importlib
import warnings

import pytest

# Names that the pages of version 0.1 showed, and those that plugins had to use.
IMPORTS = {
    'ckd_mm': ('ADAPTERS', 'LOSSES', '__version__'),
    'ckd_mm.registry': ('ADAPTERS', 'LOSSES', 'build'),
    'ckd_mm.functional': ('ckd_loss', 'kd_loss', 'top1_agreement'),
    'ckd_mm.functional._inputs': ('check_logits', 'full_precision'),
    'ckd_mm.losses': ('CKDLoss', 'KDLoss'),
    'ckd_mm.losses._takes': ('Takes',),
    'ckd_mm.distributed': ('gather_rows', 'world_size'),
    'ckd_mm.checks': ('non_negative', 'positive'),
    'ckd_mm.hooks': ('DistillationHook', 'RecordHook', 'ReplayHook'),
    'ckd_mm.adapters': (
        *('Adapter', 'Comparison', 'DetectionAdapter', 'Extra', 'Missing', 'Part'),
        *('Side', 'Step', 'TwoStageAdapter', 'Value', 'build_adapter', 'find_adapter'),
    ),
    'ckd_mm.adapters.comparison': ('Comparison', 'Extra', 'Missing', 'Side', 'Step'),
    'ckd_mm.adapters.base': ('Adapter',),
    'ckd_mm.recorders': ('Recorder', 'Tap'),
    'ckd_mm.schedules': ('Schedule', 'build_schedule'),
    'ckd_mm.terms': ('Term', 'build_terms'),
    'ckd_mm.distiller': ('Distiller',),
    'ckd_mm.teachers': ('Speed', 'build_teacher', 'evaluate_teacher', 'load_weights'),
    'ckd_mm.teachers.build': ('build_teacher', 'read_config'),
    'ckd_mm.teachers.class_means': ('class_means',),
    'ckd_mm.inspection': ('build_untrained', 'find_parts'),
    'ckd_mm.presets': ('add_distillation', 'default_terms'),
    'ckd_mm.untrained': ('build_untrained',),
    'ckd_mm.batches': ('random_batch',),
    'ckd_mm.random_steps': ('run_student', 'training_step'),
    'ckd_mm.cache.fill': ('cache_teacher',),
    'ckd_mm.cache.replay': ('Replay',),
    'ckd_mm.environment': (),
    'ckd_mm.tools': (),
    'ckd_mm.datasets.digits': (),
    'ckd_mm.models.convert': (),
    'ckd_mm.models.benchmark': (),
}


@pytest.mark.parametrize('module', IMPORTS)
def test_it_is_found_by_its_old_name(module: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', DeprecationWarning)
        found = importlib.import_module(module)
        for name in IMPORTS[module]:
            assert getattr(found, name) is not None, name


def test_a_new_name_gives_no_warning_and_an_old_one_says_the_new() -> None:
    adapters = importlib.import_module('ckd_mm.adapters')
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        new = adapters.Unavailable
    with pytest.warns(DeprecationWarning, match='Missing of .* is Unavailable now'):
        assert adapters.Missing is new
    with pytest.raises(AttributeError, match="no attribute 'Misssing'"):
        _ = adapters.Misssing
