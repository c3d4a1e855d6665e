"""Configs that users may have written for earlier versions still build and step.

The files in `frozen/` are never changed, only added to: each stands for all configs of
users that look like it.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import math
import shutil
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config

from ckd_mm.registry import LOSSES

from .catalog import metafiles_read_once
from .user_project import distilling_hook, first_step, make_small, write_weights

ROOT = Path(__file__).parents[2]
FOLDER = Path(__file__).parent / 'frozen'
SUMS = FOLDER / 'sha256.json'
PLUGINS = ('my_losses',)
CONFIGS = sorted(path.stem for path in FOLDER.glob('*.py') if path.stem not in PLUGINS)

# By config, what the warning says about a name in it that has changed since.
RENAMED: dict[str, str] = {}


def test_frozen_files_are_as_they_were() -> None:
    files = [path for path in sorted(FOLDER.rglob('*')) if path.suffix == '.py']
    found = {
        path.relative_to(FOLDER).as_posix(): hashlib.sha256(
            path.read_bytes()
        ).hexdigest()
        for path in files
    }
    assert found == json.loads(SUMS.read_text()), (
        f'the files in {FOLDER.relative_to(ROOT)} stand for configs that users have, '
        'so they are never changed or removed, only added to: put the old file back, '
        'let the package take it (with a warning, see RENAMED), and add what is new '
        f'as a new file, with its sum in {SUMS.name}'
    )


@pytest.fixture(scope='module')
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a user, beside a checkout of the repository."""
    folder = tmp_path_factory.mktemp('users')
    (folder / 'ckd_mm').symlink_to(ROOT)
    shutil.copytree(FOLDER, folder / 'project')
    with metafiles_read_once():
        yield folder / 'project'


@pytest.fixture(autouse=True)
def _in_the_project(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As a user who stands in the folder and has it on `PYTHONPATH`."""
    monkeypatch.chdir(project)
    monkeypatch.syspath_prepend(project)
    monkeypatch.setenv('TORCH_HOME', str(project / 'torch_home'))
    monkeypatch.setattr(LOSSES, '_module_dict', dict(LOSSES.module_dict))
    yield
    for name in PLUGINS:
        sys.modules.pop(name, None)


Read = Callable[[str], Config]


@pytest.fixture
def read(project: Path, random_data: Callable[[Config], None], tmp_path: Path) -> Read:
    """A config as it is, on two random images, with weights for its teachers."""

    def read(name: str) -> Config:
        cfg = Config.fromfile(f'{name}.py')
        write_weights(cfg, project / 'torch_home/hub/checkpoints')
        random_data(cfg)
        make_small(cfg, tmp_path / name)
        return cfg

    return read


@pytest.fixture
def cache(read: Read, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `tools/cache_teacher.py` makes of `resnet_replayed.py`."""
    if (project / 'caches/r18').exists():
        return
    tool = importlib.import_module('tools.cache_teacher')
    read('resnet_replayed').dump(project / 'replayed.json')
    command = 'cache_teacher.py replayed.json caches/r18 --epochs 2'
    monkeypatch.setattr(sys, 'argv', command.split())
    tool.main()


@pytest.mark.parametrize('name', CONFIGS)
def test_a_config_of_before_builds_and_steps(
    name: str, read: Read, request: pytest.FixtureRequest
) -> None:
    if 'cached' in name:
        request.getfixturevalue('cache')
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        cfg = read(name)
        losses = first_step(cfg)
    terms = {f'loss_{term}' for term in distilling_hook(cfg)['distill']}
    assert terms <= losses.keys()
    assert losses.keys() - terms - {'loss'}, 'the losses of the student'
    assert all(math.isfinite(value) for value in losses.values()), losses
    if name in RENAMED:
        said = [str(warning.message) for warning in caught]
        assert any(RENAMED[name] in message for message in said), said
    else:
        assert not [str(one.message) for one in caught if _is_of_our_names(one)]


@pytest.mark.parametrize(
    ('name', 'options'),
    [
        (
            'faster_rcnn',
            {
                'custom_hooks.0.distill.ckd.loss.temperature': 0.5,
                'custom_hooks.0.student_loss_weight': 0.5,
            },
        ),
        ('detr', {'custom_hooks.0.distill.kd.on.topk': 5}),
        ('fcos_of_three_classes', {'custom_hooks.0.teacher.class_map.bus': 'tram'}),
        ('rtmdet', {'custom_hooks.2.teacher.dtype': 'bfloat16'}),
        ('yolox', {'custom_hooks.3.distill.ckd.schedule.warmup': 5}),
    ],
)
def test_cfg_options_of_before_find_their_places(
    name: str, options: dict[str, Any], read: Read
) -> None:
    cfg = read(name)
    cfg.merge_from_dict(options)
    assert first_step(cfg)
    for key, value in options.items():
        found: Any = cfg
        for part in key.split('.'):
            found = found[int(part) if part.isdigit() else part]
        assert found == value


@pytest.mark.parametrize('path', sorted(FOLDER.glob('comparisons/*.py')))
def test_a_comparison_of_before_is_planned(
    path: Path, read: Read, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    read('resnet_logits')  # writes the weights of its teacher
    tool = importlib.import_module('tools.compare')
    command = f'compare.py comparisons/{path.name} --dry-run'
    monkeypatch.setattr(sys, 'argv', command.split())
    with pytest.raises(SystemExit) as end:
        tool.main()
    assert end.value.code == 0
    assert ' 21 to do' in capsys.readouterr().out


def _is_of_our_names(warning: warnings.WarningMessage) -> bool:
    """Not by any `ckd_mm` in its path: a clone, with its environment, is named so."""
    is_of_names = issubclass(warning.category, (DeprecationWarning, FutureWarning))
    from_here = Path(warning.filename).is_relative_to(ROOT / 'ckd_mm')
    return is_of_names and (from_here or 'ckd_mm' in str(warning.message))
