"""Files of weights for models of other libraries."""

from __future__ import annotations

from os import PathLike, fspath
from pathlib import Path

from torch import nn

from ckd_mm.teachers.loading.file_format import check_format
from ckd_mm.teachers.loading.misfit import listed

__all__ = ['check_finite', 'snapshot', 'weights_file']

NAMES = ('model.safetensors', 'pytorch_model.bin', 'model.pth')


def weights_file(checkpoint: str | PathLike[str], repository: str = '') -> Path:
    """The file of weights that a path stands for.

    Args:
        checkpoint: The file, a folder with one, or a folder of the hub's cache.
        repository: The name of the model's repository on the hub.

    Raises:
        ValueError: There is none, or the file is in no format of weights.
    """
    path = Path(checkpoint)
    if path.is_file():
        check_format(path)
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


def _repositories(folder: Path, repository: str) -> str:
    """What a folder of the hub's cache has instead."""
    names = sorted(one.name for one in folder.glob('models--*'))
    known = [name.removeprefix('models--').replace('--', '/') for name in names]
    if not known:
        return ''
    return f'; it is a cache without {repository!r}, with {", ".join(known[:10])}'
