"""The loader of images without labels, beside the run's own.

One batch of it is read in each iteration in which a term compares on it. The run's own
loader, and all random numbers of the run, stay what they are without it:

* its sampler and its workers are seeded with another number than the run's, since equal
  seeds would give both loaders the same flips and crops;
* in the main process (`num_workers=0`), each batch is drawn with random numbers that
  depend on its number alone;
* the number of batches that were read is in the checkpoint, and a resumed run skips
  them without loading them.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any

from mmengine.dataset import InfiniteSampler
from mmengine.dist import get_rank
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from ckd_mm.checks import boolean
from ckd_mm.engine.student import student_of
from ckd_mm.engine.terms import Term
from ckd_mm.errors import as_value_error
from ckd_mm.random_state import preserved_random_state, seeded_random_state
from ckd_mm.registry import did_you_mean

__all__ = ['UnlabelledData', 'check_data']

BATCHES = 'ckd_mm_unlabelled_batches'
OTHER_SEED = 2**30
OPTIONS = ('dataloader', 'moves_statistics')


class UnlabelledData:
    """The option `unlabelled` of the hook, and its loader while a run trains.

    Args:
        dataloader: As a `train_dataloader`; its sampler never ends, and is
            `InfiniteSampler` where it is left out.
        moves_statistics: Whether the student's pass on these images moves the running
            statistics of its BatchNorm layers.

    Raises:
        ValueError: An option is wrong.
    """

    def __init__(self, dataloader: Any = None, moves_statistics: bool = True) -> None:
        needed = {'dataset', 'batch_size'}  # of PyTorch's default, 1, nobody would know
        if not isinstance(dataloader, Mapping) or not needed <= {*dataloader}:
            raise ValueError(
                'unlabelled: dataloader must be a dict like a train_dataloader, with '
                f'dataset and batch_size, got {dataloader!r}'
            )
        self._config = dataloader
        self.moves_statistics = boolean(
            'unlabelled: moves_statistics', moves_statistics
        )
        self._iterator: Iterator[Any] | None = None
        self._number = self._seed = 0

    def open(self, runner: Runner) -> None:
        """Build the loader, and go on where a resumed run has stopped.

        Raises:
            ValueError: It cannot be built, or the sampler ends.
        """
        seed = int(runner.seed or 0)
        if runner._randomness_cfg.get('diff_rank_seed'):
            seed -= get_rank()  # the ranks share the images out by one seed
        self._seed = (seed + OTHER_SEED) % 2**31
        with (
            preserved_random_state(),
            as_value_error(
                'unlabelled: building its dataloader',
                'see that it has images, and works as a train_dataloader',
            ),
        ):
            loader = runner.build_dataloader(self._completed(), seed=self._seed)
        _check_never_ends(loader)
        hub = runner.message_hub
        resumed = runner._resume and BATCHES in hub.runtime_info
        self._number = hub.get_info(BATCHES) if resumed else 0
        _skip(loader.sampler, self._number * loader.batch_size)
        self._loader, self._iterator = loader, None

    def batch(self, runner: Runner) -> dict[str, Any]:
        """The next batch, preprocessed as the student's in training."""
        preprocessor = student_of(runner).data_preprocessor
        with seeded_random_state(self._seed, get_rank(), self._number):
            if self._iterator is None:
                self._iterator = iter(self._loader)
            batch = preprocessor(_packed(next(self._iterator)), True)
        self._number += 1
        runner.message_hub.update_info(BATCHES, self._number)
        return batch

    def close(self) -> None:
        """Let go of the loader and its workers."""
        self._iterator = None
        vars(self).pop('_loader', None)

    def _completed(self) -> dict[str, Any]:
        config = dict(deepcopy(dict(self._config)))
        config.setdefault('sampler', dict(type='InfiniteSampler', shuffle=True))
        return config


def check_data(unlabelled: Any, terms: Sequence[Term], alone: bool) -> None:
    """Check that the option `unlabelled` and the terms belong together.

    Args:
        unlabelled: As in a config.
        terms: All terms.
        alone: Whether the student's own losses do not count.

    Raises:
        ValueError: They do not.
    """
    found = [one for one in terms if one.request.unlabelled]
    if found and unlabelled is None:
        which = ', '.join(f'{one.name!r} has data={one.data!r}' for one in found)
        raise ValueError(
            f'term {which}, and the hook has no loader of images without labels; add '
            'unlabelled=dict(dataloader=dict(batch_size=..., dataset=...)) to the hook'
        )
    if unlabelled is None:
        return
    if not isinstance(unlabelled, Mapping):
        raise ValueError(
            f'unlabelled must be a dict with dataloader, got {unlabelled!r}'
        )
    all_names = {one.name for one in terms}
    for one in found:
        second = f'{one.name}_unlabelled'
        if one.request.labelled and second in all_names:
            raise ValueError(
                f'the name {second!r} of a term is what the log calls {one.name!r} on '
                'images without labels; rename one of the two terms'
            )
    for key in unlabelled:
        if key not in OPTIONS:
            hint = did_you_mean(key, OPTIONS)
            raise ValueError(f'unlabelled has no option {key!r}{hint}')
    if not found:
        raise ValueError(
            'unlabelled gives images without labels, and no term compares on them; add '
            "data='unlabelled' or data='both' to a term, or leave unlabelled out"
        )
    if alone and not any(one.request.labelled for one in terms):
        raise ValueError(
            "with student_loss_weight=0 and data='unlabelled' in all terms nothing is "
            'learnt of the train_dataloader; make the images without labels the '
            'train_dataloader, and leave unlabelled and data out'
        )


def _packed(batch: Any) -> Mapping[str, Any]:
    """A batch as a data preprocessor takes it.

    Raises:
        ValueError: The pipeline did not pack it.
    """
    if not isinstance(batch, Mapping) or 'inputs' not in batch:
        found = sorted(batch) if isinstance(batch, Mapping) else type(batch).__name__
        raise ValueError(
            f"unlabelled: the pipeline must give 'inputs', got {found}; end it with "
            "dict(type='PackInputs') for MMPretrain, 'PackDetInputs' for MMDetection"
        )
    return batch


def _check_never_ends(loader: DataLoader) -> None:
    if not isinstance(loader.sampler, InfiniteSampler):
        sampler = type(loader.sampler).__name__
        raise ValueError(
            'unlabelled: the sampler of the dataloader must be an InfiniteSampler, as '
            f'the run decides how many batches it reads, got {sampler}; leave sampler '
            'and batch_sampler out'
        )


def _skip(sampler: Any, number: int) -> None:
    """Leave out the first images of this rank, without loading them."""
    sampler.indices = itertools.islice(sampler.indices, number, None)
