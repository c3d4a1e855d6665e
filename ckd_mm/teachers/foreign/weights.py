"""Files of weights for models of other libraries."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike, fspath
from pathlib import Path

from torch import nn

from ckd_mm.teachers.loading.misfit import Misfit, listed

__all__ = ['check_finite', 'explained', 'snapshot', 'weights_file']

NAMES = ('model.safetensors', 'pytorch_model.bin', 'model.pth')


def weights_file(checkpoint: str | PathLike[str], repository: str = '') -> Path:
    """The file of weights that a path stands for.

    Args:
        checkpoint: The file, a folder with one, or a folder of the hub's cache.
        repository: The name of the model's repository on the hub.

    Raises:
        ValueError: There is none.
    """
    path = Path(checkpoint)
    if path.is_file():
        return path
    if not path.exists():
        raise ValueError(
            f'teacher checkpoint {fspath(checkpoint)!r} is not there; give a file '
            '(safetensors, pth), or a folder of the cache of the Hugging Face hub'
        )
    folder = snapshot(path, repository)
    found = [folder / name for name in NAMES if (folder / name).is_file()]
    if not found:
        raise ValueError(
            f'teacher checkpoint: the folder {str(folder)!r} has none of '
            f'{", ".join(NAMES)}{_repositories(path, repository)}'
        )
    return found[0]


def snapshot(folder: Path, repository: str) -> Path:
    """The folder of a model: in the hub's cache its newest snapshot, else itself."""
    inside = folder / f'models--{repository.replace("/", "--")}'
    for root in (inside, folder):
        reference = root / 'refs' / 'main'
        if reference.is_file():
            return root / 'snapshots' / reference.read_text().strip()
    return folder


@contextmanager
def explained(title: str, source: str) -> Iterator[None]:
    """Turn what a library raises for weights that do not fit into one sentence.

    Raises:
        ValueError: The weights could not be loaded as a whole.
    """
    try:
        yield
    except Exception as error:
        # what the hub raises without a network is an OSError and a ValueError
        if isinstance(error, ValueError) and not isinstance(error, OSError):
            raise
        raise ValueError(_sentence(title, source, error)) from error


def check_finite(model: nn.Module, source: str) -> None:
    """Check the weights of a model.

    Raises:
        ValueError: One is NaN or infinite.
    """
    broken = [
        name for name, value in model.named_parameters() if not value.isfinite().all()
    ]
    if broken:
        raise ValueError(
            f'{source} has NaN or infinity in {listed("tensors", broken)}: the '
            "teacher's training diverged; give an earlier checkpoint"
        )


def _sentence(title: str, source: str, error: Exception) -> str:
    text = str(error)
    missing, unexpected = (
        re.findall(r'"([^"]+)"', (re.findall(rf'{what} key.*?: (.*)', text) or [''])[0])
        for what in ('Missing', 'Unexpected')
    )
    misfit = Misfit.of(missing, (), unexpected, [], error)
    if not missing and not unexpected and not misfit.reshaped:
        start = f'the weights of {title} cannot be loaded from {source}'
        first = f'{type(error).__name__}: {error}'.splitlines()[0][:300]
        return f'{start}: {first}; give a local file with checkpoint=PATH'
    found = [
        listed('missing', missing),
        listed('unexpected', unexpected),
        listed('of another shape', misfit.reshaped),
    ]
    return (
        f'{source} does not hold the weights of {title}: {"; ".join(found)}; give the '
        'file of this model. If its head has another number of classes, say so with '
        'args=dict(num_classes=...)'
    )


def _repositories(folder: Path, repository: str) -> str:
    """What a folder of the hub's cache has instead."""
    names = sorted(one.name for one in folder.glob('models--*'))
    known = [name.removeprefix('models--').replace('--', '/') for name in names]
    if not known:
        return ''
    return f'; it is a cache without {repository!r}, with {", ".join(known[:10])}'
