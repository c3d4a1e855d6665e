"""Students that do not fit, and what only the first step can show.

The table of mistakes is in `tests/guarantees/test_bad_input.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import HOOKS
from mmengine.runner import Runner

from ckd_mm.hooks import DistillationHook

CKD = dict(type='CKDLoss')
TERM = dict(on='roi_logits', loss=CKD)


@pytest.fixture(scope='module')
def runner(
    detector_config: Callable[..., Config], tmp_path_factory: pytest.TempPathFactory
) -> Runner:
    """A runner whose training must not start."""
    cfg = detector_config(tmp_path_factory.mktemp('work_dir'))
    runner = Runner.from_cfg(cfg)
    runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    runner._train_loop = runner.build_train_loop(runner._train_loop)
    return runner


def start(runner: Runner, teacher: dict[str, Any], **distill: Any) -> None:
    DistillationHook(teacher=teacher, distill=distill).before_train(runner)


def test_an_unsupported_student_gets_what_is_supported_and_the_way_out(
    detector_teacher: dict[str, Any], runner: Runner
) -> None:
    student = torch.nn.Linear(2, 2)
    stub = type('Stub', (), dict(vars(runner), model=student, max_iters=2))()
    stub.train_dataloader = runner.train_dataloader
    with pytest.raises(ValueError, match="type Linear; supported are .*'module:NAME'"):
        start(stub, detector_teacher, ckd=TERM)


def test_rois_that_belong_to_queries_are_refused_with_the_reason() -> None:
    from mmengine.hub import get_config
    from mmengine.registry import MODELS, DefaultScope

    from ckd_mm.adapters import build_adapter

    cfg = get_config('mmdet::sparse_rcnn/sparse-rcnn_r50_fpn_1x_coco.py')
    cfg.model.backbone.update(depth=18, init_cfg=None)
    cfg.model.neck.in_channels = [64, 128, 256, 512]
    with DefaultScope.overwrite_default_scope('mmdet'):
        sparse = MODELS.build(cfg.model)
    with pytest.raises(
        ValueError,
        match="belong to a query here, .* compare on='query_logits'; any two",
    ):
        build_adapter(sparse, sparse).bind('ckd', 'roi_logits', ())


def test_a_non_finite_term_stops_the_run_with_iteration_and_term(
    detector_config: Callable[..., Config],
    detector_teacher: dict[str, Any],
    tmp_path: Path,
) -> None:
    term = dict(on='roi_logits', loss=dict(type='CKDLoss', loss_weight=1e39))
    hook = dict(
        type='DistillationHook', teacher=detector_teacher, distill=dict(ckd=term)
    )
    runner = Runner.from_cfg(detector_config(tmp_path, custom_hooks=[hook]))
    with pytest.raises(FloatingPointError, match="term 'ckd' is inf in iteration 1;"):
        runner.train()
    assert not list(tmp_path.glob('epoch_*.pth'))


def test_a_term_named_like_a_student_loss_is_refused(
    detector_config: Callable[..., Config],
    detector_teacher: dict[str, Any],
    tmp_path: Path,
) -> None:
    hook = dict(
        type='DistillationHook', teacher=detector_teacher, distill=dict(cls=TERM)
    )
    runner = Runner.from_cfg(detector_config(tmp_path, custom_hooks=[hook]))
    with pytest.raises(ValueError, match='already logs loss_cls; rename the distill'):
        runner.train()


def test_a_run_has_one_hook(
    classifier_config: Callable[..., Config],
    classifier_teacher: dict[str, Any],
    run: Callable[[Config], Runner],
    tmp_path: Path,
) -> None:
    hooks = [
        dict(
            type='DistillationHook',
            teacher=classifier_teacher,
            distill={name: dict(on='logits', loss=dict(type='KDLoss'))},
        )
        for name in ('one', 'two')
    ]
    with pytest.raises(ValueError, match='a run has one DistillationHook, got several'):
        run(classifier_config(tmp_path, custom_hooks=hooks))


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(teachr={}, distill={}), "no option 'teachr'; did you mean 'teacher'"),
        (dict(teacher={}, distil={}), "no option 'distil'; did you mean 'distill'"),
    ],
)
def test_options_of_the_hook_that_are_misspelt_are_named(
    options: dict[str, Any], message: str
) -> None:
    for build in (
        lambda: DistillationHook(**options),
        lambda: HOOKS.build(dict(type='DistillationHook', **options)),
    ):
        with pytest.raises(ValueError, match=f'^DistillationHook.*{message}'):
            build()


@pytest.mark.parametrize('options', [{}, dict(teacher=dict(ema=True))])
def test_a_hook_without_terms_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match='^distill needs at least one term, .*None$'):
        DistillationHook(**options)
