"""The configs under configs/, each read once: docstring, hook and student.

A recipe that is no file is made by tools/make_config.py, and has the path of its file.
"""

from __future__ import annotations

import ast
import functools
import tempfile
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from mmengine.config import Config
from mmengine.fileio import load
from mmengine.hub import get_config
from mmengine.registry import OPTIMIZERS, PARAM_SCHEDULERS
from mmengine.utils import get_installed_path

from tools import make_config

ROOT = Path(__file__).parents[2]
# The folders that have tests of their own.
ELSEWHERE = {'_base_', 'chains', 'compare', 'no_labels', 'rank'}
CONFIGS = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (ROOT / 'configs').rglob('*.py')
    if not ELSEWHERE & set(path.parts)
)

RECIPES = {
    recipe.home.relative_to(make_config.CONFIGS.parent).as_posix(): recipe
    for recipe in make_config.recipes()
}
# One of each method and folder that is made: a sample of them.
MADE = list(
    {
        (recipe.home.parent, recipe.method): path
        for path, recipe in RECIPES.items()
        if not recipe.home.exists()
    }.values()
)
_FOLDER = tempfile.TemporaryDirectory(prefix='made_configs')

load_once = functools.cache(load)


@functools.cache
def file_of(path: str) -> Path:
    """The file of a config, which is made if the config is none."""
    file = ROOT / path
    if file.exists():
        return file
    folder = Path(_FOLDER.name)
    made = folder / file.name
    made.write_text(make_config.write(RECIPES[path], folder))
    return made


def metafiles_read_once() -> Any:
    """MMEngine reads a zoo's for each base that a config has there, in 0.4 s."""
    return mock.patch('mmengine.config.utils.load', load_once)


@functools.cache
def loaded(path: str) -> Config:
    with metafiles_read_once():
        return Config.fromfile(file_of(path))


def hook_of(path: str) -> dict[str, Any] | None:
    hooks = loaded(path).get('custom_hooks', [])
    return next((hook for hook in hooks if hook.type == 'DistillationHook'), None)


DISTILLED = [path for path in CONFIGS if hook_of(path)]


def distilling_hook(path: str) -> dict[str, Any]:
    """The hook of a config of :data:`DISTILLED` or :data:`RECIPES`."""
    hook = hook_of(path)
    assert hook, path
    return hook


def teachers_of(path: str) -> list[dict[str, Any]]:
    """The teachers of a config of :data:`DISTILLED` or :data:`RECIPES`."""
    found = distilling_hook(path).get('teacher') or []
    return [*found] if isinstance(found, list) else [found]


def teacher_of(path: str) -> str:
    """A config, or the name of a model of another library; empty without a model.

    Of several teachers that of the first one.
    """
    teacher = next(iter(teachers_of(path)), {})
    return str(teacher.get('config') or teacher.get('model') or '')


def _features(path: str) -> set[str]:
    """The student, the teacher, and each loss on the kind of student."""
    model, hook = loaded(path).model, hook_of(path)
    if not hook:
        return {str(model)}
    losses = {f'{term.loss.type} {model.type}' for term in hook['distill'].values()}
    return {str(model), teacher_of(path), *losses}


def _sampled(paths: list[str]) -> list[str]:
    """Those with a student, a teacher or a loss that none before them has."""
    seen: set[str] = set()
    sample = []
    for path in paths:
        if not _features(path) <= seen:
            sample.append(path)
            seen |= _features(path)
    return sample


SAMPLE = _sampled([*CONFIGS, *MADE])


def document(path: str) -> str:
    text = ast.get_docstring(ast.parse(file_of(path).read_text()))
    assert text, f'{path} has no docstring'
    return text


def base_of_student(path: str) -> str:
    """The first entry of `_base_`: by convention the student."""
    for node in ast.parse(file_of(path).read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == '_base_':
            base = ast.literal_eval(node.value)
            return base if isinstance(base, str) else base[0]
    raise AssertionError(f'{path} inherits nothing')


def student_of(path: str) -> Config:
    base = base_of_student(path)
    if '::' in base:
        return get_config(base)
    return loaded(str(file_of(path).parent.joinpath(base).resolve()))


def rates(path: str) -> list[float]:
    """The learning rate of each epoch, and what would follow."""
    cfg = loaded(path)
    weights = torch.nn.Parameter(torch.zeros(1))
    optimizer = OPTIMIZERS.build(cfg.optim_wrapper.optimizer | dict(params=[weights]))
    scheduler = PARAM_SCHEDULERS.build(cfg.param_scheduler | dict(optimizer=optimizer))
    seen = []
    for _ in range(cfg.train_cfg.max_epochs):
        seen.append(optimizer.param_groups[0]['lr'])
        optimizer.step()
        scheduler.step()
    return [*seen, optimizer.param_groups[0]['lr']]


def zoo_entry(name: str) -> dict[str, Any]:
    """What the metafile of a zoo says about a config."""
    package, path = name.split('::')
    configs = Path(get_installed_path(package)) / '.mim/configs'
    models = load_once(configs / Path(path).parent / 'metafile.yml')['Models']
    return next(model for model in models if model['Config'] == f'configs/{path}')


def plain(value: Any, without: tuple[str, ...] = ()) -> Any:
    """Plain containers, without the marks that MMEngine leaves on what is a zoo's."""
    if isinstance(value, (Config, dict)):
        left_out = ('_scope_', *without)
        return {key: plain(item) for key, item in value.items() if key not in left_out}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value
