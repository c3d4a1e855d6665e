"""What a run with a cache refuses, before its first iteration."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner

from ckd_mm.hooks import DistillationHook

from .conftest import TERMS, Make
from .test_fill import mixup, switch

Change = Callable[[Config], Any]


class Iterations(Hook):
    """Counts them."""

    count = 0

    def before_train_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
        self.count += 1


def refused(cfg: Config, error: str) -> None:
    runner = Runner.from_cfg(cfg)
    iterations = Iterations()
    runner.register_hook(iterations)
    with pytest.raises(ValueError, match=error):
        runner.train()
    assert iterations.count == 0


def pipeline(cfg: Config) -> None:
    cfg.train_dataloader.dataset.pipeline[1].update(crop_ratio_range=(0.5, 1.0))


def fewer(cfg: Config) -> None:
    cfg.train_dataloader.dataset.indices = 299


def term(on: Any) -> Change:
    def add(cfg: Config) -> None:
        cfg.custom_hooks[0].distill.new = dict(on=on, loss=dict(type='KDLoss'))

    return add


def classes(cfg: Config) -> None:
    cfg.model.head.num_classes = 7
    cfg.data_preprocessor.num_classes = 7
    cfg.custom_hooks[0].distill = dict(kd=TERMS['kd'])


def iterations(cfg: Config) -> None:
    cfg.train_cfg = dict(by_epoch=False, max_iters=2)
    cfg.train_dataloader.sampler = dict(type='InfiniteSampler')


@pytest.mark.parametrize(
    ('change', 'error'),
    [
        (pipeline, r'other data: dataset\.pipeline\[1\]\.crop_ratio_range: '),
        (fewer, r'other data: dataset\.indices: '),
        (term('module:head.fc'), "lacks 'head.fc'; it holds 'logits', 'embed"),
        (
            term(dict(student='head.fc', teacher='head.pre')),
            "lacks 'head.pre'; it holds",
        ),
        (term('logit'), "unknown on='logit'.*did you mean 'logits'"),
        (term(dict(student='head.fc')), 'names nothing to compare'),
        (classes, 'holds logits of 10 classes, and the student has 7'),
        (mixup, 'student mixes the images of a batch'),
        (switch, 'SwitchRecipeHook changes the pipeline'),
        (iterations, 'this run counts iterations'),
    ],
)
def test_a_run_that_the_cache_does_not_fit(
    make: Make, exact: Path, change: Change, error: str, tmp_path: Path
) -> None:
    cfg = make(tmp_path, dict(cache=str(exact)))
    change(cfg)
    refused(cfg, error)


def test_a_cache_that_is_not_there(make: Make, tmp_path: Path) -> None:
    config = make(tmp_path, dict(cache='no/such'))
    with pytest.raises(ValueError, match="'no/such' is no cache of .*; make") as raised:
        Runner.from_cfg(config).train()
    assert 'is not there' in str(raised.value)
    assert 'Errno' not in str(raised.value)


def test_caches_of_other_augmentations(make: Make, exact: Path, tmp_path: Path) -> None:
    shutil.copytree(exact, tmp_path / 'other')
    path = tmp_path / 'other/cache.json'
    path.write_text(json.dumps(json.loads(path.read_text()) | dict(seed=1)))
    teachers = [dict(cache=str(exact)), dict(cache=str(tmp_path / 'other'))]
    refused(make(tmp_path / 'work', teachers), r'got \[\(2, 0\), \(2, 1\)\]')


def test_images_that_are_others_in_spite_of_an_equal_config(
    make: Make, exact: Path, all_digits: Path, tmp_path: Path
) -> None:
    shutil.copytree(all_digits, tmp_path / 'moved')
    files = [*(tmp_path / 'moved/train').rglob('*.png')]
    for file in files[1:]:
        shutil.copy(files[0], file)
    cfg = make(tmp_path / 'work', dict(cache=str(exact)))
    cfg.train_dataloader.dataset.data_root = str(tmp_path / 'moved')
    with pytest.raises(ValueError, match=r'of 64 images of the batch are not those'):
        Runner.from_cfg(cfg).train()


def test_a_detector_is_refused(
    detector_config: Callable[..., Config], exact: Path, tmp_path: Path
) -> None:
    distill = dict(kd=dict(on='roi_logits', loss=dict(type='KDLoss')))
    hook = dict(
        type='DistillationHook', teacher=dict(cache=str(exact)), distill=distill
    )
    cfg = detector_config(tmp_path, custom_hooks=[hook])
    with pytest.raises(ValueError, match='was made with other data'):
        Runner.from_cfg(cfg).train()


def test_a_term_that_runs_modules_of_the_teacher_is_refused(
    make: Make, exact: Path, tmp_path: Path
) -> None:
    loss = dict(type='ScaleKDLoss', through_teacher=True)
    terms = dict(scalekd=dict(on='last_stages', loss=loss))
    cfg = make(tmp_path, dict(cache=str(exact)), terms)
    refused(
        cfg, "'scalekd' compares .* and a cache holds outputs alone; run the teacher"
    )


def test_a_loss_that_reads_weights_of_the_teacher_is_refused(
    make: Make, exact: Path, tmp_path: Path
) -> None:
    """The cache has the student in the teacher's place, whose weights are others."""
    terms = dict(wkdl=dict(on='logits', loss=dict(type='WKDLLoss')))
    cfg = make(tmp_path, dict(cache=str(exact)), terms)
    refused(cfg, "'wkdl' asks for 'teacher_classifier' of .*; run the teacher")


@pytest.mark.parametrize(
    ('teacher', 'error'),
    [
        (dict(cache='x', config='y.py'), 'needs either the cache .* or a config'),
        (dict(cache='x', ema=True), 'needs either the cache .* or a config'),
        (
            dict(cache='x', evaluate=True),
            'only weight, classes, class_map and calibrate go with it, got evaluate',
        ),
        (
            dict(cache='x', checkpoint='y.pth', dtype='float16'),
            'only weight, classes, class_map and calibrate go with it, got .*',
        ),
    ],
)
def test_options_that_do_not_go_with_a_cache(
    teacher: dict[str, Any], error: str
) -> None:
    with pytest.raises(ValueError, match=error):
        DistillationHook(teacher=teacher, distill=TERMS)


def test_validation_and_testing_do_not_open_the_cache(
    make: Make, tmp_path: Path
) -> None:
    runner = Runner.from_cfg(make(tmp_path, dict(cache='no/such')))
    assert runner.val()
    assert runner.test()
