"""What a user's own file may have imported from earlier versions."""

from __future__ import annotations

import importlib
import warnings

import pytest

# What the pages of version 0.1 showed, what a plugin had to use, and what `tools/` and
# the tests used, from which people copy. Never changed, only added to.
IMPORTS = {
    'ckd_mm': ('ADAPTERS', 'LOSSES', '__version__', 'functional', 'losses', 'models'),
    'ckd_mm.registry': ('ADAPTERS', 'LOSSES', 'build', 'did_you_mean'),
    'ckd_mm.functional': ('ckd_loss', 'kd_loss', 'top1_agreement'),
    'ckd_mm.functional._inputs': ('check_logits', 'check_maps', 'full_precision'),
    'ckd_mm.functional.kd': ('kd_loss',),
    'ckd_mm.losses': ('CKDLoss', 'KDLoss'),
    'ckd_mm.losses._takes': ('Takes',),
    'ckd_mm.losses.kd': ('KDLoss',),
    'ckd_mm.distributed': ('gather_rows', 'mean_over_all_rows', 'world_size'),
    'ckd_mm.checks': ('non_negative', 'positive'),
    'ckd_mm.hooks': ('DistillationHook', 'RecordHook', 'ReplayHook'),
    'ckd_mm.adapters': (
        *(
            'Adapter',
            'ClassificationAdapter',
            'Comparison',
            'DetectionAdapter',
            'Extra',
        ),
        *('Missing', 'ModuleAdapter', 'OneStageAdapter', 'OtherRoIHeadAdapter', 'Part'),
        *(
            'QueryAdapter',
            'RoIQueryAdapter',
            'Side',
            'Step',
            'TwoStageAdapter',
            'Value',
        ),
        *('build_adapter', 'find_adapter', 'comparison', 'two_stage'),
    ),
    'ckd_mm.adapters.base': ('Adapter',),
    'ckd_mm.adapters.batch_checks': ('check_batch',),
    'ckd_mm.adapters.class_logits': ('ClassLogits', 'Columns', 'Pixels'),
    'ckd_mm.adapters.class_match': ('ClassMatch', 'Kept'),
    'ckd_mm.adapters.class_names': ('ClassNames',),
    'ckd_mm.adapters.classification': ('ClassificationAdapter',),
    'ckd_mm.adapters.comparison': (
        *('Comparison', 'Extra', 'Missing', 'Part', 'Reading', 'Side', 'Step', 'Value'),
    ),
    'ckd_mm.adapters.dense_head': ('DenseHead',),
    'ckd_mm.adapters.dense_layouts': ('LAYOUTS',),
    'ckd_mm.adapters.detection': ('DetectionAdapter',),
    'ckd_mm.adapters.one_stage': ('OneStageAdapter',),
    'ckd_mm.adapters.pairing': ('Pairing',),
    'ckd_mm.adapters.proposed_rois': ('ProposedRoIs', 'without_traces'),
    'ckd_mm.adapters.query': ('QueryAdapter',),
    'ckd_mm.adapters.query_roi': ('RoIQueryAdapter',),
    'ckd_mm.adapters.query_rows': ('Found',),
    'ckd_mm.adapters.roi_sides': ('Place', 'Take'),
    'ckd_mm.adapters.stages': ('Passes', 'Stages', 'for_roi_align'),
    'ckd_mm.adapters.two_stage': ('OtherRoIHeadAdapter', 'TwoStageAdapter'),
    'ckd_mm.recorders': ('Recorder', 'Tap'),
    'ckd_mm.schedules': ('Schedule', 'build_schedule'),
    'ckd_mm.terms': ('Term', 'build_terms'),
    'ckd_mm.distiller': ('Distiller',),
    'ckd_mm.connectors': ('Connectors', 'averaged_over_ranks'),
    'ckd_mm.sample_index': ('SampleIndex',),
    'ckd_mm.streams': ('SideStream',),
    'ckd_mm.semi_supervised': ('student_within', 'teacher_within'),
    'ckd_mm.teachers': (
        *('CachedTeacher', 'Speed', 'Teacher', 'TeacherConfig', 'TeacherInputs'),
        *('build_teacher', 'evaluate_teacher', 'load_weights', 'read_teachers'),
        *('build', 'checkpoint', 'config'),
    ),
    'ckd_mm.teachers.build': ('build_teacher', 'read_config'),
    'ckd_mm.teachers.checkpoint': ('load_weights',),
    'ckd_mm.teachers.class_means': ('class_means',),
    'ckd_mm.teachers.config': ('CachedTeacher', 'Teacher', 'TeacherConfig'),
    'ckd_mm.inspection': ('Finding', 'build_untrained', 'find_parts'),
    'ckd_mm.presets': ('CHOICES', 'add_distillation', 'add_imports', 'default_terms'),
    'ckd_mm.defaults': ('METHODS',),
    'ckd_mm.untrained': ('build_untrained', 'class_lists'),
    'ckd_mm.batches': ('image_shape', 'library_of', 'random_batch'),
    'ckd_mm.random_steps': (
        *('batch_that_trains', 'forward_seconds', 'run_student', 'training_step'),
    ),
    'ckd_mm.random_state': ('preserved_random_state', 'seeded_random_state'),
    'ckd_mm.cache.files': ('CHECKSUM', 'FORMAT'),
    'ckd_mm.cache.fill': ('DTYPES', 'cache_teacher'),
    'ckd_mm.cache.identity': ('data_identity', 'difference', 'weights_hash'),
    'ckd_mm.cache.parts': ('part_name',),
    'ckd_mm.cache.replay': ('KEY', 'Replay'),
    'ckd_mm.cache.shards': ('ShardWriter', 'num_levels'),
    'ckd_mm.cache.store': ('Cache', 'Note'),
    'ckd_mm.compare': (
        *('Comparison', 'Run', 'RunFailed', 'digest', 'draw', 'plan'),
        *('read_comparison', 'report', 'train_anew', 'values_by_seed'),
    ),
    'ckd_mm.environment': ('commit', 'describe', 'versions'),
    'ckd_mm.errors': ('as_value_error',),
    'ckd_mm.atomic': ('replacing', 'write_json'),
    'ckd_mm.tools': ('LIBRARIES', 'run_tool'),
    'ckd_mm.datasets.digits': (
        *('load_digits', 'split_digits', 'write_digit_images', 'write_digit_scenes'),
    ),
    'ckd_mm.models': ('CIFARResNet',),
    'ckd_mm.models.convert': ('convert_checkpoint', 'convert_weights', 'recognise'),
    'ckd_mm.models.benchmark': ('NETWORKS', 'tensors'),
}


