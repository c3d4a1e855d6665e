"""What `--method` chooses for which pair of models, and that it trains."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.hub import get_config

from ckd_mm.commands.defaults import METHODS
from ckd_mm.commands.presets import (
    CHOICES,
    add_distillation,
    add_imports,
    default_terms,
)
from ckd_mm.engine.distiller import Distiller
from ckd_mm.engine.terms import build_terms
from ckd_mm.probing.steps import batch_that_trains, run_student
from ckd_mm.probing.untrained import build_untrained
from ckd_mm.teachers import ModelTeacher

from ..adapters.detectors import ONE_STAGE, QUERY, narrow, narrow_dense, narrow_rois

FASTER = 'faster_rcnn/faster-rcnn_r50_fpn_1x_coco'
SSD = 'ssd/ssdlite_mobilenetv2-scratch_8xb24-600e_coco'
MASK2FORMER = 'mask2former/mask2former_r50_8xb2-lsj-50e_coco'
SOFT_TEACHER = 'soft_teacher/soft-teacher_faster-rcnn_r50-caffe_fpn_180k_semi-0.1-coco'
BINARY = dict(part='dense_logits', activation='binary')
SOFTMAX = dict(part='dense_logits', activation='softmax')
ASSIGNED = dict(part='dense_logits', rows='assigned', activation='softmax')


def detector(kind: str, change: Callable[[Any], None] | None = None) -> Config:
    """A config of a narrow detector, its data set left out."""
    if kind == 'FasterRCNN':
        model = narrow(FASTER, narrow_rois)
    elif kind in ONE_STAGE:
        model = narrow(ONE_STAGE[kind], narrow_dense)
    elif kind in QUERY:
        model = narrow(QUERY[kind], narrow_queries)
    elif kind == 'SSD':
        model = get_config(f'mmdet::{SSD}.py').model
    elif kind == 'Mask2Former':
        model = get_config(f'mmdet::{MASK2FORMER}.py').model
    else:
        model = get_config(f'mmdet::{SOFT_TEACHER}.py').model
        model.detector = narrow(FASTER, narrow_rois)
    if change is not None:
        change(model)
    return Config(dict(model=model, default_scope='mmdet'))


def narrow_queries(model: Any) -> None:
    outs = model.neck.num_outs
    model.backbone.out_indices = (3,) if outs == 1 else (1, 2, 3)
    model.neck.in_channels = [64] if outs == 1 else [16, 32, 64]
    model.encoder.num_layers = model.decoder.num_layers = 1
    model.num_queries = 12


@pytest.mark.parametrize(
    ('kind', 'method', 'on'),
    [
        ('FasterRCNN', 'ckd', 'roi_logits'),
        ('FasterRCNN', 'kd', 'roi_logits'),
        ('FasterRCNN', 'dkd', 'roi_logits'),
        ('FasterRCNN', 'dist', 'roi_logits'),
        ('FasterRCNN', 'features', 'neck'),
        ('RetinaNet', 'ckd', 'dense_logits'),
        ('RetinaNet', 'kd', BINARY),
        ('RetinaNet', 'dkd', ASSIGNED),
        ('RetinaNet', 'dist', SOFTMAX),
        ('RetinaNet', 'features', 'neck'),
        ('GFL', 'kd', BINARY),
        ('DETR', 'ckd', 'query_logits'),
        ('DETR', 'kd', 'query_logits'),
        ('DETR', 'dkd', 'query_logits'),
        ('DETR', 'features', 'neck'),
        ('DINO', 'ckd', 'query_logits'),
        ('DINO', 'kd', dict(part='query_logits', activation='binary')),
        ('DINO', 'dkd', dict(part='query_logits', activation='binary')),
        ('DINO', 'dist', dict(part='query_logits', activation='softmax')),
    ],
)
def test_a_detector_trains_with_the_defaults_of_its_family(
    kind: str, method: str, on: Any
) -> None:
    cfg = detector(kind)
    preset = default_terms(cfg, method)
    assert preset.arguments['distill'][method]['on'] == on
    check_trains(cfg, cfg, preset.arguments, method)


@pytest.mark.parametrize('method', CHOICES)
def test_a_classifier_trains_with_the_defaults(
    method: str, classifier_config: Callable[..., Config], tmp_path: Path
) -> None:
    cfg = classifier_config(tmp_path)
    arguments = default_terms(cfg, method).arguments
    on = 'backbone' if method == 'features' else 'logits'
    assert arguments['distill'][method]['on'] == on
    check_trains(cfg, cfg, arguments, method)


def test_a_student_in_a_semi_supervised_wrapper_counts_as_itself() -> None:
    cfg = detector('SoftTeacher')
    arguments = default_terms(cfg, 'ckd', detector('FasterRCNN')).arguments
    assert arguments['distill']['ckd']['on'] == 'roi_logits'
    check_trains(cfg, detector('FasterRCNN'), arguments, 'ckd')


FPN_OF_FASTER = [
    dict(student=f'neck.fpn_convs.{level}', teacher=f'neck.fpn_convs.{level + 1}')
    for level in range(3)
]


@pytest.mark.parametrize(
    ('student', 'teacher', 'on', 'loss'),
    [
        ('RetinaNet', 'GFL', 'neck', 'PKDLoss'),
        ('RetinaNet', 'FasterRCNN', FPN_OF_FASTER, 'PKDLoss'),
        (
            'DETR',
            'GFL',
            [dict(student='neck.convs.0', teacher='neck.fpn_convs.2')],
            'FitNetLoss',
        ),
        pytest.param(
            *('Mask2Former', 'RetinaNet', 'backbone', 'FitNetLoss'),
            marks=pytest.mark.slow,
        ),
        ('SoftTeacher', 'FasterRCNN', 'neck', 'PKDLoss'),
    ],
)
def test_features_of_two_families_are_compared_at_the_levels_of_one_size(
    student: str, teacher: str, on: Any, loss: str
) -> None:
    """DETR's images are not padded to a multiple of 32, so FitNet pools."""
    cfg, other = detector(student), detector(teacher)
    arguments = default_terms(cfg, 'features', other).arguments
    term = arguments['distill']['features']
    assert (term['on'], term['loss']['type']) == (on, loss)
    check_trains(cfg, other, arguments, 'features')


