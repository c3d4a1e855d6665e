"""What a teacher says of the images of a replayed data set, batch by batch."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from mmengine.runner import Runner
from torch import Tensor
from torch.utils.data import DataLoader

from ckd_mm.adapters import Recorder, Step
from ckd_mm.cache.files import CHECKSUM
from ckd_mm.cache.replay import KEY, Replay
from ckd_mm.teachers import TeacherView

__all__ = ['batches']


def batches(
    runner: Runner, replay: Replay, view: TeacherView, parts: dict[str, str], start: int
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
    nothing = Recorder(runner.model, [])  # of the student nothing is read
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
        step = Step(data['inputs'], data['data_samples'], nothing)
        view.run_teacher(step)
        checksums = [sample.get(KEY)[2] for sample in data['data_samples']]
        yield {CHECKSUM: torch.tensor(checksums), **_tensors(view, parts, step)}
        view.forget()


def _tensors(view: TeacherView, parts: dict[str, str], step: Step) -> dict[str, Tensor]:
    found = {}
    for part, term in parts.items():
        value = view.teacher_value(term, step)
        if isinstance(value, Tensor):
            found[part] = value
        else:
            found |= {f'{part}/{level}': one for level, one in enumerate(value)}
    return found
