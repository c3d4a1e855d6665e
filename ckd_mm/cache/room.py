"""Whether a cache fits on its disk, before it is written."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

from mmengine.logging import print_log

__all__ = ['LARGE_SHARE', 'check_room']

LARGE_SHARE = 0.5
"""A cache that takes more of the free space is warned of."""

ADVICE = (
    'take fewer epochs, --dtype int8, a map with a larger stride or fewer channels, a '
    'smaller input_size of the teacher, or a folder on a larger disk'
)


def check_room(folder: Path, bytes_per_image: int, images: int, epochs: int) -> None:
    """Log the size of a cache, and check that the disk has room for what is missing.

    Args:
        folder: Of the cache, which exists. What it holds already is taken off.
        bytes_per_image: In one epoch, as measured on the first batch.
        images: In one epoch.
        epochs: How many.

    Raises:
        ValueError: The disk has too little room.
    """
    total = bytes_per_image * images * epochs
    written = sum(path.stat().st_size for path in folder.glob('epoch_*/*.safetensors'))
    missing, free = max(0, total - written), shutil.disk_usage(folder).free
    size = (
        f'the cache {str(folder)!r} takes {shown(total)}: {shown(bytes_per_image)} for '
        f'each of {images} images in each of {epochs} epochs'
    )
    if missing > free:
        raise ValueError(
            f'{size}; {shown(missing)} of it is missing, and its disk has '
            f'{shown(free)} left; {ADVICE}'
        )
    is_large = missing > LARGE_SHARE * free
    more = f', which is much of the {shown(free)} that its disk has left: {ADVICE}'
    print_log(
        f'{size[0].upper()}{size[1:]}{more if is_large else ""}',
        logger='current',
        level=logging.WARNING if is_large else logging.INFO,
    )


def shown(number: float) -> str:
    """Bytes, in a unit that suits them."""
    for unit in ('bytes', 'kB', 'MB', 'GB'):
        if number < 1000:
            return f'{number:.4g} {unit}'
        number /= 1000
    return f'{number:.4g} TB'
