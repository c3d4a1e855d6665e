"""Weights of models of other libraries: all of them, or a sentence."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from .libraries import CASES, IMAGENET
from .steps import teacher_model

TIMM, HUGGING_FACE = CASES['timm ViT'], CASES['transformers ViT']
TORCHVISION, MODULE = CASES['torchvision ViT'], CASES['a module']
EACH = {
    'timm': TIMM,
    'transformers': HUGGING_FACE,
    'torchvision': CASES['torchvision ResNet'],
    'module': MODULE,
}


def saved(model: nn.Module, path: Path) -> Path:
    """A file with a model's state dict."""
    state = {name: value.contiguous() for name, value in model.state_dict().items()}
    if path.suffix == '.safetensors':
        save_file(state, path)
    else:
        torch.save(state, path)
    return path


def same(first: nn.Module, second: nn.Module) -> bool:
    states = first.state_dict(), second.state_dict()
    assert states[0].keys() == states[1].keys()
    return all(torch.equal(one, states[1][name]) for name, one in states[0].items())


@pytest.mark.parametrize('suffix', ['pth', 'safetensors'])
@pytest.mark.parametrize('library', EACH)
def test_a_local_file_fills_the_whole_model(
    library: str, suffix: str, tmp_path: Path
) -> None:
    config = EACH[library].config(tmp_path)
    first = teacher_model(seed=1, **config).model
    assert not same(first, teacher_model(seed=2, **config).model)
    path = saved(first, tmp_path / f'file.{suffix}')
    config['checkpoint'] = str(path)
    assert same(first, teacher_model(seed=2, **config).model)


@pytest.mark.parametrize('library', EACH)
def test_a_file_without_some_weights_is_refused(library: str, tmp_path: Path) -> None:
    config = EACH[library].config(tmp_path)
    model = teacher_model(**config).model
    state = dict(model.state_dict())
    name = next(one for one in state if one.endswith('weight') and 'head' not in one)
    del state[name]
    torch.save(state, tmp_path / 'file.pth')
    with pytest.raises(ValueError, match=f'does not hold the weights.*missing.*{name}'):
        teacher_model(**config, checkpoint=str(tmp_path / 'file.pth'))


@pytest.mark.parametrize(
    ('library', 'args'),
    [
        ('timm', dict(embed_dim=48, depth=3, num_heads=2)),
        ('transformers', dict(hidden_size=48, num_hidden_layers=3)),
        ('module', dict(width=8)),
    ],
)
def test_a_file_of_another_width_is_refused(
    library: str, args: dict[str, Any], tmp_path: Path
) -> None:
    config = EACH[library].config(tmp_path)
    path = saved(teacher_model(**config).model, tmp_path / 'file.pth')
    config['args'] = {**config['args'], **args}
    with pytest.raises(ValueError, match=r'\(?(4|24)\b.* in the checkpoint.*(8|48)'):
        teacher_model(**config, checkpoint=str(path))


def test_a_file_with_nan_is_refused(tmp_path: Path) -> None:
    config = TIMM.config(tmp_path)
    model = teacher_model(**config).model
    model.norm.weight.data[0] = float('nan')
    path = saved(model, tmp_path / 'file.pth')
    with pytest.raises(ValueError, match=r'NaN or infinity in 1 tensors \(norm.weight'):
        teacher_model(**config, checkpoint=str(path))


def test_timm_resizes_position_embeddings_of_another_image(tmp_path: Path) -> None:
    config = TIMM.config(tmp_path)
    path = saved(teacher_model(**config).model, tmp_path / 'file.pth')
    config.update(checkpoint=str(path), input_size=(96, 128))
    assert teacher_model(**config).model.pos_embed.shape[1] == 1 + 6 * 8


def test_torchvision_resizes_position_embeddings_of_another_image(
    tmp_path: Path,
) -> None:
    config = TORCHVISION.config(tmp_path)
    path = saved(teacher_model(**config).model, tmp_path / 'file.pth')
    config.update(checkpoint=str(path), input_size=(128, 128))
    assert teacher_model(**config).model.encoder.pos_embedding.shape[1] == 17


def test_a_classifier_of_ten_classes_says_so(tmp_path: Path) -> None:
    config = TIMM.config(tmp_path)
    ten = {**config, 'args': {**config['args'], 'num_classes': 10}}
    first = teacher_model(**ten).model
    path = saved(first, tmp_path / 'file.pth')
    with pytest.raises(ValueError, match=r'args=dict\(num_classes=...\)'):
        teacher_model(**config, checkpoint=str(path))
    assert same(first, teacher_model(seed=3, **ten, checkpoint=str(path)).model)


