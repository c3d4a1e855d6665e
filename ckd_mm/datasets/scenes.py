"""Draw digits on a textured background, for :mod:`ckd_mm.datasets.digits`.

All arithmetic is on integers: resizing in floats differs between machines in the last
bit, and rounding would turn that into other pixels.

Shapes: N digits, H W rows and columns, C colour channels (RGB).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ['SCENE_SIZE', 'Box', 'ink_mask', 'render_scene', 'resize', 'run_lengths']

SCENE_SIZE = 160
NUM_DIGITS = (2, 6)
DIGIT_HEIGHT = (20, 56)
MASK_INK = 48  # of 256; before resizing, the edges of a box hold a quarter of full ink

Box = tuple[int, int, int, int]
"""x, y, width and height in pixels, as in COCO."""


def render_scene(
    rng: np.random.Generator,
    images_NHW: NDArray[np.int64],
    indices: NDArray[np.int64],
    num_digits: tuple[int, int] = NUM_DIGITS,
) -> tuple[NDArray[np.uint8], list[tuple[int, Box]]]:
    """Draw one scene.

    Args:
        rng: Source of all random choices.
        images_NHW: All digits, values 0 (paper) to 16 (ink).
        indices: Indices of the digits that may be drawn.
        num_digits: Smallest and largest number of digits.

    Returns:
        The pixels (160, 160, 3), and the index and the box of each digit. A box is
        tight: its edge rows and columns hold ink.
    """
    scene_HWC = _texture(rng)
    placed = _layout(rng, images_NHW, indices, num_digits)
    for index, (x, y, w, h) in placed:
        alpha_HW1 = _ink(images_NHW[index], h, w)[..., None]
        shade = int(rng.choice([0, 205]))  # darker or lighter than any background
        ink_C = rng.integers(shade, shade + 51, size=3)
        patch = scene_HWC[y : y + h, x : x + w]
        patch[:] = (patch * (256 - alpha_HW1) + ink_C * alpha_HW1) // 256
    return scene_HWC.astype(np.uint8), placed


def ink_mask(image_HW: NDArray[np.int64], box: Box) -> NDArray[np.bool_]:
    """The pixels (160, 160) of a scene that a digit in this box covers with ink.

    The box is tight around them.
    """
    x, y, w, h = box
    mask_HW = np.zeros((SCENE_SIZE, SCENE_SIZE), dtype=bool)
    mask_HW[y : y + h, x : x + w] = _ink(image_HW, h, w) >= MASK_INK
    return mask_HW


def run_lengths(mask_HW: NDArray[np.bool_]) -> list[int]:
    """COCO's run-length code: numbers of pixels out and in, alternating, by column.

    >>> run_lengths(np.array([[False, True], [True, True]]))
    [1, 3]
    >>> run_lengths(np.array([[True, False], [True, False]]))
    [0, 2, 2]
    """
    pixels = mask_HW.ravel(order='F')
    starts = np.flatnonzero(pixels[1:] != pixels[:-1]) + 1
    runs = np.diff([0, *starts, len(pixels)]).tolist()
    return [0, *runs] if pixels[0] else runs


def resize(image_HW: NDArray[np.int64], height: int, width: int) -> NDArray[np.int64]:
    """Bilinear resizing of whole numbers, rounded down.

    >>> resize(np.array([[0, 8]]), 1, 4)
    array([[0, 2, 6, 8]])
    """
    rows = _weights(image_HW.shape[0], height)
    columns = _weights(image_HW.shape[1], width)
    return rows @ image_HW @ columns.T // (4 * height * width)


def _ink(image_HW: NDArray[np.int64], height: int, width: int) -> NDArray[np.int64]:
    """How much of each pixel of its box a digit covers, 0 to 256."""
    return resize(_crop(image_HW) * 16, height, width)


def _weights(size_in: int, size_out: int) -> NDArray[np.int64]:
    """A matrix (size_out, size_in) that resizes an axis; rows sum to 2 size_out."""
    out = np.arange(size_out)
    unit = 2 * size_out
    # the middle of an output pixel lies at ((out + 1/2) / size_out) size_in - 1/2
    low, fraction = np.divmod((2 * out + 1) * size_in - size_out, unit)
    weights = np.zeros((size_out, size_in), dtype=np.int64)
    np.add.at(weights, (out, low.clip(0, size_in - 1)), unit - fraction)
    np.add.at(weights, (out, (low + 1).clip(0, size_in - 1)), fraction)
    return weights


def _texture(rng: np.random.Generator) -> NDArray[np.int64]:
    """Coarse and fine blotches between two colours, and grain; values 60 to 195."""
    size = SCENE_SIZE
    coarse_HW, fine_HW = (
        resize(rng.integers(0, 256, size=(cells, cells)), size, size)
        for cells in (5, 20)
    )
    mix_HW1 = (2 * coarse_HW + fine_HW)[..., None] // 3
    first_C, second_C = rng.integers(70, 186, size=(2, 3))
    grain_HW1 = rng.integers(-10, 11, size=(size, size, 1))
    return (first_C * (255 - mix_HW1) + second_C * mix_HW1) // 255 + grain_HW1


def _layout(
    rng: np.random.Generator,
    images_NHW: NDArray[np.int64],
    indices: NDArray[np.int64],
    num_digits: tuple[int, int],
) -> list[tuple[int, Box]]:
    """Choose digits and boxes without overlap; start again if they do not fit."""
    number = int(rng.integers(num_digits[0], num_digits[1] + 1))
    placed: list[tuple[int, Box]] = []
    while len(placed) < number:
        placed = []
        for _ in range(10 * number):
            index = int(rng.choice(indices))
            box = _random_box(rng, _crop(images_NHW[index]).shape)
            if not any(_overlap(box, other) for _, other in placed):
                placed.append((index, box))
            if len(placed) == number:
                break
    return placed


def _random_box(rng: np.random.Generator, shape: tuple[int, ...]) -> Box:
    """A box with the digit's aspect ratio, inside the scene."""
    h = int(rng.integers(DIGIT_HEIGHT[0], DIGIT_HEIGHT[1] + 1))
    w = (2 * h * shape[1] + shape[0]) // (2 * shape[0])
    x = int(rng.integers(0, SCENE_SIZE - w + 1))
    y = int(rng.integers(0, SCENE_SIZE - h + 1))
    return x, y, w, h


def _overlap(first: Box, second: Box) -> bool:
    """Whether two boxes share a pixel."""
    return all(
        first[axis] < second[axis] + second[axis + 2]
        and second[axis] < first[axis] + first[axis + 2]
        for axis in (0, 1)
    )


def _crop(image_HW: NDArray[np.int64]) -> NDArray[np.int64]:
    """The digit without empty rows and columns around it (fainter than a quarter)."""
    ink_HW = image_HW >= 4
    rows, columns = (np.flatnonzero(ink_HW.any(axis=axis)) for axis in (1, 0))
    return image_HW[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
