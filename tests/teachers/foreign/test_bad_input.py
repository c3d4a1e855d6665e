"""What cannot work is refused with a sentence, before anything runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from ckd_mm.adapters import build_adapter
from ckd_mm.teachers import read_teachers

from ...adapters.pairs import pair
from .libraries import CASES, IMAGENET, hub_folder
from .steps import STUDENTS, batch_for, teacher_model

HERE = f'{__name__.rpartition(".")[0]}.libraries'
VIT: dict[str, Any] = dict(type='torchvision', model='vit_b_32')
MODULE: dict[str, Any] = dict(type='module', model=f'{HERE}.TinyNet')

ARGS: dict[str, dict[str, Any]] = {
    'timm': dict(type='timm', model='vit_tiny_patch16_224'),
    'timm CNN': dict(type='timm', model='convnext_atto'),
    'transformers': dict(type='transformers', model='vit'),
    'torchvision': dict(type='torchvision', model='resnet18'),
    'module': MODULE,
}


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(type='timm', model='vit_tiny_patch16_22'), "mean 'vit_tiny_patch16_224'"),
        (
            dict(type='timm', model='vit_tiny_patch16_224.x'),
            "no weights 'x' .*augreg_in21k",
        ),
        (dict(type='timm', model='mixer_s16_224'), r'give .* input_size=\(224, 224\)'),
        (dict(type='torchvision', model='resnet1'), "did you mean 'resnet18'"),
        (VIT, r'Expected 224 but got 128.*give the teacher input_size='),
        (VIT | dict(input_size=(96, 64)), 'square images alone'),
        (dict(MODULE, model='nowhere.Net'), "'nowhere.Net' cannot be imported"),
        (dict(MODULE, model=f'{HERE}.TinyNe'), "did you mean 'TinyNet'"),
        (dict(MODULE, model=f'{HERE}.hub_folder', args=dict(folder=1)), 'TypeError'),
        (MODULE, 'mean and std of .* are not known; give those'),
        (dict(MODULE, **IMAGENET, layers=[2]), 'has 2, got 2'),
        (dict(MODULE, mean=[123, 116, 103], std=[58, 57, 57]), 'say so with white=255'),
        (dict(MODULE, **IMAGENET, white=2), 'white must be 1 or 255'),
        (dict(MODULE, **IMAGENET, channel_order='gbr'), "must be 'rgb' or 'bgr'"),
        (dict(MODULE, **IMAGENET, input_size=(90, 96)), r'nearest is \(88, 96\)'),
        (dict(MODULE, input_size='large'), "must be 'student', a ratio"),
        (dict(MODULE, input_size=64), r'input_size=64 is a ratio.*write \(64, 64\)'),
        (dict(MODULE, input_size=1000.0), r'=1000.0 is .*write \(1000, 1000\)'),
        (dict(type='timm'), 'needs model=NAME'),
        (dict(type='torch_hub', model='net', repo='nowhere'), 'with a hubconf.py'),
        (dict(type='timn', model='x'), "unknown teacher 'timn'; did you mean 'timm'"),
    ],
)
def test_a_config(options: dict[str, Any], message: str) -> None:
    if options['type'] == 'timm':
        pytest.importorskip('timm')
    with pytest.raises(ValueError, match=message):
        teacher_model(**options)


def test_an_entry_point_that_is_not_there(tmp_path: Path) -> None:
    repo = str(hub_folder(tmp_path))
    with pytest.raises(ValueError, match="did you mean 'tiny_resnet'"):
        teacher_model(type='torch_hub', repo=repo, model='tiny_resne')


def refuse(*_: Any, **__: Any) -> None:
    raise ConnectionRefusedError(111, 'Connection refused')


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No socket gets a connection, and nothing was downloaded before."""
    hub = pytest.importorskip('huggingface_hub')
    monkeypatch.setattr('socket.create_connection', refuse)
    monkeypatch.setattr('socket.socket.connect', refuse)
    monkeypatch.setattr('socket.getaddrinfo', refuse)
    monkeypatch.setattr('time.sleep', lambda _: None)  # between tries
    for name in ('HF_HUB_CACHE', 'HUGGINGFACE_HUB_CACHE'):
        monkeypatch.setattr(hub.constants, name, str(tmp_path))
    monkeypatch.setattr('torch.hub._hub_dir', str(tmp_path))


@pytest.mark.usefixtures('offline')
@pytest.mark.parametrize('library', ['timm', 'transformers', 'torchvision'])
def test_weights_that_cannot_be_downloaded(library: str) -> None:
    pytest.importorskip(library)
    config = dict(ARGS[library], pretrained=True)
    if library == 'transformers':
        config['model'] = 'facebook/dinov2-small'
    with pytest.raises(ValueError, match='on this machine.*cannot be rea') as raised:
        teacher_model(**config)
    said = str(raised.value)
    assert 'checkpoint=' in said.rpartition('; ')[2]
    assert 'pretrained=False' in said.rpartition('; ')[2]
    assert 'Error' not in said
    assert len(said.splitlines()) == 1