@pytest.fixture
def written(tmp_path: Path) -> tuple[Path, dict[str, Tensor]]:
    """A folder of a hub's cache with a ViT that `save_pretrained` has written."""
    model = teacher_model(seed=4, **HUGGING_FACE.config(tmp_path)).model
    root = tmp_path / 'hub' / 'models--ours--tiny-vit'
    (root / 'refs').mkdir(parents=True)
    (root / 'refs' / 'main').write_text('abc')
    folder = root / 'snapshots' / 'abc'
    model.save_pretrained(folder)
    pixels = {f'image_{name}': list(values) for name, values in IMAGENET.items()}
    (folder / 'preprocessor_config.json').write_text(json.dumps(pixels))
    return folder, dict(model.state_dict())


def test_a_folder_of_transformers_brings_weights_and_pixels(
    written: tuple[Path, dict[str, Tensor]],
) -> None:
    folder, state = written
    cache = folder.parents[2]
    ways: list[dict[str, Any]] = [
        dict(model=str(folder)),
        dict(model='ours/tiny-vit', checkpoint=str(cache)),
    ]
    for options in ways:
        teacher = teacher_model(type='transformers', pretrained=True, **options)
        for name, value in teacher.model.state_dict().items():
            assert torch.equal(value, state[name])
        mean = teacher.data_preprocessor.mean.flatten() / 255
        torch.testing.assert_close(mean, torch.tensor(IMAGENET['mean']))


def test_a_cache_without_the_model_says_which_it_has(
    written: tuple[Path, dict[str, Tensor]],
) -> None:
    pytest.importorskip('timm')
    cache = str(written[0].parents[2])
    with pytest.raises(ValueError, match='a cache without .*, with ours/tiny-vit'):
        teacher_model(type='timm', model='vit_tiny_patch16_224', checkpoint=cache)
    with pytest.raises(ValueError, match="no config.json of 'ours/vit'"):
        teacher_model(type='transformers', model='ours/vit', checkpoint=cache)


def test_a_cache_of_timms_own_model(tmp_path: Path) -> None:
    timm = pytest.importorskip('timm')
    config = TIMM.config(tmp_path)
    first = teacher_model(seed=5, **config).model
    hub = timm.get_pretrained_cfg('vit_tiny_patch16_224').hf_hub_id
    folder = tmp_path / f'models--{hub.replace("/", "--")}' / 'snapshots' / 'abc'
    folder.mkdir(parents=True)
    (folder.parents[1] / 'refs').mkdir()
    (folder.parents[1] / 'refs' / 'main').write_text('abc')
    saved(first, folder / 'model.safetensors')
    config['checkpoint'] = str(tmp_path)
    assert same(first, teacher_model(seed=6, **config).model)


def test_a_prefix_takes_one_of_several_models(tmp_path: Path) -> None:
    config = MODULE.config(tmp_path)
    first = teacher_model(seed=7, **config).model
    state = {f'net.{name}': value for name, value in first.state_dict().items()}
    torch.save(state, tmp_path / 'file.pth')
    config['checkpoint'] = str(tmp_path / 'file.pth')
    with pytest.raises(ValueError, match=r"prefix='net\.'"):
        teacher_model(**config)
    assert same(first, teacher_model(seed=8, **config, prefix='net.').model)


@pytest.mark.parametrize('library', EACH)
def test_a_file_that_is_none_of_weights(library: str, tmp_path: Path) -> None:
    config = EACH[library].config(tmp_path)
    with pytest.raises(ValueError, match='is not there; give a file'):
        teacher_model(**config, checkpoint=str(tmp_path / 'none.pth'))
    for name, content, said in (
        ('page.pth', b'<html>', 'neither safetensors nor a PyTorch file.*<html>'),
        ('page.safetensors', b'<html>', 'neither safetensors nor a PyTorch file'),
        ('none.pth', b'', 'neither safetensors nor .*it is empty'),
        ('cut.pth', b'PK\x03\x04' + bytes(40), 'cut.pth.*cut short.*: write'),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match='teacher checkpoint|weights') as raised:
            teacher_model(**config, checkpoint=str(tmp_path / name))
        assert re.search(said, str(raised.value))
        (tmp_path / name).unlink()


def test_a_file_with_the_ending_of_another_format(tmp_path: Path) -> None:
    config = TIMM.config(tmp_path)
    path = saved(teacher_model(**config).model, tmp_path / 'file.safetensors')
    wrong = path.rename(tmp_path / 'file.pth')
    with pytest.raises(ValueError, match='is safetensors by its content.*rename it'):
        teacher_model(**config, checkpoint=str(wrong))
