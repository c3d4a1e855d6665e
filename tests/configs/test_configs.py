"""Every config: what it says, what it inherits, one step of training.

The files under configs/, and of what a command makes one config of each method.

A step is real: MMEngine's runner with the config's own model, hook, pipeline, optimizer
and schedulers. Only the data are two random images, the weights are random, and there
are fewer RoIs, so that all of this needs neither a download nor a GPU.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar
from unittest import mock

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.hub import get_config
from mmengine.runner import Runner
from mmengine.runner.checkpoint import (
    get_external_models,
    get_torchvision_models,
)

from ckd_mm.teachers import build_teacher

from .catalog import (
    CONFIGS,
    DISTILLED,
    MADE,
    ROOT,
    SAMPLE,
    distilling_hook,
    document,
    file_of,
    hook_of,
    loaded,
    metafiles_read_once,
    plain,
    student_of,
    teacher_of,
    zoo_entry,
)

TEACHERS = sorted({teacher_of(path) for path in DISTILLED} - {''})
ZOO_TEACHERS = [name for name in TEACHERS if '::' in name]

# One config of each folder; the steps of the others take minutes.
EXAMPLES = {Path(path).parent: path for path in reversed(DISTILLED)}.values()


def marks(path: str) -> list[pytest.MarkDecorator]:
    if path in EXAMPLES:
        return []
    return [pytest.mark.slow] if path in SAMPLE else [pytest.mark.sweep]


every_config = pytest.mark.parametrize('path', CONFIGS)
every_config_but_most_slow = pytest.mark.parametrize(
    'path', [pytest.param(path, marks=marks(path)) for path in (*CONFIGS, *MADE)]
)
every_distilled_config = pytest.mark.parametrize('path', DISTILLED)


@pytest.fixture(scope='module', autouse=True)
def _fast() -> Iterator[None]:
    """Without what takes time and is not tested; a pair of models is built once."""
    build_once = functools.lru_cache(maxsize=2)(build_teacher)
    teachers_built_once = mock.patch('ckd_mm.teachers.zoo.build_teacher', build_once)
    with metafiles_read_once(), teachers_built_once:
        yield
    _SharingRunner.students.clear()


# What it says.


def test_there_are_configs(capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print(f'\n{len(CONFIGS)} configs, {len(DISTILLED)} of them with a teacher')
    assert DISTILLED


@every_config
def test_docstring_gives_task_command_and_result(path: str) -> None:
    text = document(path)
    command = rf'^    .*tools/(train\.py|dist_train\.sh) {re.escape(path)}'
    assert re.search(command, text, re.MULTILINE)
    assert re.search(r'\bours\b', text, re.IGNORECASE)


@every_distilled_config
def test_file_name_gives_method_models_schedule_and_dataset(path: str) -> None:
    """`{method}_{teacher}-{student}_{schedule}_{dataset}.py`."""
    method, models, *schedule, dataset = Path(path).stem.split('_')
    distill = distilling_hook(path)['distill']
    terms = [name for name, term in distill.items() if 'learner' not in term]
    assert set(terms) <= set(method.split('-')), (
        f'{path} starts with {method}, which must name its terms {terms}, joined by "-"'
    )
    assert re.fullmatch(r'[a-z0-9]+(-[a-z0-9]+)+', models)
    assert schedule
    assert dataset


@pytest.mark.parametrize('path', [*CONFIGS, *MADE])
def test_numbers_of_zoo_models_are_those_of_the_metafile(path: str) -> None:
    names = re.findall(r"'(mm\w+::(?!_base_)[^']+)'", file_of(path).read_text())
    if hook_of(path) and '::' in teacher_of(path):
        names.append(teacher_of(path))
    for name in names:
        metrics = zoo_entry(name)['Results'][0]['Metrics']
        said = {float(number) for number in re.findall(r'\d+\.\d+', document(path))}
        assert next(iter(metrics.values())) in said, name


@pytest.mark.parametrize('path', [path for path in CONFIGS if '/digits/' in path])
def test_readme_lists_the_digits(path: str) -> None:
    """The model zoo's page has all others."""
    row = f'/{Path(path).name})'
    listed = (ROOT / 'configs/README.md').read_text()
    assert row in listed, f'a table of configs/README.md needs a link to {path}'


# What it inherits.


@pytest.mark.parametrize('path', [*DISTILLED, *MADE])
def test_it_is_the_config_of_its_student_and_a_hook(path: str) -> None:
    """So that all methods have one schedule, but for what a published run has."""
    added = ('custom_hooks', 'custom_imports')
    found, expected = plain(loaded(path), added), plain(student_of(path), added)
    if 'clipping' in document(path):
        assert found['optim_wrapper'].pop('clip_grad')
        expected['optim_wrapper'].pop('clip_grad', None)
    if rate := re.search(r'learning\s+rate (0\.\d+)', document(path)):
        expected['optim_wrapper']['optimizer']['lr'] = float(rate[1])
    if warmup := re.search(r'warm-up\s+of\s+(\d+)\s+iterations', document(path)):
        expected['param_scheduler'][0]['end'] = int(warmup[1])
    if (hook_of(path) or {}).get('peers'):
        settings = found['optim_wrapper'].pop('paramwise_cfg', {'custom_keys': {}})
        assert all(key.startswith('ckd_mm.') for key in settings['custom_keys'])
    assert found == expected