def test_weights_that_may_not_be_downloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip('timm')
    monkeypatch.setattr('huggingface_hub.constants.HF_HUB_OFFLINE', True)
    with pytest.raises(ValueError, match='not on this .* or pretrained=False'):
        teacher_model(type='timm', model='vit_tiny_patch16_224', pretrained=True)


def test_a_model_of_transformers_that_is_not_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hub = pytest.importorskip('huggingface_hub.constants')
    monkeypatch.setattr(hub, 'HF_HUB_OFFLINE', True)
    with pytest.raises(ValueError, match="finds no model 'dinov22' .*mean 'dinov2'"):
        teacher_model(type='transformers', model='dinov22', **IMAGENET)


def test_rows_of_a_head_that_the_teacher_does_not_have() -> None:
    adapter = build_adapter(
        STUDENTS['Faster R-CNN'][0](), teacher_model(**MODULE, **IMAGENET)
    )
    with pytest.raises(ValueError, match="feature maps with on='backbone'; any"):
        adapter.bind('t', 'roi_logits', ())


@pytest.mark.parametrize('pretrained', [True, False])
@pytest.mark.parametrize('library', ARGS)
def test_args_that_the_model_does_not_take(library: str, pretrained: bool) -> None:
    config = ARGS[library]
    if config['type'] != 'module':
        pytest.importorskip(config['type'])
    with pytest.raises(ValueError, match="not take args foo; take .*'foo'") as raised:
        teacher_model(**config, pretrained=pretrained, args=dict(foo=1), **IMAGENET)
    assert repr(config['model']) in str(raised.value)
    assert 'weights' not in str(raised.value)


@pytest.mark.parametrize('library', ['timm', 'transformers', 'torchvision'])
def test_args_of_a_wrong_value(library: str) -> None:
    pytest.importorskip(library)
    args = {
        'timm': dict(embed_dim='wide'),
        'transformers': dict(hidden_size='wide'),
        'torchvision': dict(num_classes='wide'),
    }[library]
    with pytest.raises(ValueError, match=r"cannot be built with args=.*'wide'.*; "):
        teacher_model(**ARGS[library], args=args, **IMAGENET)


def test_logits_of_a_teacher_of_another_library(tmp_path: Path) -> None:
    teacher = teacher_model(**CASES['timm ViT'].config(tmp_path))
    adapter = build_adapter(STUDENTS['ResNet'][0](), teacher)
    with pytest.raises(ValueError, match='logits are not taken') as raised:
        adapter.bind('t', 'logits', ())
    said = str(raised.value)
    assert said.startswith("term 't': on='logits' cannot be compared")
    assert "timm model 'vit_tiny_patch16_224'" in said
    assert 'FeatureModel' not in said
    assert 'unknown' not in said


@pytest.mark.parametrize('library', ['timm', 'transformers'])
def test_a_library_that_is_not_installed(
    library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ValueError, match=rf"pip install 'ckd_mm\[{library}\]'"):
        teacher_model(type=library, model='vit')


def test_an_image_smaller_than_a_patch(tmp_path: Path) -> None:
    model = teacher_model(**CASES['transformers ViT'].config(tmp_path))
    with pytest.raises(
        ValueError, match='8 x 8 pixels.*smaller than its patches of 16'
    ):
        model.backbone(torch.zeros(1, 3, 8, 8))


@pytest.mark.parametrize(
    ('level', 'message'),
    [
        ('blocks:-1', "has no 'blocks'; it has stages:0 to stages:1"),
        ('stages:2', 'stages has 2 levels, stages:0 to stages:1'),
        ('stages:last', 'must end with the number of a level'),
        ('model.boddy', "did you mean .*'model.body'"),
    ],
)
def test_a_level_that_the_teacher_does_not_have(level: str, message: str) -> None:
    teacher = teacher_model(**MODULE, **IMAGENET)
    student = STUDENTS['ResNet'][0]()
    adapter = build_adapter(student, teacher)
    with pytest.raises(ValueError, match=message):
        adapter.bind('t', dict(student='backbone:-1', teacher=level), ())


def test_maps_of_a_teacher_without_any() -> None:
    teacher = teacher_model(
        type='module', model=f'{HERE}.Pooled', args=dict(width=4), **IMAGENET
    )
    student = STUDENTS['ResNet'][0]().train()
    on = dict(student='backbone:-1', teacher='blocks:-1')
    with pytest.raises(ValueError, match='no feature maps .*were found in it'):
        pair(student, teacher, batch_for(student), on)
    rows = dict(student='neck:0', teacher='model.head')
    found = pair(student, teacher, batch_for(student), rows)
    assert found['teacher'].shape == (2, 4)


def test_options_of_speed_and_weight_are_those_of_other_teachers() -> None:
    (kind,) = read_teachers(
        dict(MODULE, dtype='bfloat16', compile=True, stream=True, weight=2.0)
    )
    assert kind.weight == 2.0
    with pytest.raises(ValueError, match='dtype must be'):
        read_teachers(dict(MODULE, dtype='int8'))
