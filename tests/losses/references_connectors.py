"""Slow references for the losses of feature maps that have parameters."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import torch
from torch import Tensor

from .references_maps import columns, reference_hcl, squared_distance
from .scalars import cosine, dot, mean, total

Grid = list[list[list[list[Tensor]]]]
"""Scalars by image, channel, row and column."""


def grid(maps: Tensor) -> Grid:
    return [[[list(row) for row in channel] for channel in image] for image in maps]


def tensor(maps: Grid) -> Tensor:
    return torch.stack(
        [
            torch.stack([torch.stack([torch.stack(r) for r in c]) for c in image])
            for image in maps
        ]
    )


def convolution(
    maps: Sequence[Any], weight: Tensor, bias: Tensor | None = None
) -> Grid:
    """One output at a time; `maps` is a grid, its border counts as 0."""
    reach = weight.shape[2] // 2
    return [
        [
            [
                [
                    _window(image, kernel, i - reach, j - reach)
                    + (0.0 if bias is None else bias[number])
                    for j in range(len(image[0][0]))
                ]
                for i in range(len(image[0]))
            ]
            for number, kernel in enumerate(grid(weight))
        ]
        for image in maps
    ]


def _window(image: Sequence[Any], kernel: Any, top: int, left: int) -> Tensor:
    products = [
        kernel[c][i][j] * channel[top + i][left + j]
        for c, channel in enumerate(image)
        for i, j in product(range(len(kernel[c])), repeat=2)
        if 0 <= top + i < len(channel) and 0 <= left + j < len(channel[0])
    ]
    return total(products)


def reference_fitnet(module: Any, student: Tensor, teacher: Tensor) -> Tensor:
    (regressor,) = module.regressors
    outputs = convolution(grid(student), regressor.weight, regressor.bias)
    for norm in module.norms:
        outputs = batch_norm(outputs, norm)
    errors = [
        ((output.clamp(min=0) if module.relu else output) - wanted) ** 2
        for image, wanted_image in zip(outputs, grid(teacher), strict=True)
        for channel, wanted_channel in zip(image, wanted_image, strict=True)
        for row, wanted_row in zip(channel, wanted_channel, strict=True)
        for output, wanted in zip(row, wanted_row, strict=True)
    ]
    return total(errors) / len(errors)


def reference_mimic(module: Any, student: Tensor, teacher: Tensor) -> Tensor:
    """Region by region, as the paper writes it."""
    (transform,) = module.transforms
    outputs = convolution(grid(student), transform.weight, transform.bias)
    losses = []
    for region, wanted in zip(outputs, grid(teacher), strict=True):
        squares = [
            (value - target) ** 2
            for channel, wanted_channel in zip(region, wanted, strict=True)
            for row, wanted_row in zip(channel, wanted_channel, strict=True)
            for value, target in zip(row, wanted_row, strict=True)
        ]
        losses.append(total(squares) / len(squares))
    return total(losses) / (2 * len(losses))


def reference_simkd(module: Any, student: Tensor, teacher: Tensor) -> Tensor:
    """Of maps of one size, for which nothing is pooled."""
    outputs = grid(student)
    (neck,) = module.necks
    layers = neck.projector
    for conv, norm in zip(layers[::3], layers[1::3], strict=True):
        outputs = relu(batch_norm(convolution(outputs, conv.weight), norm))
    errors = (tensor(outputs) - teacher) ** 2
    return total(list(errors.flatten())) / errors.numel()


def _projected(
    module: Any, student: Tensor, teacher: Tensor, shapes: Any, image_size: Any
) -> list[tuple[Any, Any]]:
    """The student's and the teacher's vectors of each position in an image."""
    (conv,) = module.projections
    outputs = tensor(convolution(grid(student), conv.weight, conv.bias))
    if not module.ignore_padding:
        shapes = [image_size] * len(student)
    own, wanted = (columns(maps, shapes, image_size) for maps in (outputs, teacher))
    return list(zip(sum(own, []), sum(wanted, []), strict=True))


def reference_cosinemap(module: Any, *inputs: Any) -> Tensor:
    return mean([1 - cosine(*pair) for pair in _projected(module, *inputs)])


def reference_fd(module: Any, *inputs: Any) -> Tensor:
    losses = []
    for own, wanted in _projected(module, *inputs):
        centre = mean(wanted)
        deviation = (mean([(t - centre) ** 2 for t in wanted]) + 1e-5).sqrt()
        for s, t in zip(own, wanted, strict=True):
            gap = (s - (t - centre) / deviation).abs()
            if module.distance == 'mse':
                losses.append(gap**2)
            elif gap < module.beta:
                losses.append(gap**2 / (2 * module.beta))
            else:
                losses.append(gap - module.beta / 2)
    return mean(losses)


def batch_norm(maps: Grid, norm: Any) -> Grid:
    """With the statistics of the batch, or with 0 and 1 where it is one value."""
    scaled: list[list[list[list[Tensor]]]] = [[] for _ in maps]
    for c, (weight, bias) in enumerate(zip(norm.weight, norm.bias, strict=True)):
        values = [x for image in maps for row in image[c] for x in row]
        centre, variance = total([]), total([]) + 1
        if len(values) > 1:
            centre = mean(values)
            variance = mean([(x - centre) ** 2 for x in values])
        scale = weight / (variance + 1e-5).sqrt()
        for image, out in zip(maps, scaled, strict=True):
            out.append([[(x - centre) * scale + bias for x in r] for r in image[c]])
    return scaled


def nearest(maps: Grid, height: int, width: int) -> Grid:
    return [
        [
            [
                [
                    channel[i * len(channel) // height][j * len(channel[0]) // width]
                    for j in range(width)
                ]
                for i in range(height)
            ]
            for channel in image
        ]
        for image in maps
    ]


def fuse(fusion: Any, own: Grid, deeper: Grid) -> Grid:
    """The attention-based fusion, position by position."""
    deeper = nearest(deeper, len(own[0][0]), len(own[0][0][0]))
    weight, bias = fusion.attend.weight[:, :, 0, 0], fusion.attend.bias
    fused: Grid = []
    for image, other in zip(own, deeper, strict=True):
        fused.append([[list(row) for row in channel] for channel in image])
        for i in range(len(image[0])):
            for j in range(len(image[0][0])):
                column = [c[i][j] for c in image] + [c[i][j] for c in other]
                first, second = (
                    1 / (1 + (-dot(row, column) - b).exp())
                    for row, b in zip(weight, bias, strict=True)
                )
                for c in range(len(image)):
                    fused[-1][c][i][j] = (
                        first * image[c][i][j] + second * other[c][i][j]
                    )
    return fused


def reference_reviewkd(module: Any, student: Any, teacher: Any) -> Tensor:
    """Takes one level or a list, of maps only."""
    students = [student] if isinstance(student, Tensor) else student
    teachers = [teacher] if isinstance(teacher, Tensor) else teacher
    deeper: Grid | None = None
    losses = []
    for number in reversed(range(len(students))):
        fusion, wanted = module.fusions[number], teachers[number]
        conv, norm = fusion.reduce
        fused = batch_norm(convolution(grid(students[number]), conv.weight), norm)
        if deeper is not None:
            fused = fuse(fusion, fused, deeper)
        deeper = nearest(fused, *wanted.shape[2:])
        conv, norm = fusion.output
        output = batch_norm(convolution(deeper, conv.weight), norm)
        losses.append(reference_hcl(tensor(output), wanted))
    return total(losses)


def flat(maps: Grid) -> list[Tensor]:
    return [x for image in maps for channel in image for row in channel for x in row]


def relu(maps: Grid) -> Grid:
    return [
        [[[x.clamp_min(0) for x in row] for row in channel] for channel in image]
        for image in maps
    ]


def reference_vid(module: Any, student: Tensor, teacher: Tensor) -> Tensor:
    (gaussian,) = module.gaussians
    first, _, second, _, third = gaussian.mean
    hidden = relu(convolution(grid(student), first.weight))
    hidden = relu(convolution(hidden, second.weight))
    means = convolution(hidden, third.weight)
    losses = []
    for image, wanted in zip(means, grid(teacher), strict=True):
        for scale, own, other in zip(gaussian.scale, image, wanted, strict=True):
            variance = (1 + scale.exp()).log() + 1e-5
            for m, t in zip(flat([[own]]), flat([[other]]), strict=True):
                losses.append((t - m) ** 2 / (2 * variance) + variance.log() / 2)
    return mean(losses)


def reference_ofd(module: Any, student: Tensor, teacher: Tensor) -> Tensor:
    """For one level of one size."""
    ((conv, norm),) = module.connectors
    outputs = batch_norm(convolution(grid(student), conv.weight), norm)
    losses = []
    for c in range(teacher.shape[1]):
        values = list(teacher[:, c].flatten())
        negative = [t for t in values if t < 0]
        margin = mean(negative) if negative else total([])
        own = flat([[image[c]] for image in outputs])
        for s, t in zip(own, values, strict=True):
            if t > 0:
                losses.append((s - t) ** 2)
            elif s > max(t, margin):
                losses.append((s - max(t, margin)) ** 2)
    return total(losses) / len(student)


def reference_mgd(module: Any, student: Tensor, teacher: Tensor) -> Tensor:
    (generator,) = module.generators
    aligned = convolution(grid(student), generator.align.weight, generator.align.bias)
    images, channels, height, width = teacher.shape
    by_channel = module.masked == 'channels'
    shape = (channels, 1, 1) if by_channel else (1, height, width)
    noise = torch.rand(images, *shape, generator=torch.Generator().manual_seed(0))
    kept = (noise >= module.mask_ratio).expand(teacher.shape).tolist()
    hidden: Any = [
        [
            [
                [x if keep else 0.0 * x for x, keep in zip(*rows, strict=True)]
                for rows in zip(*maps, strict=True)
            ]
            for maps in zip(*both, strict=True)
        ]
        for both in zip(aligned, kept, strict=True)
    ]
    first, _, second = generator.generate
    hidden = relu(convolution(hidden, first.weight, first.bias))
    outputs = flat(convolution(hidden, second.weight, second.bias))
    return squared_distance(outputs, list(teacher.flatten())) / images