@pytest.mark.parametrize('name', ZOO_TEACHERS)
def test_teacher_from_the_zoo_has_weights(name: str) -> None:
    url = get_config(name, pretrained=True).model_path
    assert re.fullmatch(r'https://\S+\.pth', url)


@every_config
def test_pretrained_weights_of_the_student_are_known_to_mmengine(path: str) -> None:
    """The step below runs without them."""
    init = loaded(path).model.backbone.get('init_cfg')
    if not init:  # from random weights
        return
    scheme, name = init.checkpoint.split('://')
    if scheme == 'https':
        assert name.endswith('.pth')
        return
    known = {'torchvision': get_torchvision_models, 'open-mmlab': get_external_models}
    assert name in known[scheme]()


# One step.


@every_config_but_most_slow
def test_one_step_gives_finite_losses_and_every_term(
    path: str,
    tmp_path: Path,
    random_data: Callable[[Config], None],
    random_weights: Callable[[str], str],
) -> None:
    torch.manual_seed(0)
    cfg = Config.fromfile(file_of(path))
    random_data(cfg)
    _make_short(cfg, tmp_path)
    hook = next(
        (hook for hook in cfg.get('custom_hooks', []) if 'distill' in hook), None
    )
    if hook:
        if teacher_of(path):
            several = isinstance(hook.teacher, list)
            for teacher in hook.teacher if several else [hook.teacher]:
                teacher.update(_without_download(teacher, random_weights))
        for peer in hook.get('peers', ()):
            peer.pop('checkpoint', None)
        for term in hook.distill.values():
            if 'type' not in term.get('schedule', {}):
                term.pop('schedule', None)  # a warm-up begins without the term
    step = _Step()
    runner = _SharingRunner.from_cfg(cfg)
    runner.register_hook(step)
    runner.train()
    assert step.changed
    assert all(math.isfinite(value) for value in step.losses.values()), step.losses
    terms = {f'loss_{name}' for name in hook.distill} if hook else set()
    assert terms <= set(step.losses)
    assert set(step.losses) - terms  # the student's own


def _without_download(
    teacher: dict[str, Any], random_weights: Callable[[str], str]
) -> dict[str, Any]:
    """Random weights; a model of another library is narrow, too."""
    if 'config' in teacher:
        return dict(checkpoint=random_weights(teacher['config']), evaluate=False)
    pytest.importorskip(teacher['type'])
    return dict(pretrained=False, args=dict(embed_dim=24, depth=2, num_heads=2))


class _SharingRunner(Runner):
    """Builds and initialises a student once for configs in a row that have the same."""

    students: ClassVar[dict[str, torch.nn.Module]] = {}

    def build_model(self, model: dict[str, Any]) -> torch.nn.Module:
        key = str(model)
        if key not in self.students:
            self.students.clear()
            self.students[key] = super().build_model(model)
        return self.students[key]


class _Step(Hook):
    """Notes the losses of the one iteration, and whether it changed the student."""

    losses: dict[str, float]
    changed: bool

    def before_train(self, runner: Runner) -> None:
        self.before = [value.clone() for value in _vectors(runner.model)]

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: dict[str, Any] | None = None,
    ) -> None:
        assert outputs is not None
        self.losses = {
            key: value.item() for key, value in outputs.items() if 'loss' in key
        }
        self.changed = any(
            not torch.equal(old, new)
            for old, new in zip(self.before, _vectors(runner.model), strict=True)
        )


def _vectors(model: torch.nn.Module) -> list[torch.Tensor]:
    """Biases and the like: enough to see a step, and small."""
    return [value for value in model.parameters() if value.ndim == 1]


def _make_short(cfg: Config, work_dir: Path) -> None:
    """One iteration of two images, without validation, downloads and checkpoints."""
    cfg.work_dir = str(work_dir)
    cfg.train_dataloader.update(batch_size=2, num_workers=0, persistent_workers=False)
    cfg.train_cfg['max_iters' if 'max_iters' in cfg.train_cfg else 'max_epochs'] = 1
    for kind in ('val', 'test'):
        for part in ('dataloader', 'cfg', 'evaluator'):
            cfg[f'{kind}_{part}'] = None
    cfg.default_hooks.checkpoint = dict(
        type='CheckpointHook', interval=-1, save_last=False
    )
    cfg.model.backbone.init_cfg = None
    if 'num_queries' in cfg.model:  # of two stages: at most one for each position
        cfg.model.num_queries = min(cfg.model.num_queries, 300)
    if 'rcnn' in cfg.model.get('train_cfg', {}):
        cfg.model.train_cfg.rpn_proposal.max_per_img = 100
        cfg.model.train_cfg.rcnn.sampler.num = 32