def test_necks_of_other_widths_get_a_convolution_for_each_level() -> None:
    def wide(model: Any) -> None:
        model.neck.out_channels = model.bbox_head.in_channels = 48

    cfg, other = detector('RetinaNet'), detector('GFL', wide)
    arguments = default_terms(cfg, 'features', other).arguments
    loss = arguments['distill']['features']['loss']
    assert loss['student_channels'] == [32] * 5
    assert loss['teacher_channels'] == [48] * 5
    check_trains(cfg, other, arguments, 'features')


def test_a_pair_without_common_class_logits_is_told_about_features() -> None:
    with pytest.raises(ValueError, match='whose rows cannot be.*--method features'):
        default_terms(detector('RetinaNet'), 'ckd', detector('FasterRCNN'))


def test_a_method_that_a_family_has_no_rows_for_is_told_about_the_others() -> None:
    with pytest.raises(
        ValueError, match=r"default for a SingleSta.*'target'.*--method"
    ):
        default_terms(detector('SSD'), 'dkd')


def test_kd_of_each_class_weighs_a_row_as_the_sum_of_its_questions() -> None:
    loss = default_terms(detector('GFL'), 'kd').arguments['distill']['kd']['loss']
    assert loss['loss_weight'] == 10 * METHODS['dense_logits']['kd']['loss_weight']


def test_a_teacher_with_other_classes_is_no_hindrance() -> None:
    def fewer(model: Any) -> None:
        model.bbox_head.num_classes = 3

    cfg, teacher = detector('GFL', fewer), detector('GFL')
    loss = default_terms(cfg, 'kd', teacher).arguments['distill']['kd']['loss']
    assert loss['loss_weight'] == 3.0


def test_the_choice_leaves_random_numbers_and_the_config_alone() -> None:
    cfg = detector('RetinaNet')
    before, state = cfg.pretty_text, torch.get_rng_state()
    default_terms(cfg, 'ckd')
    assert cfg.pretty_text == before
    assert torch.equal(torch.get_rng_state(), state)


