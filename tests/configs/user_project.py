"""A user's folder: configs of theirs, the weights that these name, and one step.

Only MMEngine and the names that a config has are used here, so that the tests of frozen
configs hold for any structure of the package.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.hub import get_config
from mmengine.registry import MODELS, DefaultScope
from mmengine.runner import Runner

__all__ = ['distilling_hook', 'first_step', 'make_small', 'write_weights']

_numbers = itertools.count()


def distilling_hook(cfg: Config) -> dict[str, Any]:
    (hook,) = (one for one in cfg.custom_hooks if one['type'] == 'DistillationHook')
    return hook


def write_weights(cfg: Config, downloads: Path) -> None:
    """Write random weights where the teachers of a config have theirs.

    Args:
        cfg: A config with a hook, whose paths begin in the current folder.
        downloads: Where `torch.hub` keeps files of URLs.
    """
    for teacher in _teachers(cfg):
        if 'config' not in teacher:  # a cache, or the student's average
            continue
        config, weights = _read(teacher['config'])
        file = Path(teacher.get('checkpoint', downloads / Path(str(weights)).name))
        if file.exists():
            continue
        torch.manual_seed(1)
        scope = config.get('default_scope', cfg.default_scope)
        with DefaultScope.overwrite_default_scope(scope):
            model = MODELS.build(_model(config))
        if weights is None:  # else it would load those that the zoo begins with
            model.init_weights()
        state = model.state_dict()
        prefix = teacher.get('prefix', '')
        file.parent.mkdir(parents=True, exist_ok=True)
        torch.save(
            {'state_dict': {f'{prefix}{name}': state[name] for name in state}}, file
        )


def make_small(cfg: Config, work_dir: Path) -> None:
    """Batches of two images in this process, and no validation that nothing asks for.

    The lengths of training stay, as schedules count by them.
    """
    cfg.work_dir = str(work_dir)
    # Runs of one name in one process would share their message hub and visualizer.
    cfg.experiment_name = cfg.visualizer.name = f'frozen{next(_numbers)}'
    loader = cfg.train_dataloader
    size = 2 if 'datasets' not in loader.dataset else 5
    loader.update(batch_size=size, num_workers=0, persistent_workers=False)
    validates = any(teacher.get('evaluate') for teacher in _teachers(cfg))
    if validates:
        cfg.val_dataloader.update(batch_size=2, num_workers=0, persistent_workers=False)
        cfg.val_dataloader.dataset = deepcopy(loader.dataset)
    for kind in ('test',) if validates else ('val', 'test'):
        for part in ('dataloader', 'cfg', 'evaluator'):
            cfg[f'{kind}_{part}'] = None


def first_step(cfg: Config) -> dict[str, float]:
    """What the stock runner logs as losses in its first iteration, before it stops."""
    runner = Runner.from_cfg(cfg)
    runner.register_hook(_StopAfterOne(), priority='LOWEST')
    try:
        runner.train()
    except _Stopped as stopped:
        return stopped.losses
    raise AssertionError('there was no iteration')


class _Stopped(Exception):
    def __init__(self, losses: dict[str, float]) -> None:
        super().__init__()
        self.losses = losses


class _StopAfterOne(Hook):
    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: dict[str, Any] | None = None,
    ) -> None:
        found = {
            key: float(value) for key, value in (outputs or {}).items() if 'loss' in key
        }
        raise _Stopped(found)


def _teachers(cfg: Config) -> Iterator[dict[str, Any]]:
    teacher = distilling_hook(cfg)['teacher']
    yield from teacher if isinstance(teacher, (list, tuple)) else [teacher]


def _read(config: Any) -> tuple[Config, str | None]:
    """A teacher's config, and the URL of the weights that the zoo has for it."""
    if isinstance(config, dict):
        return Config(config if 'model' in config else dict(model=config)), None
    if '::' not in config:
        return Config.fromfile(config), None
    found = get_config(config, pretrained=True)
    return found, found.model_path


def _model(config: Config) -> Any:
    model = config.model
    if config.get('data_preprocessor') is not None:
        model.setdefault('data_preprocessor', config.data_preprocessor)
    return model
