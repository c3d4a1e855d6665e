"""The benchmark's networks once more: functions of a state dict in its own layout.

Written from the papers and the shapes in `tests/golden/cifar_models.json`, with
nothing but `torch.nn.functional`, so that they share no module and no name with
`ckd_mm.models`. Each returns the stage features, the pooled feature and the logits, in
eval mode.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ['REFERENCES']

Weights = dict[str, Tensor]
Outputs = tuple[list[Tensor], Tensor, Tensor]


def conv(w: Weights, name: str, x: Tensor, stride: int = 1) -> Tensor:
    kernel = w[f'{name}.weight']
    groups = x.shape[1] // kernel.shape[1]
    padding = kernel.shape[2] // 2
    return F.conv2d(x, kernel, w.get(f'{name}.bias'), stride, padding, groups=groups)


def norm(w: Weights, name: str, x: Tensor) -> Tensor:
    def shaped(key: str) -> Tensor:
        return w[f'{name}.{key}'][None, :, None, None]

    x = (x - shaped('running_mean')) / (shaped('running_var') + 1e-5).sqrt()
    return x * shaped('weight') + shaped('bias')


def shuffle(x: Tensor, groups: int) -> Tensor:
    size = x.shape[1] // groups
    order = [group * size + i for i in range(size) for group in range(groups)]
    return x[:, order]


def blocks(w: Weights, prefix: str) -> list[str]:
    """The numbered parts of a module, in order."""
    names = {
        key[len(prefix) + 1 :].split('.')[0]
        for key in w
        if key.startswith(f'{prefix}.')
    }
    return [f'{prefix}.{number}' for number in sorted(map(int, names))]


def classified(w: Weights, name: str, feats: list[Tensor], last: Tensor) -> Outputs:
    pooled = last.mean(dim=(2, 3))
    return feats, pooled, pooled @ w[f'{name}.weight'].T + w[f'{name}.bias']


def resnet(
    w: Weights, x: Tensor, head: str = 'fc', shortcut: str = 'downsample'
) -> Outputs:
    """Basic blocks or bottlenecks: relu(F(x) + x)."""
    x = F.relu(norm(w, 'bn1', conv(w, 'conv1', x)))
    feats = [x]
    for stage in ('layer1', 'layer2', 'layer3', 'layer4'):
        for index, b in enumerate(blocks(w, stage)):
            stride = 2 if index == 0 and stage != 'layer1' else 1
            is_bottleneck = f'{b}.conv3.weight' in w
            strides = (1, stride, 1) if is_bottleneck else (stride, 1)
            out = x
            for number, step in enumerate(strides, start=1):
                out = conv(w, f'{b}.conv{number}', out, step)
                out = norm(w, f'{b}.bn{number}', out)
                out = F.relu(out) if number < len(strides) else out
            if f'{b}.{shortcut}.0.weight' in w:
                x = norm(
                    w, f'{b}.{shortcut}.1', conv(w, f'{b}.{shortcut}.0', x, stride)
                )
            x = F.relu(out + x)
        if blocks(w, stage):
            feats.append(x)
    return classified(w, head, feats, x)


def resnet50(w: Weights, x: Tensor) -> Outputs:
    return resnet(w, x, head='linear', shortcut='shortcut')


def wide_resnet(w: Weights, x: Tensor) -> Outputs:
    """BatchNorm and ReLU before each convolution; nothing after the sum."""
    x = conv(w, 'conv1', x)
    feats = [x]
    for stage in ('block1', 'block2', 'block3'):
        for index, b in enumerate(blocks(w, f'{stage}.layer')):
            stride = 2 if index == 0 and stage != 'block1' else 1
            activated = F.relu(norm(w, f'{b}.bn1', x))
            out = conv(w, f'{b}.conv1', activated, stride)
            out = conv(w, f'{b}.conv2', F.relu(norm(w, f'{b}.bn2', out)))
            if f'{b}.convShortcut.weight' in w:
                x = conv(w, f'{b}.convShortcut', activated, stride)
            x = x + out
        feats.append(x)
    return classified(w, 'fc', feats, F.relu(norm(w, 'bn1', x)))


def vgg(w: Weights, x: Tensor) -> Outputs:
    """Max-pooling by 2 after the first three of five groups of convolutions."""
    feats = []
    for group in range(5):
        for layer in (0, 3):
            name = f'block{group}.{layer}'
            if f'{name}.weight' in w:
                x = conv(w, name, x)
                x = F.relu(norm(w, f'block{group}.{layer + 1}', x))
        feats.append(x)
        x = F.max_pool2d(x, 2) if group < 3 else x
    return classified(w, 'classifier', feats, x)


def mobilenet_v2(w: Weights, x: Tensor) -> Outputs:
    """Expand, filter, project without ReLU; a sum where size and width stay."""
    x = F.relu(norm(w, 'conv1.1', conv(w, 'conv1.0', x, 2)))
    feats = [x]
    for group, stride in enumerate((1, 1, 2, 2, 1, 2, 1)):
        for index, b in enumerate(blocks(w, f'blocks.{group}')):
            out = F.relu(norm(w, f'{b}.conv.1', conv(w, f'{b}.conv.0', x)))
            step = 1 if index else stride
            out = F.relu(norm(w, f'{b}.conv.4', conv(w, f'{b}.conv.3', out, step)))
            out = norm(w, f'{b}.conv.7', conv(w, f'{b}.conv.6', out))
            x = out + x if out.shape == x.shape else out
        if group in (1, 2, 4, 6):
            feats.append(x)
    last = F.relu(norm(w, 'conv2.1', conv(w, 'conv2.0', x)))
    return classified(w, 'classifier.0', feats, last)


def shufflenet_v1(w: Weights, x: Tensor) -> Outputs:
    """Grouped 1x1, shuffle, depthwise 3x3, grouped 1x1; sum, or [F(x), pooled x]."""
    x = F.relu(norm(w, 'bn1', conv(w, 'conv1', x)))
    feats = [x]
    for stage in ('layer1', 'layer2', 'layer3'):
        for index, b in enumerate(blocks(w, stage)):
            groups = x.shape[1] // w[f'{b}.conv1.weight'].shape[1]
            out = F.relu(norm(w, f'{b}.bn1', conv(w, f'{b}.conv1', x)))
            out = conv(w, f'{b}.conv2', shuffle(out, groups), 1 if index else 2)
            out = F.relu(norm(w, f'{b}.bn2', out))
            out = norm(w, f'{b}.bn3', conv(w, f'{b}.conv3', out))
            if index:
                x = F.relu(out + x)
            else:
                pooled = F.avg_pool2d(x, 3, stride=2, padding=1)
                x = F.relu(torch.cat([out, pooled], dim=1))
        feats.append(x)
    return classified(w, 'linear', feats, x)


def shufflenet_v2(w: Weights, x: Tensor) -> Outputs:
    """Half of the channels pass; with stride 2 both halves come from all channels."""
    x = F.relu(norm(w, 'bn1', conv(w, 'conv1', x)))
    feats = [x]
    for stage in ('layer1', 'layer2', 'layer3'):
        for index, b in enumerate(blocks(w, stage)):
            half = x.shape[1] // 2
            if index == 0:
                left = norm(w, f'{b}.bn1', conv(w, f'{b}.conv1', x, 2))
                left = F.relu(norm(w, f'{b}.bn2', conv(w, f'{b}.conv2', left)))
                right, first, stride = x, 3, 2
            else:
                left, right, first, stride = x[:, :half], x[:, half:], 1, 1
            for number, step in ((first, 1), (first + 1, stride), (first + 2, 1)):
                right = conv(w, f'{b}.conv{number}', right, step)
                right = norm(w, f'{b}.bn{number}', right)
                right = F.relu(right) if number != first + 1 else right
            x = shuffle(torch.cat([left, right], dim=1), 2)
        feats.append(x)
    last = F.relu(norm(w, 'bn2', conv(w, 'conv2', x)))
    return classified(w, 'linear', feats, last)


REFERENCES: dict[str, Callable[[Weights, Tensor], Outputs]] = {
    'resnet': resnet,
    'ResNet50': resnet50,
    'wrn': wide_resnet,
    'vgg': vgg,
    'MobileNetV2': mobilenet_v2,
    'ShuffleV1': shufflenet_v1,
    'ShuffleV2': shufflenet_v2,
}
