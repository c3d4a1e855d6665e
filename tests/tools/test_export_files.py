"""Files that are not those of one run are refused, and nothing is written."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope

from ckd_mm.commands.export import export_student
from ckd_mm.engine.inference import KEY
from ckd_mm.losses import SimKDLoss

from ..processes import ROOT

CONFIGS = ROOT / 'configs/mmpretrain/digits'
SIMKD = CONFIGS / 'simkd_r18-w16-r18-w2_20e_digits.py'
Change = Callable[[dict[str, Any]], Any]


@pytest.fixture(scope='module')
def saved() -> dict[str, Any]:
    """What a run of the config saves after its first step."""
    models = []
    for name in (SIMKD, CONFIGS / 'resnet18-w16_digits.py'):
        with DefaultScope.overwrite_default_scope('mmpretrain'):
            models.append(MODELS.build(Config.fromfile(name).model))
    student, teacher = models
    widths = [one.head.in_channels for one in models]
    loss = SimKDLoss(*widths)
    maps = [torch.rand(2, width, 1, 1) for width in widths]
    loss(*maps)
    parts = {
        child: dict(config=config, state_dict=module.state_dict())
        for child, (config, module) in loss.at_inference(teacher).items()
    }
    assert parts.keys() == SimKDLoss.inference_parts.keys()
    return {'meta': {}, 'state_dict': student.state_dict(), KEY: parts}


def refusal(config: Path, checkpoint: Path, folder: Path) -> str:
    """The sentence; nothing is written."""
    with pytest.raises(ValueError) as error:
        export_student(config, checkpoint, folder / 'out')
    assert '\n' not in str(error.value)
    assert not (folder / 'out').exists()
    return str(error.value)


def test_the_files_of_one_run_are_exported(
    saved: dict[str, Any], tmp_path: Path
) -> None:
    torch.save(saved, tmp_path / 'one.pth')
    written = export_student(SIMKD, tmp_path / 'one.pth', tmp_path / 'out')
    assert all(path.is_file() for path in written)


def put(value: Any, *keys: str) -> Change:
    """Puts a value in place of what is there for inference, or of a part of it."""

    def change(content: dict[str, Any]) -> None:
        *above, last = (KEY, *keys)
        for key in above:
            content = content[key]
        content[last] = value

    return change


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (
            lambda content: content[KEY].pop('neck'),
            'has no neck with config and state_dict for infer',
        ),
        (
            lambda content: content[KEY].pop('head'),
            'has no head with config and state_dict for infer',
        ),
        (put(5), 'has no neck with config and state_dict for inference, as simkd'),
        (put({}), 'has nothing of simkd for inference; it is of another run'),
        (put(3, 'neck'), 'has no neck with config and state_dict'),
        (put(3, 'head', 'config'), 'has no head with config and state_dict'),
        (put(3, 'head', 'state_dict'), 'has no head with config and state_dict'),
        (put(3, 'other'), 'has no other with config and state_dict'),
        (
            put(None, 'neck', 'config', 'sizes'),
            'the neck for inference in .* has no sizes, .* give a later checkpoint',
        ),
        (
            put('NoSuchNeck', 'neck', 'config', 'type'),
            'ended in KeyError: .*; give config and checkpoint of one run',
        ),
        (
            put({'x': 5}, 'head', 'state_dict'),
            'ended in .*; give config and checkpoint of one run',
        ),
        (
            lambda content: content['state_dict'].pop('backbone.conv1.weight'),
            'the weights of .* in the model of .*; give config and checkpoint of one',
        ),
        (lambda content: content.pop(KEY), 'has nothing of simkd for inference'),
        (
            lambda content: content.update(meta=5),
            'has no state_dict and meta of a run; expected a checkpoint that the run',
        ),
        (
            lambda content: content.update(state_dict=5),
            'has no state_dict and meta of a run; expected a checkpoint that the run',
        ),
    ],
)
def test_a_checkpoint_with_a_part_of_it_is_refused(
    change: Change, message: str, saved: dict[str, Any], tmp_path: Path
) -> None:
    content = deepcopy(saved)
    change(content)
    torch.save(content, tmp_path / 'one.pth')
    sentence = refusal(SIMKD, tmp_path / 'one.pth', tmp_path)
    with pytest.raises(ValueError, match=message):
        raise ValueError(sentence)


@pytest.mark.parametrize(
    ('config', 'message'),
    [
        ('scalekd_r18-w16-r18-w2_20e_digits.py', 'got scalekd (ScaleKDLoss); there is'),
        (
            'resnet18-w2_digits.py',
            'got no DistillationHook; there is nothing to export',
        ),
    ],
)
def test_a_checkpoint_of_another_run_is_refused(
    config: str, message: str, saved: dict[str, Any], tmp_path: Path
) -> None:
    """Its student has the same weights."""
    torch.save(saved, tmp_path / 'one.pth')
    assert message in refusal(CONFIGS / config, tmp_path / 'one.pth', tmp_path)


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (None, 'one.pth does not exist; expected a checkpoint of the run'),
        (b'hello', 'cannot be read: .*; give a checkpoint that the run has saved$'),
        (b'\x89PNG\r\n', 'it holds no weights of PyTorch; give a checkpoint'),
        (b'', 'cannot be read: EOFError; give a checkpoint that the run has saved$'),
        ({'epoch': 3}, 'has no state_dict and meta of a run; expected a checkpoint'),
        (
            {'state_dict': {}, 'path': Path('x')},
            r'more than weights and plain data \(pathlib.*\); .*_LOAD=1 if you trust',
        ),
    ],
)
def test_a_file_that_is_no_checkpoint_is_refused(
    content: Any, message: str, tmp_path: Path
) -> None:
    checkpoint = tmp_path / 'one.pth'
    if isinstance(content, bytes):
        checkpoint.write_bytes(content)
    elif content is not None:
        torch.save(content, checkpoint)
    sentence = refusal(SIMKD, checkpoint, tmp_path)
    assert 'weights_only' not in sentence
    with pytest.raises(ValueError, match=message):
        raise ValueError(sentence)


@pytest.mark.parametrize(
    ('name', 'text'), [('no.md', 'words'), ('no.py', 'model = ['), ('missing.py', None)]
)
def test_a_file_that_is_no_config_is_refused(
    name: str, text: str | None, saved: dict[str, Any], tmp_path: Path
) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    torch.save(saved, tmp_path / 'one.pth')
    sentence = refusal(tmp_path / name, tmp_path / 'one.pth', tmp_path)
    assert sentence.startswith(f'reading the config {tmp_path / name} ended in ')
    assert sentence.endswith('; give the config of the run, a file that ends in .py')


def test_the_tool_ends_with_the_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = [str(tmp_path / name) for name in ('a.py', 'a.pth', 'out')]
    monkeypatch.setattr(sys, 'argv', ['export_student.py', *arguments])
    with pytest.raises(SystemExit, match=r'^error: .*a\.py'):
        runpy.run_path(str(ROOT / 'tools/export_student.py'), run_name='__main__')
