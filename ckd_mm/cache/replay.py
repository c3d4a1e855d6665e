"""A data set whose random choices can be made again.

The transforms of the pipeline are replayed, and whatever else `dataset[index]` draws
from `random`, `numpy.random` and `torch`. A transform that has its own generator is
not; the cache notices that by the checksums.
"""

from __future__ import annotations

import zlib
from typing import Any

import torch
from mmengine.runner import EpochBasedTrainLoop, Runner
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from ckd_mm.random_state import seeded_random_state

__all__ = ['KEY', 'Replay']

KEY = 'replayed'
"""Where a data sample notes (epoch modulo the replayed ones, index, checksum)."""


class Replay(Dataset):
    """Prepares a sample with random numbers from (seed, epoch, index) alone.

    The epoch lies in shared memory, where workers that live for several epochs see it.
    A sample that is drawn twice in one epoch is the same image twice.

    Args:
        dataset: A data set with `inputs` and `data_samples`, in any wrappers.
        epochs: After so many epochs, the choices of the first one come again.
        seed: Another seed makes other choices.

    Raises:
        ValueError: A number is out of range.
    """

    def __init__(self, dataset: Any, epochs: int, seed: int = 0) -> None:
        for name, value, least in (('epochs', epochs, 1), ('seed', seed, 0)):
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise ValueError(f'{name} must be a number >= {least}, got {value!r}')
        self.dataset, self.epochs, self.seed = dataset, epochs, seed
        self._epoch = torch.zeros((), dtype=torch.long).share_memory_()

    @classmethod
    def attach(cls, runner: Runner, epochs: int, seed: int = 0) -> Replay:
        """Replay the training data of a runner from now on.

        Raises:
            ValueError: Training has no epochs, draws a sample several times in one, or
                is replayed already.
        """
        if not isinstance(runner.train_loop, EpochBasedTrainLoop):
            raise ValueError(
                'augmentations are replayed by epoch, and this run counts iterations '
                f'({type(runner.train_loop).__name__}); use '
                'train_cfg=dict(by_epoch=True, max_epochs=...)'
            )
        loader = runner.train_dataloader
        if type(loader.sampler).__name__ == 'RepeatAugSampler':
            raise ValueError(
                'RepeatAugSampler draws a sample several times in an epoch, which '
                'would be replayed as the same image; use DefaultSampler'
            )
        if isinstance(loader.dataset, Replay):
            raise ValueError(
                'the training data are replayed already; leave ReplayHook out of a run '
                'with a cached teacher'
            )
        replay = cls(loader.dataset, epochs, seed)
        _exchange(loader, replay)
        return replay

    def detach(self, runner: Runner) -> None:
        """Give the runner its data set back."""
        if runner.train_dataloader.dataset is self:
            _exchange(runner.train_dataloader, self.dataset)

    def start(self, epoch: int) -> None:
        """Go to an epoch of the run, before its first sample is asked for."""
        self._epoch.fill_(epoch % self.epochs)

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> dict[str, Any]:
        epoch, index = int(self._epoch), int(index)
        with seeded_random_state(self.seed, epoch, index):
            item = self.dataset[index]
        note = (epoch, index, _checksum(item['inputs']))
        item['data_samples'].set_metainfo({KEY: note})
        return item

    def __getattr__(self, name: str) -> Any:
        if name.startswith('__') or name == 'dataset':
            raise AttributeError(f'a replayed data set has no {name}; ask its dataset')
        return getattr(self.dataset, name)

    @property
    def pipeline(self) -> Any:
        """The data set's pipeline; hooks that switch pipelines in mid-run set it."""
        return self.dataset.pipeline

    @pipeline.setter
    def pipeline(self, pipeline: Any) -> None:
        self.dataset.pipeline = pipeline


def _exchange(loader: DataLoader, dataset: Any) -> None:
    vars(loader)['dataset'] = dataset  # DataLoader forbids the plain assignment
    loader._iterator = None  # persistent workers have the old data set


def _checksum(inputs: Any) -> int:
    if not isinstance(inputs, Tensor):
        raise ValueError(
            'only a pipeline that makes one image of a sample can be replayed, got '
            f'inputs of type {type(inputs).__name__}'
        )
    return zlib.crc32(inputs.contiguous().numpy().data)
