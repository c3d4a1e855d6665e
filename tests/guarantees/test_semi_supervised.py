"""A student inside a semi-supervised detector, trained by the stock recipe."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.model import BaseModel
from mmengine.registry import MODELS, DefaultScope
from mmengine.runner import Runner

from ckd_mm.adapters.core.semi_supervised import teacher_within
from ckd_mm.commands.inspection import find_parts
from ckd_mm.commands.presets import default_terms
from ckd_mm.engine.distiller import Distiller
from ckd_mm.engine.terms import build_terms
from ckd_mm.probing.batches import random_batch
from ckd_mm.teachers import ModelTeacher, ModelView

from ..adapters.pairs import pair
from ..tasks import differences

STOCK = (
    'mmdet::soft_teacher/soft-teacher_faster-rcnn_r50-caffe_fpn_180k_semi-0.1-coco.py'
)
STEPS = 3

Make = Callable[..., Config]


@pytest.fixture(scope='module')
def semi_config(
    detector_config: Make, zoo_config: Callable[[str], Config]
) -> Callable[..., Config]:
    """The stock SoftTeacher around the tests' narrow Faster R-CNN, on digit scenes."""

    def make(work_dir: Path, hooks: Any = (), weight: float = 4.0) -> Config:
        plain, cfg = detector_config(work_dir), zoo_config(STOCK)
        cfg.model.detector = dict(
            plain.model, data_preprocessor=cfg.model.detector.data_preprocessor
        )
        cfg.model.semi_train_cfg.update(
            unsup_weight=weight, pseudo_label_initial_score_thr=0.0
        )
        labelled, unlabelled = cfg.train_dataloader.dataset.datasets
        for dataset, pipeline in (
            (labelled, cfg.sup_pipeline),
            (unlabelled, cfg.unsup_pipeline),
        ):
            own = plain.train_dataloader.dataset
            keys = ('data_root', 'ann_file', 'data_prefix', 'metainfo')
            dataset.update({key: own[key] for key in keys}, pipeline=small(pipeline))
        cfg.train_dataloader.update(
            batch_size=5, num_workers=0, persistent_workers=False
        )
        cfg.train_cfg = dict(
            type='IterBasedTrainLoop', max_iters=STEPS, val_interval=STEPS
        )
        for loader in ('val_dataloader', 'test_dataloader'):
            cfg[loader] = plain[loader]
        for evaluator in ('val_evaluator', 'test_evaluator'):
            cfg[evaluator] = plain[evaluator]
        for key in ('work_dir', 'custom_imports', 'randomness', 'experiment_name'):
            cfg[key] = plain[key]
        cfg.visualizer.name = plain.visualizer.name
        cfg.default_hooks.logger.interval = 1
        cfg.custom_hooks = [dict(type='MeanTeacherHook'), *hooks]
        return cfg

    return make


def small(pipeline: Any) -> Any:
    """The same steps for scenes of 96 x 96."""
    if isinstance(pipeline, (list, tuple)):
        return type(pipeline)(small(step) for step in pipeline)
    if not isinstance(pipeline, dict):
        return pipeline
    found = {key: small(value) for key, value in pipeline.items()}
    if found.get('type') == 'RandomResize':
        found['scale'] = [(96, 80), (96, 96)]
    return found


def hook(teacher: dict[str, Any], weight: float = 1.0) -> dict[str, Any]:
    losses = {
        'ckd': ('roi_logits', dict(type='CKDLoss', loss_weight=weight)),
        'pkd': ('backbone', dict(type='ATLoss', loss_weight=weight)),
        'fit': (
            'module:neck.fpn_convs.0',
            dict(type='FitNetLoss', loss_weight=weight),
        ),
    }
    return dict(
        type='DistillationHook',
        teacher=teacher,
        distill={
            name: dict(on=on, loss=deepcopy(loss))
            for name, (on, loss) in losses.items()
        },
    )


def trained(cfg: Config) -> Runner:
    runner = Runner.from_cfg(cfg)
    runner.train()
    return runner


@pytest.mark.slow
def test_a_run_distils_the_student_and_leaves_the_recipe_as_it_is(
    semi_config: Make, detector_teacher: dict[str, Any], tmp_path: Path
) -> None:
    stock = trained(semi_config(tmp_path / 'stock'))
    silent = trained(semi_config(tmp_path / 'silent', [hook(detector_teacher, 0.0)]))
    assert not differences(stock.model.state_dict(), silent.model.state_dict())
    distilled = trained(semi_config(tmp_path / 'own', [hook(detector_teacher)]))
    changed = differences(stock.model.state_dict(), distilled.model.state_dict())
    assert any(name.startswith('student.') for name in changed)
    assert any(name.startswith('teacher.') for name in changed)  # MeanTeacherHook

    scalars = distilled.message_hub.log_scalars
    for name in ('ckd', 'pkd', 'fit'):
        values, _ = scalars[f'train/loss_{name}'].data
        assert len(values) == STEPS
        assert all(value > 0 for value in values)
    for key in ('sup_loss_cls', 'unsup_loss_cls', 'ckd_retrieval_accuracy'):
        assert f'train/{key}' in scalars
    model = distilled.model
    assert 'loss_by_gt_instances' not in vars(model)
    assert not any(module._forward_hooks for module in model.modules())
    assert not any(module._forward_pre_hooks for module in model.modules())

    saved = torch.load(tmp_path / f'own/iter_{STEPS}.pth', weights_only=False)
    stock.model.load_state_dict(saved['state_dict'], strict=True)


