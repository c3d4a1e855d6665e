"""Small data sets in the format of CIFAR-100, for what reads the real one."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import numpy as np
from mmpretrain.datasets import CIFAR100
from numpy.typing import NDArray

from ckd_mm.datasets.digits import load_digits, split_digits
from ckd_mm.datasets.scenes import resize

__all__ = ['not_the_published_files', 'write_cifar100', 'write_cifar100_of_digits']

SIZE = 32


def write_cifar100(
    root: Path, part: str, images_N3HW: NDArray[np.uint8], labels: Sequence[int]
) -> None:
    """Write the file `train` or `test` of CIFAR-100's Python version.

    Args:
        root: The `data_root` of the data set.
        part: Name of the file.
        images_N3HW: The images, (N, 3, 32, 32).
        labels: Their classes, 0 to 99.
    """
    folder = root / CIFAR100.base_folder
    folder.mkdir(parents=True, exist_ok=True)
    content = {
        'data': images_N3HW.reshape(len(images_N3HW), -1),
        'fine_labels': list(labels),
        'filenames': [f'{part}_{index:06d}.png' for index in range(len(labels))],
        'batch_label': f'{part} part',
    }
    with (folder / part).open('wb') as file:
        pickle.dump(content, file, protocol=2)  # as Python 2 wrote the real ones


def write_cifar100_of_digits(root: Path, num_train: int, num_test: int) -> None:
    """Write digits, enlarged to 32 x 32, as CIFAR-100: the classes 0 to 9 of 100."""
    images_NHW, labels_N = load_digits()
    parts = split_digits(labels_N)
    for part, indices, number in (
        ('train', parts['train'], num_train),
        ('test', parts['val'], num_test),
    ):
        chosen = indices[:number]
        large = [resize(image * 255, SIZE, SIZE) // 16 for image in images_NHW[chosen]]
        images_N3HW = np.repeat(np.stack(large)[:, None], 3, axis=1).astype(np.uint8)
        write_cifar100(root, part, images_N3HW, labels_N[chosen].tolist())


@contextmanager
def not_the_published_files() -> Iterator[None]:
    """Lets MMPretrain read files of other hashes, which it would replace."""
    with mock.patch.object(CIFAR100, '_check_integrity', return_value=True):
        yield
