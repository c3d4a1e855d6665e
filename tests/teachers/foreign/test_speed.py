"""Only what is read is run, and the options for speed work as for other teachers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from ckd_mm.teachers import read_teachers

from ...adapters.pairs import pair, pairs
from .libraries import CASES
from .steps import STUDENTS, batch_for, teacher_model

LISTS = {
    'timm DINOv3': 'blocks',
    'transformers DINOv2': 'encoder.layer',
    'transformers SigLIP': 'encoder.layers',
}


def blocks_that_run(model: nn.Module, name: str) -> list[int]:
    """A list that gets the number of each block that runs."""
    ran: list[int] = []
    for number, block in enumerate(model.get_submodule(name).children()):
        block.register_forward_pre_hook(lambda *_, number=number: ran.append(number))
    return ran


@pytest.mark.parametrize('name', LISTS)
def test_blocks_behind_the_last_one_that_is_read_are_not_run(
    name: str, tmp_path: Path
) -> None:
    teacher = teacher_model(**CASES[name].config(tmp_path))
    student = STUDENTS['ResNet'][0]()
    ran = blocks_that_run(teacher.model, LISTS[name])
    levels = {
        'first': dict(student='backbone:-1', teacher='blocks:0'),
        'second': dict(student='backbone:-1', teacher='blocks:-2'),
    }
    terms = {one: (on, ()) for one, on in levels.items()}
    found = pairs(student, teacher, batch_for(student), terms)
    assert ran == [0, 1]
    assert found['first']['teacher'].shape == found['second']['teacher'].shape
    assert not torch.equal(found['first']['teacher'], found['second']['teacher'])


def test_a_module_inside_is_read_beside_a_block(tmp_path: Path) -> None:
    name = 'transformers DINOv2'
    teacher = teacher_model(**CASES[name].config(tmp_path))
    student = STUDENTS['ResNet'][0]()
    terms = {
        'block': (dict(student='backbone:-1', teacher='blocks:0'), ()),
        'inside': (
            dict(student='backbone:-1', teacher='model.encoder.layer.2.mlp.fc2'),
            (),
        ),
    }
    found = pairs(student, teacher, batch_for(student), terms)
    assert found['block']['teacher'].ndim == 4 and found['inside']['teacher'].ndim == 3


def test_layers_are_what_the_backbone_returns(tmp_path: Path) -> None:
    config = CASES['torchvision ResNet'].config(tmp_path)
    student, ran = STUDENTS['ResNet'][0](), {}
    for layers in (None, [1, 2]):
        teacher = teacher_model(**config, layers=layers)
        found = pair(student, teacher, batch_for(student), 'backbone')
        ran[str(layers)] = [one.shape[1] for one in found['teacher']]
    assert ran == {'None': [64, 128, 256, 512], '[1, 2]': [128, 256]}


def _value(name: str, folder: Path, **options: Any) -> torch.Tensor:
    (kind,) = read_teachers({**CASES[name].config(folder), **options})
    runner: Any = None  # no kind of another library looks at it
    torch.manual_seed(0)
    teacher: Any = kind.build(runner, torch.device('cpu'))
    student = STUDENTS['ResNet'][0]()
    on = dict(student='backbone:-1', teacher=CASES[name].level)
    batch = batch_for(student)
    found = pair(student, teacher.model, batch, on, speed=teacher.speed)
    return found['teacher'].float()


@pytest.mark.parametrize(
    ('options', 'tolerance'),
    [
        (dict(dtype='bfloat16'), 0.05),
        (dict(channels_last=True), 1e-4),
        (dict(stream=True), 0.0),
        (dict(fuse_bn=True), 1e-3),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else '',
)
@pytest.mark.parametrize('name', ['transformers DINOv2', 'torchvision ResNet'])
def test_options_of_speed_change_rounding_alone(
    options: dict[str, Any], tolerance: float, name: str, tmp_path: Path
) -> None:
    plain, fast = _value(name, tmp_path), _value(name, tmp_path, **options)
    scale = float(plain.abs().max())
    torch.testing.assert_close(fast, plain, rtol=tolerance, atol=tolerance * scale)


@pytest.mark.slow
@pytest.mark.parametrize('name', ['timm DINOv3', 'transformers DINOv2'])
def test_a_compiled_teacher_gives_the_same(name: str, tmp_path: Path) -> None:
    plain = _value(name, tmp_path)
    compiled = _value(name, tmp_path, compile=dict(backend='aot_eager'))
    torch.testing.assert_close(compiled, plain, rtol=1e-4, atol=1e-4)
