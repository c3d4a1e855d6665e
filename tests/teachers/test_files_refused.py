"""Files that hold no weights, or none of this model: a sentence each."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from ckd_mm.teachers import build_teacher
from ckd_mm.teachers.loading.safe import TRUST

pytestmark = pytest.mark.usefixtures('quiet')

NO_WEIGHTS: dict[str, tuple[Any, str]] = {
    'None': (dict(state_dict=None), 'holds no weights: its state_dict is None'),
    'empty': ({}, 'holds no weights: it is an empty dict'),
    'integer keys': ({0: torch.ones(1)}, 'holds no weights: its keys are 0'),
    'optimizer alone': (
        dict(optimizer=dict(state={}), epoch=3),
        "holds no weights: its keys are 'optimizer', 'epoch'",
    ),
    'list': ([1], 'holds a list; expected a state dict'),
    'tensor': (torch.ones(1), 'holds a Tensor; expected a state dict'),
}


@pytest.mark.parametrize('name', NO_WEIGHTS)
def test_a_file_without_weights_is_refused(name: str, load: Any) -> None:
    content, error = NO_WEIGHTS[name]
    with pytest.raises(ValueError, match=error):
        load(content)


def detectron2(folder: Path) -> None:
    content = dict(model={'backbone.res2.0.conv1.weight': np.ones(3)}, __author__='x')
    (folder / 'file.pth').write_bytes(pickle.dumps(content))


def foreign_class(folder: Path) -> None:
    """As files of YOLO from Ultralytics are, where the program is not installed."""
    module = ModuleType('not_installed')
    detector_class = type('Detector', (), dict(__module__='not_installed'))
    module.Detector = detector_class  # type: ignore[attr-defined]
    sys.modules['not_installed'] = module
    torch.save(dict(model=detector_class()), folder / 'file.pth')
    del sys.modules['not_installed']


def page(folder: Path) -> None:
    (folder / 'file.pth').write_text('<html>404 not found</html>')


def cut(folder: Path) -> None:
    torch.save(dict(state_dict={'x': torch.ones(1000)}), folder / 'file.pth')
    content = (folder / 'file.pth').read_bytes()
    (folder / 'file.pth').write_bytes(content[: len(content) // 2])


@pytest.mark.parametrize(
    ('write', 'error'),
    [
        (detectron2, 'cannot be read: .*cut short, or it is none of PyTorch'),
        (page, 'cannot be read: .*cut short, or it is none of PyTorch'),
        (cut, 'cannot be read: .*cut short, or it is none of PyTorch'),
        (foreign_class, 'cannot be read: .*not_installed'),
    ],
)
def test_a_file_that_is_no_checkpoint_is_refused_in_a_sentence(
    write: Callable[[Path], None],
    error: str,
    classifier_teacher: dict[str, Any],
    tmp_path: Path,
) -> None:
    write(tmp_path)
    with pytest.raises(ValueError, match=error) as raised:
        build_teacher(classifier_teacher['config'], tmp_path / 'file.pth')
    assert len(str(raised.value).splitlines()) == 1
    assert 'weights_only' not in str(raised.value)


def test_a_trusted_file_with_classes_that_are_missing_says_so(
    classifier_teacher: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TRUST, '1')
    foreign_class(tmp_path)
    with pytest.raises(ValueError, match='not_installed.*classes of a program that'):
        build_teacher(classifier_teacher['config'], tmp_path / 'file.pth')


def test_a_file_of_another_toolbox_says_so(load: Any) -> None:
    timm = {f'blocks.{i}.attn.qkv.weight': torch.ones(3, 3) for i in range(300)}
    error = r'missing \(backbone.conv1.weight.*300 unexpected .*another toolbox'
    with pytest.raises(ValueError, match=error) as raised:
        load(timm)
    assert len(str(raised.value)) < 2000
