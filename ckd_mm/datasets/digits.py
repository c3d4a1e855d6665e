"""Handwritten digits as two small data sets in the usual formats.

The source is scikit-learn's `load_digits`: 1,797 real 8x8 images that are part of that
package, so nothing is downloaded. From it come

* :func:`write_digit_images`: PNG files in class folders, for MMPretrain's
  `CustomDataset`;
* :func:`write_digit_scenes`: scenes of 2 to 6 digits on textured backgrounds as PNG
  files and COCO JSON, for MMDetection's `CocoDataset` and `CocoMetric`.

Both use one fixed split: a third of each class is held out, and no held-out digit is
used in the training part. All arithmetic is on integers from seeded generators, so
every machine gets the same pixels.

    python -m ckd_mm.datasets.digits --out data/digits
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ckd_mm.datasets.folder import write_once
from ckd_mm.datasets.scenes import SCENE_SIZE, Box, ink_mask, render_scene, run_lengths

__all__ = ['load_digits', 'split_digits', 'write_digit_images', 'write_digit_scenes']

SPLITS = ('train', 'val')
PROGRESS = 200
"""After so many scenes a line says how far the writing is."""

# Increase it when the same arguments give other files than before.
FORMAT_VERSION = 1


def write_digit_images(root: str | Path) -> bool:
    """Write the classification set: `root/{train,val}/{0..9}/{index}.png`, 8x8, grey.

    Args:
        root: The folder to make. The parent folders are made, too.

    Returns:
        True if the files were written, False if they were there already.

    Raises:
        FileExistsError: `root` holds something else.
        ModuleNotFoundError: scikit-learn is not installed.
    """

    def write(folder: Path) -> None:
        images_NHW, labels_N = load_digits()
        for split, indices in split_digits(labels_N).items():
            for label in range(10):
                (folder / split / str(label)).mkdir(parents=True)
            for index in indices:
                path = folder / split / str(labels_N[index]) / f'{index:04d}.png'
                Image.fromarray(_to_grey(images_NHW[index])).save(path)

    return write_once(Path(root), {'kind': 'digit images', **_version()}, write)


def write_digit_scenes(
    root: str | Path,
    num_train: int = 800,
    num_val: int = 200,
    seed: int = 0,
    masks: bool = False,
) -> bool:
    """Write the detection set: `root/{train,val}/*.png`, `root/annotations/*.json`.

    A scene has 160x160 pixels and 2 to 6 digits, 20 to 56 pixels high, that do not
    overlap. Training scenes show training digits, validation scenes held-out ones. The
    annotations are COCO's, with the category ids 1 to 10 for '0' to '9' and one field
    more, `digit`: the index of the image in scikit-learn's set.

    Args:
        root: The folder to make. The parent folders are made, too.
        num_train: Number of training scenes.
        num_val: Number of validation scenes.
        seed: Seed of the scenes; the split of the digits is fixed. The i-th scene does
            not depend on the number of scenes.
        masks: Whether an annotation has the pixels of its digit as `segmentation`, for
            Mask R-CNN. Everything else, `area` included, is the same with and without.

    Returns:
        True if the files were written, False if they were there already.

    Raises:
        FileExistsError: `root` holds something else, or scenes with other settings.
        ModuleNotFoundError: scikit-learn is not installed.
    """
    numbers = {'train': num_train, 'val': num_val}

    def write(folder: Path) -> None:
        (folder / 'annotations').mkdir()
        for split in SPLITS:
            (folder / split).mkdir()
            coco = _write_split(folder / split, split, numbers[split], seed, masks)
            text = json.dumps(coco, separators=(',', ':'))
            (folder / 'annotations' / f'{split}.json').write_text(text)

    settings: dict[str, object] = {
        'kind': 'digit scenes',
        **_version(),
        'seed': seed,
        'scenes': numbers,
        **({'masks': True} if masks else {}),
    }
    return write_once(Path(root), settings, write)


def load_digits() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """scikit-learn's digits: images (1797, 8, 8), values 0 to 16, and labels (1797,).

    Raises:
        ModuleNotFoundError: scikit-learn is not installed.
    """
    try:
        from sklearn import datasets
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            'the digits are part of scikit-learn, which is not installed; install it '
            'with `pip install scikit-learn`, or with everything else that the demo '
            'needs: `pip install "ckd_mm[demo]"`'
        ) from error
    digits = datasets.load_digits()
    return digits.images.astype(np.int64), digits.target.astype(np.int64)


def split_digits(labels_N: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
    """The sorted indices of the training and of the held-out digits, stratified.

    >>> labels = np.repeat(np.arange(10), 9)
    >>> {name: len(indices) for name, indices in split_digits(labels).items()}
    {'train': 60, 'val': 30}
    """
    rng = np.random.default_rng(0)
    held_out = np.zeros(len(labels_N), dtype=bool)
    for label in range(10):
        members = rng.permutation(np.flatnonzero(labels_N == label))
        held_out[members[: len(members) // 3]] = True
    return {'train': np.flatnonzero(~held_out), 'val': np.flatnonzero(held_out)}


def _version() -> dict[str, str | int]:
    return {'writer': 'ckd_mm.datasets.digits', 'format_version': FORMAT_VERSION}


def _to_grey(image_HW: NDArray[np.int64]) -> NDArray[np.uint8]:
    return (image_HW * 255 // 16).astype(np.uint8)


def _write_split(
    folder: Path, split: str, num_scenes: int, seed: int, masks: bool
) -> dict:
    """Write the PNG files of one part and return its COCO annotations."""
    images_NHW, labels_N = load_digits()
    indices = split_digits(labels_N)[split]
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for scene in range(num_scenes):
        if scene and scene % PROGRESS == 0:
            print(f'  {split}: {scene} of {num_scenes} scenes', flush=True)
        rng = np.random.default_rng([seed, SPLITS.index(split), scene])
        pixels_HWC, placed = render_scene(rng, images_NHW, indices)
        name = f'{scene:06d}.png'
        Image.fromarray(pixels_HWC).save(folder / name)
        size = {'width': SCENE_SIZE, 'height': SCENE_SIZE}
        images.append({'id': scene + 1, 'file_name': name, **size})
        for digit, box in placed:
            x, y, w, h = box
            mask = _segmentation(images_NHW[digit], box) if masks else []
            annotations.append(
                {
                    'id': len(annotations) + 1,
                    'image_id': scene + 1,
                    'category_id': int(labels_N[digit]) + 1,
                    'bbox': [x, y, w, h],
                    'area': w * h,
                    'iscrowd': 0,
                    'segmentation': mask,
                    'digit': digit,
                }
            )
    return {
        'info': {'description': f'scenes of handwritten digits, {split}'},
        'licenses': [],
        'categories': [{'id': label + 1, 'name': str(label)} for label in range(10)],
        'images': images,
        'annotations': annotations,
    }


def _segmentation(image_HW: NDArray[np.int64], box: Box) -> dict[str, Any]:
    counts = run_lengths(ink_mask(image_HW, box))
    return {'size': [SCENE_SIZE, SCENE_SIZE], 'counts': counts}


def _main() -> None:
    parser = argparse.ArgumentParser(
        description='Write the digit data sets for classification and detection.'
    )
    parser.add_argument('--out', type=Path, default=Path('data/digits'))
    out = parser.parse_args().out
    for name, write in (
        ('classification', write_digit_images),
        ('detection', write_digit_scenes),
    ):
        print(f'{out / name}: writing the {name} images ...', flush=True)
        try:
            written = write(out / name)
        except (FileExistsError, ModuleNotFoundError) as error:
            sys.exit(f'error: {error}')
        print(f'{out / name}: {"written" if written else "there already, unchanged"}')


if __name__ == '__main__':
    _main()