@pytest.fixture(scope='module')
def models(
    semi_config: Make, detector_config: Make, tmp_path_factory: pytest.TempPathFactory
) -> tuple[BaseModel, BaseModel]:
    """The wrapper, and a plain wider teacher."""
    folder = tmp_path_factory.mktemp('unused')
    configs = (semi_config(folder).model, detector_config(folder, width=16).model)
    built = []
    with DefaultScope.overwrite_default_scope('mmdet'):
        for number, cfg in enumerate(configs):
            torch.manual_seed(number)
            built.append(MODELS.build(cfg))
            built[-1].init_weights()
    return built[0].train(), built[1].eval().requires_grad_(False)


@pytest.fixture
def batch(models: tuple[BaseModel, BaseModel]) -> dict[str, Any]:
    return random_batch(models[0], (96, 128))


@pytest.mark.parametrize(
    ('on', 'teacher'),
    [
        ('neck', 'neck'),
        ('backbone', 'backbone'),
        ('module:neck.fpn_convs.1', 'neck.fpn_convs.1'),
        (dict(student='backbone.layer4', teacher='backbone.layer4'), 'backbone.layer4'),
    ],
)
def test_the_teacher_sees_the_labelled_images_as_it_was_trained_to(
    models: tuple[BaseModel, BaseModel],
    batch: dict[str, Any],
    on: Any,
    teacher: str,
) -> None:
    student, other = models
    found = pair(student, other, deepcopy(batch), on, 'boxes')
    labelled = {key: value['sup'] for key, value in batch.items()}
    noted: list[Any] = []
    handle = other.get_submodule(teacher).register_forward_hook(
        lambda module, args, output: noted.append(output)
    )
    data = other.data_preprocessor(deepcopy(labelled), False)
    with torch.no_grad():
        other.extract_feat(data['inputs'])
    handle.remove()
    expected = noted[0] if isinstance(noted[0], tuple) else (noted[0],)
    given = found['teacher']
    for one, wanted in zip(
        given if isinstance(given, tuple) else (given,), expected, strict=True
    ):
        torch.testing.assert_close(one, wanted, rtol=1e-3, atol=1e-3)
    for boxes, sample in zip(found['boxes'], labelled['data_samples'], strict=True):
        torch.testing.assert_close(boxes, sample.gt_instances.bboxes)


def test_rois_are_those_of_the_labelled_images(
    models: tuple[BaseModel, BaseModel], batch: dict[str, Any]
) -> None:
    student, other = models
    found = pair(student, other, batch, 'roi_logits', 'image_index')
    sampled = 2 * student.student.roi_head.bbox_sampler.num
    assert found['student'].shape == found['teacher'].shape
    assert 0 < len(found['student']) <= sampled
    assert found['student'].requires_grad
    assert set(found['image_index'].tolist()) == {0, 1}


def test_a_wrapper_whose_detector_has_no_preprocessor_uses_that_of_the_wrapper(
    models: tuple[BaseModel, BaseModel],
) -> None:
    student, other = models
    term = build_terms(dict(x=dict(on='neck', loss=dict(type='ATLoss'))))
    (view,) = Distiller(student, [ModelTeacher(other)], term).views
    own = student.data_preprocessor.data_preprocessor
    wanted = other.data_preprocessor
    assert isinstance(view, ModelView)
    torch.testing.assert_close(view.inputs.scale, own.std / wanted.std)


def test_the_inspection_lists_the_parts_of_the_detector_inside(
    models: tuple[BaseModel, BaseModel], batch: dict[str, Any]
) -> None:
    found = {one.on: one.reason for one in find_parts(*models, batch)}
    for on in ('backbone', 'neck', 'roi_logits', 'embedding', 'rpn_logits'):
        assert not found[on], (on, found[on])


def test_a_step_without_labelled_images_is_refused(
    models: tuple[BaseModel, BaseModel], batch: dict[str, Any]
) -> None:
    student, other = models
    whole = type(student).loss
    type(student).loss = lambda *args: {}
    try:
        with pytest.raises(ValueError, match='SoftTeacher did not run loss_by_gt_inst'):
            pair(student, other, batch, 'neck')
    finally:
        type(student).loss = whole
    assert 'loss_by_gt_instances' not in vars(student)


def test_the_defaults_of_a_method_are_those_of_the_detector_inside(
    semi_config: Make, detector_config: Make, tmp_path: Path
) -> None:
    preset = default_terms(semi_config(tmp_path), 'ckd', detector_config(tmp_path))
    assert preset.arguments['distill']['ckd']['on'] == 'roi_logits'


@pytest.mark.parametrize('predict_on', ['teacher', 'student'])
def test_a_wrapper_teaches_with_the_detector_that_it_predicts_with(
    models: tuple[BaseModel, BaseModel], predict_on: str
) -> None:
    wrapper = deepcopy(models[0])
    wrapper.semi_test_cfg = dict(predict_on=predict_on)
    teacher = teacher_within(wrapper)
    assert teacher is getattr(wrapper, predict_on)
    assert teacher.data_preprocessor is wrapper.data_preprocessor.data_preprocessor
    assert teacher_within(models[1]) is models[1]
