"""Images of the user's data loaders, for the scores of models."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.runner import Runner

from ckd_mm.commands.arguments import LIBRARIES
from ckd_mm.errors import as_value_error
from ckd_mm.random_state import seeded_random_state

__all__ = ['batches_of', 'first_image']


def batches_of(
    cfg: Config, split: str, num_images: int, batch_size: int, seed: int = 0
) -> list[dict[str, Any]]:
    """Images of a data loader in a random order, the same at every call with a seed.

    Validation images often stand in the order of their classes, so that the first ones
    are of few.

    Args:
        cfg: The config with the loader.
        split: `train` or `val`.
        num_images: How many; all if there are fewer.
        batch_size: How many in a batch.
        seed: Draws the order, and what the pipeline draws.

    Raises:
        ValueError: There is no such loader, or its data cannot be read.
    """
    loader = deepcopy(cfg.get(f'{split}_dataloader'))
    if loader is None or cfg.get('default_scope') not in LIBRARIES:
        raise ValueError(
            f'the config of the data has no {split}_dataloader of one of {LIBRARIES}; '
            'name one that has it with data='
        )
    loader.update(batch_size=batch_size, num_workers=0, persistent_workers=False)
    loader.pop('batch_sampler', None)  # it may have another batch size
    loader.sampler = dict(type='DefaultSampler', shuffle=True)
    found: list[dict[str, Any]] = []
    with (
        as_value_error(f'reading the data of {split}_dataloader'),
        DefaultScope.overwrite_default_scope(cfg.default_scope),
        seeded_random_state(seed),
    ):
        for batch in Runner.build_dataloader(loader, seed=seed):
            left = num_images - sum(len(one['data_samples']) for one in found)
            found.append({key: value[:left] for key, value in batch.items()})
            if left <= batch_size:
                break
    if not found:
        raise ValueError(
            f'{split}_dataloader gives no batch of {batch_size} images; ask for fewer '
            'with --images'
        )
    return found


def first_image(batch: dict[str, Any]) -> dict[str, Any]:
    """A batch of the first image alone."""
    return {key: value[:1] for key, value in batch.items()}