def test_a_stock_config_gets_the_hook_and_the_reason(tmp_path: Path) -> None:
    cfg = detector('RetinaNet')
    path = tmp_path / 'teacher.py'
    detector('RetinaNet').dump(path)
    why = add_distillation(cfg, str(path), 'teacher.pth')
    (hook,) = cfg.custom_hooks
    assert hook.type == 'DistillationHook'
    assert hook.teacher == dict(config=str(path), checkpoint='teacher.pth')
    assert cfg.custom_imports['imports'] == ['ckd_mm']
    assert cfg.distillation_default == why
    assert why.startswith("ckd for RetinaNet and RetinaNet: on='dense_logits'")


@pytest.fixture
def teacher(tmp_path: Path) -> str:
    detector('FasterRCNN').dump(tmp_path / 'teacher.py')
    return str(tmp_path / 'teacher.py')


def test_the_hooks_and_imports_of_the_student_stay(teacher: str) -> None:
    cfg = detector('FasterRCNN')
    cfg.custom_hooks = [dict(type='NumClassCheckHook')]
    cfg.custom_imports = dict(imports=['json'], allow_failed_imports=True)
    add_distillation(cfg, teacher)
    assert [hook.type for hook in cfg.custom_hooks] == [
        'NumClassCheckHook',
        'DistillationHook',
    ]
    assert cfg.custom_imports == dict(
        imports=['json', 'ckd_mm'], allow_failed_imports=True
    )


def test_the_prefix_of_the_teachers_weights_is_kept(teacher: str) -> None:
    cfg = detector('FasterRCNN')
    add_distillation(cfg, teacher, 'teacher.pth', prefix='student.')
    assert cfg.custom_hooks[0].teacher.prefix == 'student.'


def test_a_single_import_may_be_a_string() -> None:
    cfg = Config(dict(custom_imports=dict(imports='json', allow_failed_imports=False)))
    add_imports(cfg, ['ckd_mm'])
    assert cfg.custom_imports['imports'] == ['json', 'ckd_mm']


def test_a_default_is_not_shared_between_configs(teacher: str) -> None:
    first, second = detector('FasterRCNN'), detector('FasterRCNN')
    add_distillation(first, teacher)
    first.custom_hooks[0].distill.ckd.loss.loss_weight = 5.0
    add_distillation(second, teacher)
    assert second.custom_hooks[0].distill.ckd.loss.loss_weight == 1.0


def test_a_config_that_distils_already_is_refused(teacher: str) -> None:
    cfg = detector('FasterRCNN')
    cfg.custom_hooks = [dict(type='DistillationHook')]
    with pytest.raises(ValueError, match='has a DistillationHook already'):
        add_distillation(cfg, teacher)


def test_an_unknown_method_is_refused(teacher: str) -> None:
    with pytest.raises(ValueError, match="unknown method 'dks'; did you mean 'dkd'"):
        add_distillation(Config(dict()), teacher, method='dks')


def test_a_student_that_cannot_be_built_is_refused_in_a_sentence(teacher: str) -> None:
    cfg = Config(dict(model=dict(type='NoSuchModel'), default_scope='mmdet'))
    with pytest.raises(ValueError, match='building the model of.*NoSuchModel'):
        add_distillation(cfg, teacher)


def check_trains(
    cfg: Config, teacher_cfg: Config, arguments: dict[str, Any], method: str
) -> None:
    """A step with these arguments gives a finite loss and gradients."""
    torch.manual_seed(0)
    student, teacher = build_untrained(cfg)[1], build_untrained(teacher_cfg)[1]
    teacher.requires_grad_(False)
    terms = build_terms(arguments['distill'])
    batch = batch_that_trains(student, (64, 64))
    with Distiller(student, [ModelTeacher(teacher)], terms).attached():
        loss = run_student(student, batch)[f'loss_{method}']
    assert loss.isfinite() and loss > 0
    loss.backward()
    assert any(one.grad is not None and one.grad.any() for one in student.parameters())
