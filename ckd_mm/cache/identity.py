"""Which data and teacher a cache was made with, and what differs from a run.

Small things, such as a pipeline, are kept as they are, so that an error can name the
option that differs. Of the names of files and of the weights only a hash is kept.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
import torch
from mmengine.model import BaseModel, is_model_wrapper
from mmengine.runner import Runner
from torch import Tensor, nn

__all__ = [
    'data_identity',
    'difference',
    'installed',
    'plain',
    'versions',
    'weights_hash',
]

# The folder of the data does not matter; which files these are is in the hash of names.
LOCATION_KEYS = (
    *('data_root', 'data_prefix', 'ann_file', 'metainfo', 'classes'),
    *('backend_args', 'file_client_args'),
)
PACKAGES = (
    *('torch', 'torchvision', 'numpy', 'pillow'),
    *('opencv-python', 'opencv-python-headless', 'mmcv', 'onedl-mmcv'),
    *('mmpretrain', 'onedl-mmpretrain'),
)


def data_identity(runner: Runner) -> dict[str, Any]:
    """What the images of a run's training data depend on.

    Returns:
        Type and pipeline of the data set, with what wraps it; its length; a hash of its
        file names below their common folder, or of the images where it holds these
        itself; and how a batch is padded, where it is.

    Raises:
        ValueError: The runner was not built from a config, or the data set does not
            tell its files.
    """
    loader = runner.cfg.get('train_dataloader')
    if not loader:
        raise ValueError(
            'a cache is compared with the config of the run, and this runner has none; '
            'build it with Runner.from_cfg'
        )
    dataset = runner.train_dataloader.dataset
    if not hasattr(dataset, 'get_data_info'):
        raise ValueError(
            "a cache needs a data set of MMEngine's kind, with get_data_info(), got "
            f'{type(dataset).__name__}'
        )
    return {
        'dataset': plain(loader['dataset']),
        'samples': len(dataset),
        'files': _hash_of_names(dataset),
        **_padding(runner.model),
    }


def versions() -> dict[str, str]:
    """The versions of the packages that read and transform images."""
    found = {name: installed(name) for name in PACKAGES}
    return {name: number for name, number in found.items() if number}


def plain(config: Any) -> Any:
    """A config as JSON has it, without the folders of the data."""
    if isinstance(config, dict):
        return {str(k): plain(v) for k, v in config.items() if k not in LOCATION_KEYS}
    if isinstance(config, (list, tuple)):
        return [plain(value) for value in config]
    known = config is None or isinstance(config, (str, int, float, bool))
    return config if known else repr(config)


def weights_hash(model: BaseModel) -> str:
    """A hash of all parameters and buffers, with their names."""
    digest = hashlib.sha256()
    for name, value in model.state_dict().items():
        digest.update(name.encode())
        if isinstance(value, Tensor):
            row = value.detach().cpu().contiguous().reshape(-1)
            digest.update(row.view(torch.uint8).numpy().data)
    return digest.hexdigest()


def difference(cached: Any, found: Any, name: str = '') -> str:
    """The first thing that differs, such as `dataset.pipeline[1].prob: ...`."""
    if isinstance(cached, dict) and isinstance(found, dict):
        keys = [*cached, *(key for key in found if key not in cached)]
        pairs = [
            (cached.get(k, 'nothing'), found.get(k, 'nothing'), f'{name}.{k}')
            for k in keys
        ]
        return _first(pairs)
    lists = isinstance(cached, list) and isinstance(found, list)
    if lists and len(cached) == len(found):
        numbered = enumerate(zip(cached, found, strict=True))
        return _first([(a, b, f'{name}[{i}]') for i, (a, b) in numbered])
    if cached == found:
        return ''
    return f'{name.lstrip(".")}: {_short(cached)} in the cache, {_short(found)} here'


def _first(pairs: list[tuple[Any, Any, str]]) -> str:
    return next(filter(None, (difference(*pair) for pair in pairs)), '')


def _short(value: Any, most: int = 200) -> str:
    text = repr(value)
    return text if len(text) <= most else f'{text[:most]}...'


def _hash_of_names(dataset: Any) -> str:
    names = list(_names(dataset))
    common = os.path.dirname(os.path.commonprefix(names))
    start = len(os.path.dirname(common))
    digest = hashlib.sha256()
    for name in names:
        digest.update(f'{name[start:]}\n'.encode())
    return digest.hexdigest()


def _names(dataset: Any) -> Iterator[str]:
    for index in range(len(dataset)):
        info = dataset.get_data_info(index)
        if isinstance(info.get('img_path'), str):
            yield info['img_path']
        elif isinstance(info.get('img'), np.ndarray):
            yield hashlib.sha256(np.ascontiguousarray(info['img']).data).hexdigest()
        else:
            raise ValueError(
                "a cache needs samples with an 'img_path' or an 'img', got one with "
                f'{sorted(info)}'
            )


def _padding(model: nn.Module) -> dict[str, Any]:
    """To what a batch is padded; empty where an image keeps its size."""
    student = model.module if is_model_wrapper(model) else model
    preprocessor = getattr(student, 'data_preprocessor', None)
    divisor = getattr(preprocessor, 'pad_size_divisor', 1)
    augments = getattr(preprocessor, 'batch_augments', None)
    modules: Any = augments if isinstance(augments, nn.ModuleList) else ()
    sizes = [list(one.size) for one in modules if hasattr(one, 'size')]
    found = {'divisor': divisor if divisor != 1 else None, 'sizes': sizes}
    padding = {key: value for key, value in found.items() if value}
    return {'padding': padding} if padding else {}


def installed(package: str) -> str:
    """The version of a package; empty where it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ''
