"""What a teacher says of the images of a replayed data set, batch by batch."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from mmengine.runner import Runner
from torch import Tensor
from torch.utils.data import DataLoader

from ckd_mm.cache.files import CHECKSUM
from ckd_mm.cache.replay import KEY, Replay
from ckd_mm.teachers.view import Source

__all__ = ['batches']


def batches(
    runner: Runner, replay: Replay, source: Source, parts: dict[str, str], start: int
) -> Iterator[dict[str, Tensor]]:
    """What the teacher says of the samples from `start` on, by name of the tensor."""
    stock = runner.train_dataloader
    loader = DataLoader(
        replay,
        batch_size=runner.cfg.train_dataloader.batch_size,
        sampler=range(start, len(replay)),
        num_workers=stock.num_workers,
        collate_fn=stock.collate_fn,
    )
    shapes = set()
    for batch in loader:
        shapes |= {tuple(image.shape) for image in batch['inputs']}
        if len(shapes) > 1:
            raise ValueError(
                f'all images must have one size, got {sorted(shapes)}: a batch is '
                'padded to its largest, so that what a teacher says of an image would '
                'depend on the batch; end the pipeline with a crop or a resize'
            )
        data = runner.model.data_preprocessor(batch, True)
        source.observe(data['inputs'], data['data_samples'], 0.0)
        checksums = [sample.get(KEY)[2] for sample in data['data_samples']]
        yield {CHECKSUM: torch.tensor(checksums), **_tensors(source, parts)}
        source.forget()


def _tensors(source: Source, parts: dict[str, str]) -> dict[str, Tensor]:
    found = {}
    for part, term in parts.items():
        value = source.teacher_side(term)
        if isinstance(value, Tensor):
            found[part] = value
        else:
            found |= {f'{part}/{level}': one for level, one in enumerate(value)}
    return found
