"""Tiny models of each library, and what the library's own forward gives of images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models.feature_extraction import create_feature_extractor

__all__ = ['CASES', 'IMAGENET', 'Case', 'Pooled', 'TinyNet', 'hub_folder']

Numbers = tuple[float, float, float]
IMAGENET: dict[str, Any] = dict(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
HALF: dict[str, Numbers] = dict(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))


@dataclass(frozen=True)
class Case:
    """A teacher of another library.

    Args:
        options: Its config.
        own: What the library's model gives of a canvas, by the library's own forward.
        level: What a config reads of it.
        divisor: Of what the sides of its canvas are multiples.
        pixels: Its mean and standard deviation, for pixels from 0 to 1.
        needs: The package that the library is.
    """

    options: dict[str, Any]
    own: Callable[[Any, Tensor], Tensor]
    level: str = 'blocks:-1'
    divisor: int = 16
    pixels: dict[str, Numbers] = field(default_factory=lambda: IMAGENET)
    needs: str = 'torch'

    def config(self, folder: Path) -> dict[str, Any]:
        """The config of the teacher; files that it needs are written to a folder."""
        pytest.importorskip(self.needs)
        options = {'pretrained': False, **self.options}
        if options['type'] == 'torch_hub':
            options['repo'] = str(hub_folder(folder))
        return options


class TinyNet(nn.Module):
    """A CNN of somebody's own, of stride 4 and 8."""

    def __init__(self, width: int = 6) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, width, 4, 4)
        self.body = nn.Sequential(
            nn.Conv2d(width, width, 3, 1, 1), nn.Conv2d(width, 2 * width, 3, 2, 1)
        )
        self.head = nn.Linear(2 * width, 5)

    def forward(self, images: Tensor) -> Tensor:
        maps = self.body(F.relu(self.stem(images)))
        return self.head(maps.mean((2, 3)))


class Pooled(nn.Module):
    """Sees the mean colour of an image, and has no maps."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.head = nn.Linear(3, width)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(images.mean((2, 3)))


def hub_folder(folder: Path) -> Path:
    """A repository of torch.hub with one entry point."""
    (folder / 'hubconf.py').write_text(
        "dependencies = ['torch']\n"
        'from torchvision.models import resnet18 as _resnet\n\n'
        'def tiny_resnet(width=64):\n'
        '    return _resnet(width_per_group=width)\n'
    )
    return folder


def as_map(tokens: Tensor, prefix: int, canvas: Tensor, patch: int) -> Tensor:
    """Tokens (N, L, C) as a map; those of the prefix are left out."""
    rows, columns = (side // patch for side in canvas.shape[2:])
    return tokens[:, prefix:].transpose(1, 2).unflatten(2, (rows, columns))


def timm_tokens(prefix: int, patch: int) -> Callable[[Any, Tensor], Tensor]:
    def own(model: Any, canvas: Tensor) -> Tensor:
        return as_map(model.forward_features(canvas), prefix, canvas, patch)

    return own


def last_hidden_state(prefix: int, patch: int, **options: Any) -> Any:
    def own(model: Any, canvas: Tensor) -> Tensor:
        tokens = model(canvas, **options).last_hidden_state
        return as_map(tokens, prefix, canvas, patch)

    return own


def hidden_state(number: int) -> Any:
    """The map that a CNN of transformers lists under a number."""

    def own(model: Any, canvas: Tensor) -> Tensor:
        return model(canvas, output_hidden_states=True).hidden_states[number]

    return own


def node(name: str) -> Callable[[Any, Tensor], Tensor]:
    """What torchvision's feature extractor finds under a name."""
    return lambda model, canvas: create_feature_extractor(model, [name])(canvas)[name]


def _torchvision_tokens(model: Any, canvas: Tensor) -> Tensor:
    return as_map(node('encoder.ln')(model, canvas), 1, canvas, 32)


_VIT = dict(embed_dim=24, depth=3, num_heads=2)
_SIZES = dict(hidden_size=24, num_hidden_layers=3, num_attention_heads=2)
_HIDDEN = dict(_SIZES, intermediate_size=48)
_TOWERS = dict(vision_config={**_HIDDEN, 'patch_size': 16}, text_config=_HIDDEN)


def _timm(model: str, own: Any, args: Any = None, **options: Any) -> Case:
    config = dict(type='timm', model=model, args=args or {})
    return Case(config, own, needs='timm', **options)


def _transformers(model: str, own: Any, args: Any, **options: Any) -> Case:
    config = dict(type='transformers', model=model, args=args, **IMAGENET)
    return Case(config, own, needs='transformers', **options)


CASES = {
    'timm ViT': _timm('vit_tiny_patch16_224', timm_tokens(1, 16), _VIT, pixels=HALF),
    'timm DINOv2': _timm(
        'vit_small_patch14_dinov2', timm_tokens(1, 14), _VIT, divisor=14
    ),
    'timm DINOv3': _timm('vit_small_patch16_dinov3', timm_tokens(5, 16), _VIT),
    'timm ConvNeXt': _timm(
        'convnext_atto',
        lambda model, canvas: model.stages[:3](model.stem(canvas)),
        dict(depths=(1, 1, 1, 1), dims=(4, 8, 12, 16)),
        level='stages:2',
        divisor=32,
    ),
    'transformers DINOv2': _transformers(
        'dinov2',
        last_hidden_state(1, 14),
        dict(_SIZES, patch_size=14, image_size=56),
        divisor=14,
    ),
    'transformers ViT': _transformers(
        'vit', last_hidden_state(1, 16, interpolate_pos_encoding=True), _HIDDEN
    ),
    'transformers CLIP': _transformers(
        'clip', last_hidden_state(1, 16, interpolate_pos_encoding=True), _TOWERS
    ),
    'transformers SigLIP': _transformers(
        'siglip', last_hidden_state(0, 16, interpolate_pos_encoding=True), _TOWERS
    ),
    'transformers ResNet': _transformers(
        'resnet',
        hidden_state(3),
        dict(embedding_size=4, hidden_sizes=[8, 12, 16, 20], depths=[1, 1, 1, 1]),
        level='stages:2',
        divisor=32,
    ),
    'torchvision ResNet': Case(
        dict(type='torchvision', model='resnet18'),
        node('layer3'),
        level='stages:2',
        divisor=32,
    ),
    'torchvision ViT': Case(
        dict(type='torchvision', model='vit_b_32', input_size=(96, 96)),
        _torchvision_tokens,
        divisor=32,
    ),
    'torch.hub': Case(
        dict(type='torch_hub', model='tiny_resnet', **IMAGENET),
        node('layer3'),
        level='stages:2',
        divisor=32,
    ),
    'a module': Case(
        dict(
            type='module',
            model=f'{__name__}.TinyNet',
            args=dict(width=4),
            **IMAGENET,
        ),
        lambda model, canvas: model.body(F.relu(model.stem(canvas))),
        level='stages:-1',
        divisor=8,
    ),
}
