"""The converter on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ckd_mm.models.benchmark import tensors

from ..processes import run_script


def call(*arguments: object, status: int = 0, fresh: bool = False) -> str:
    done = run_script('tools/convert_mdistiller.py', *arguments, fresh=fresh)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.slow
def test_it_converts_refuses_and_overwrites(tmp_path: Path) -> None:
    source, target = tmp_path / 'source.pth', tmp_path / 'target.pth'
    weights = {key: torch.ones(shape) for key, (_, shape) in tensors('vgg8').items()}
    torch.save({'model': weights}, source)

    out = call(source, target, '--model', 'vgg13', status=1, fresh=True)
    assert 'error: expected the weights of vgg13' in out
    assert 'these are the weights of vgg8' in out
    assert not target.exists()

    assert 'target.pth: vgg8' in call(source, target, '--model', 'vgg8')
    assert 'head.fc.weight' in torch.load(target)['state_dict']
    assert 'exists' in call(source, target, '--model', 'vgg8', status=1)
    call(source, target, '--model', 'vgg8', '--force')
    assert 'invalid choice' in call(source, target, '--model', 'vgg9', status=2)
