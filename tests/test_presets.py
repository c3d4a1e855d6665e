from __future__ import annotations

import pytest
from mmengine.config import Config
from mmengine.hub import get_config

from ckd_mm.presets import METHODS, add_distillation
from ckd_mm.registry import LOSSES, build

DETECTOR = 'mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py'
CLASSIFIER = 'mmpretrain::resnet/resnet18_8xb32_in1k.py'


@pytest.mark.parametrize(
    ('student', 'task'), [(DETECTOR, 'roi_logits'), (CLASSIFIER, 'logits')]
)
@pytest.mark.parametrize('method', ['ckd', 'kd', 'dkd', 'dist'])
def test_a_stock_config_gets_the_hook_of_its_task(
    student: str, task: str, method: str
) -> None:
    cfg = get_config(student)
    add_distillation(cfg, 'teacher.py', 'teacher.pth', method)
    (hook,) = cfg.custom_hooks
    assert hook.type == 'DistillationHook'
    assert hook.teacher == dict(config='teacher.py', checkpoint='teacher.pth')
    assert hook.distill[method].on == task
    build(LOSSES, hook.distill[method].loss)
    assert cfg.custom_imports['imports'] == ['ckd_mm']


def test_every_default_can_be_built() -> None:
    for methods in METHODS.values():
        for loss in methods.values():
            build(LOSSES, loss)


def test_plain_kd_of_a_classifier_scales_the_students_own_loss() -> None:
    cfg = get_config(CLASSIFIER)
    add_distillation(cfg, 'teacher.py', method='kd')
    assert cfg.custom_hooks[0].student_loss_weight == 0.5


def test_the_hooks_and_imports_of_the_student_stay() -> None:
    cfg = get_config('mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py')
    cfg.custom_hooks = [dict(type='NumClassCheckHook')]
    cfg.custom_imports = dict(imports=['json'], allow_failed_imports=True)
    add_distillation(cfg, 'teacher.py')
    assert [hook.type for hook in cfg.custom_hooks] == [
        'NumClassCheckHook',
        'DistillationHook',
    ]
    assert cfg.custom_imports == dict(
        imports=['json', 'ckd_mm'], allow_failed_imports=True
    )


def test_the_prefix_of_the_teachers_weights_is_kept() -> None:
    cfg = get_config(DETECTOR)
    add_distillation(cfg, DETECTOR, 'teacher.pth', prefix='student.')
    assert cfg.custom_hooks[0].teacher.prefix == 'student.'


def test_a_single_import_may_be_a_string() -> None:
    cfg = get_config(DETECTOR)
    cfg.custom_imports = dict(imports='json', allow_failed_imports=False)
    add_distillation(cfg, 'teacher.py')
    assert cfg.custom_imports['imports'] == ['json', 'ckd_mm']


def test_a_default_is_not_shared_between_configs() -> None:
    first, second = get_config(DETECTOR), get_config(DETECTOR)
    add_distillation(first, 'teacher.py')
    first.custom_hooks[0].distill.ckd.loss.loss_weight = 5.0
    add_distillation(second, 'teacher.py')
    assert second.custom_hooks[0].distill.ckd.loss.loss_weight == 1.0


def test_a_config_that_distils_already_is_refused() -> None:
    cfg = get_config(DETECTOR)
    add_distillation(cfg, 'teacher.py')
    with pytest.raises(ValueError, match='has a DistillationHook already'):
        add_distillation(cfg, 'teacher.py')


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown method 'dks'; did you mean 'dkd'"):
        add_distillation(get_config(DETECTOR), 'teacher.py', method='dks')


def test_a_student_without_a_default_is_told_about_modules() -> None:
    cfg = Config(dict(model=dict(type='RetinaNet', bbox_head=dict())))
    with pytest.raises(ValueError, match="type 'RetinaNet'.*on='module:NAME'"):
        add_distillation(cfg, 'teacher.py')
