"""Rankings of small real classifiers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config


@pytest.fixture(scope='session')
def model(
    classifier_config: Callable[..., Config], tmp_path_factory: pytest.TempPathFactory
) -> str:
    """The config of a network of width 8."""
    folder = tmp_path_factory.mktemp('ranked')
    cfg = classifier_config(folder)
    cfg.pop('work_dir')
    cfg.dump(folder / 'model.py')
    return str(folder / 'model.py')


@pytest.fixture
def of_width(model: str) -> Callable[..., dict[str, Any]]:
    def entry(width: int, **more: Any) -> dict[str, Any]:
        options = {
            'model.backbone.base_channels': width,
            'model.backbone.stem_channels': width,
            'model.head.in_channels': 8 * width,
        }
        return dict(config=model, cfg_options=options, **more)

    return entry


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """A file with these entries."""

    def to(name: str = 'ranking.py', **entries: Any) -> Path:
        lines = [f'{key} = {value!r}' for key, value in entries.items()]
        (tmp_path / name).write_text('\n'.join(lines) + '\n')
        return tmp_path / name

    return to