@pytest.mark.parametrize('module', IMPORTS)
def test_it_is_found_by_its_old_name(module: str) -> None:
    """As `from module import name` does it, with no warning but of names."""
    found: dict[str, object] = {}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        exec(f'from {module} import {", ".join(IMPORTS[module])}', found)
    assert found.keys() >= set(IMPORTS[module])
    assert {
        one.category for one in caught if 'ckd_mm' in f'{one.filename} {one.message}'
    } <= {FutureWarning}


def test_a_new_name_gives_no_warning_and_an_old_one_says_the_new() -> None:
    adapters = importlib.import_module('ckd_mm.adapters')
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        new = adapters.Unavailable
    with pytest.warns(FutureWarning, match='Missing of .* is Unavailable now'):
        assert adapters.Missing is new
    with pytest.raises(AttributeError, match="no attribute 'Misssing'"):
        _ = adapters.Misssing


def test_a_class_has_its_old_name_in_a_moved_module_with_a_warning() -> None:
    moved = importlib.import_module('ckd_mm.adapters.comparison')
    new = importlib.import_module('ckd_mm.adapters.core.pair_spec')
    with pytest.warns(FutureWarning, match='Comparison of .* is PairSpec now'):
        assert moved.Comparison is new.PairSpec
    with pytest.raises(AttributeError, match="no attribute 'Pairing'"):
        _ = moved.Pairing  # is in another module
