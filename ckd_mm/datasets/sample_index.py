"""Numbers of images that are those of the whole training set.

Each of MMEngine's data sets numbers its samples from 0, also within a `ConcatDataset`.
A loss or a teacher that keeps something of every image, such as CRD, would then take
two images for one. So while one asks for `sample_index`, the data sets within the
wrappers number their samples on from each other. An image that a wrapper repeats keeps
its one number. The random numbers of the run and the types of its data sets stay the
same.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from mmengine.dataset import BaseDataset
from mmengine.runner import Runner
from torch import nn

__all__ = ['SampleIndex', 'innermost']


class SampleIndex:
    """The numbers of a training set's images, made to go on through its data sets.

    Args:
        dataset: A data set, in any wrappers with `dataset` or `datasets`.

    Raises:
        ValueError: One of several data sets is no `BaseDataset`, so that nothing is
            known of its numbers.
    """

    def __init__(self, dataset: Any) -> None:
        self._datasets = list({id(one): one for one in innermost(dataset)}.values())
        if len(self._datasets) > 1:
            for one in self._datasets:
                _check(one)
        self.num_samples = sum(len(one) for one in self._datasets)

    def check(self, term: str, loss: nn.Module) -> None:
        """Check that a loss has room for all images.

        Raises:
            ValueError: Its `num_samples` is smaller.
        """
        room = getattr(loss, 'num_samples', None)
        if room is not None and room < self.num_samples:
            raise ValueError(
                f'term {term!r}: num_samples of {type(loss).__name__} must be at least '
                f'the number of training images, {self.num_samples}, got {room}'
            )

    def attach(self, runner: Runner) -> None:
        """Number the images from now on, before the first step.

        Args:
            runner: Whose training set it is.

        Raises:
            ValueError: Processes that load the data sets have been started already.
        """
        if len(self._datasets) < 2:
            return
        _check_workers(runner)
        first = 0
        for one in self._datasets:
            # found before the method of the class; a partial goes to other processes
            one.get_data_info = partial(_numbered, one.get_data_info, first)
            first += len(one)
        runner.train_dataloader._iterator = None  # persistent workers have the old ones

    def detach(self, runner: Runner) -> None:
        """Have each data set number its samples from 0 again."""
        for one in self._datasets:
            if vars(one).pop('get_data_info', None) is not None:
                runner.train_dataloader._iterator = None


def _numbered(get_data_info: Any, first: int, index: int) -> dict[str, Any]:
    info = get_data_info(index)
    info['sample_idx'] += first
    return info


def innermost(dataset: Any) -> Iterator[Any]:
    """The data sets that hold the samples, in their order."""
    inner = getattr(dataset, 'datasets', None)
    if isinstance(inner, (list, tuple)):
        for one in inner:
            yield from innermost(one)
    elif not isinstance(dataset, BaseDataset) and hasattr(dataset, 'dataset'):
        yield from innermost(dataset.dataset)
    else:
        yield dataset


def _check(one: Any) -> None:
    if not isinstance(one, BaseDataset):
        raise ValueError(
            "a loss or a teacher asks for 'sample_index', the number of each image in "
            'the whole training set, and one of its data sets is a '
            f'{type(one).__name__}, whose numbers are not known; use a data set of '
            "MMEngine's BaseDataset, or a loss that needs no sample_index"
        )


def _check_workers(runner: Runner) -> None:
    """Old versions of MMEngine start them before any hook, where they count steps."""
    iterator = getattr(runner.train_loop, 'dataloader_iterator', None)
    if hasattr(getattr(iterator, '_iterator', None), '_workers'):
        raise ValueError(
            "a loss or a teacher asks for 'sample_index', and the processes that load "
            'the training set have been started with other numbers; use '
            'train_cfg=dict(by_epoch=True, max_epochs=...) or num_workers=0'
        )
