"""Run a teacher once over the augmented training data, and store its outputs."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import closing
from copy import deepcopy
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.runner import Runner
from torch import Tensor
from torch.utils.data import DataLoader

from ckd_mm.adapters import Recorder, Step
from ckd_mm.cache.files import CHECKSUM, FORMAT, read_manifest, write_manifest
from ckd_mm.cache.identity import data_identity, difference, versions
from ckd_mm.cache.replay import KEY, Replay
from ckd_mm.cache.room import check_room
from ckd_mm.cache.shards import ShardWriter, num_levels, stored_rows
from ckd_mm.cache.store import Cache
from ckd_mm.checks import integer, one_of
from ckd_mm.hooks.distillation_hook import DistillationHook
from ckd_mm.teachers import Teacher, TeacherView
from ckd_mm.teachers.cacheable import (
    check_hooks,
    check_passes,
    check_student,
    is_padded_to_one_size,
    part_name,
)

__all__ = ['DTYPES', 'cache_teacher']

DTYPES = {
    'float16': torch.float16,
    'bfloat16': torch.bfloat16,
    'float32': torch.float32,
    'int8': torch.int8,
}


def cache_teacher(
    config: Config,
    folder: str | PathLike[str],
    epochs: int = 1,
    seed: int = 0,
    dtype: str = 'float16',
) -> Cache:
    """Write the outputs of a teacher that the terms of a distillation config read.

    A call that was interrupted, or that had fewer epochs, is continued in its folder.

    Args:
        config: A whole config with a `DistillationHook` and one teacher.
        folder: Where the cache is written.
        epochs: How many differently augmented epochs.
        seed: Of the augmentations.
        dtype: A key of :data:`DTYPES`.

    Raises:
        ValueError: The config's teacher cannot be cached, another cache lies in the
            folder, or its disk has too little room.
    """
    one_of('dtype', dtype, tuple(DTYPES))
    integer('epochs', epochs, least=1)
    integer('seed', seed, least=0)
    cfg = deepcopy(config)
    cfg.work_dir = str(Path(folder) / 'logs')
    runner = Runner.from_cfg(cfg)
    hook = _hook_of(runner)
    teacher, view = _built(runner, hook)
    data = data_identity(runner)
    replay = Replay.attach(runner, epochs, seed)
    parts = {part_name(term.on): term.name for term in hook.terms}
    manifest = dict(
        format=FORMAT,
        complete=False,
        epochs=epochs,
        seed=seed,
        dtype=dtype,
        data=data,
        teacher=hook.teachers[0].identity(teacher),
        classes=hook.teachers[0].class_lists(teacher),
        versions=versions(),
        parts=dict.fromkeys(parts),
    )
    _check_folder(Path(folder), manifest)
    _check_repeats(replay)
    view.attach()
    try:
        with closing(batches(runner, replay, view, parts, 0)) as first:
            size = _bytes_per_image(next(first), DTYPES[dtype])
        check_room(Path(folder), size, len(replay), epochs)
        write_manifest(Path(folder), manifest)
        shards = _fill(runner, replay, view, parts, Path(folder), DTYPES[dtype])
    finally:
        view.detach()
    path = Path(folder) / shards[0][0]['file']
    levels = {part: num_levels(path, part) for part in parts}
    write_manifest(
        Path(folder), dict(manifest, complete=True, parts=levels, shards=shards)
    )
    return Cache(folder)


def _hook_of(runner: Runner) -> DistillationHook:
    """The hook of a config, which names one teacher that can be cached."""
    hooks = [hook for hook in runner.hooks if isinstance(hook, DistillationHook)]
    if len(hooks) != 1:
        raise ValueError(
            'a cache is made for the terms of a distillation config, which has one '
            f'DistillationHook in its custom_hooks; this one has {len(hooks)}, give '
            'the config of the run that is to read the cache'
        )
    (hook,) = hooks
    if len(hook.teachers) != 1 or not hook.teachers[0].can_be_cached:
        raise ValueError(
            'a cache is made of one frozen teacher, teacher=dict(config=...) or one '
            "of another library, teacher=dict(type='timm', ...); of several, make one "
            'each and give the run a list of caches'
        )
    heard = [term for term in hook.terms if term.request.listens_to(0)]
    check_student(runner.model, {term.name: term.on for term in heard})
    check_hooks(runner.hooks)
    return hook


def _built(runner: Runner, hook: DistillationHook) -> tuple[Teacher, TeacherView]:
    """The teacher, and its view for the terms of the hook."""
    device = next(runner.model.parameters()).device
    teacher = hook.teachers[0].build(runner, device)
    requests = {
        term.name: term.request for term in hook.terms if term.request.listens_to(0)
    }
    view = teacher.view(runner.model, requests)
    plan = getattr(view, 'plan', None)  # a view of a user's kind may have none
    if plan is not None:
        terms = {name: one.on for name, one in requests.items()}
        check_passes(runner.model, plan.passes, terms)
    return teacher, view


def _check_folder(folder: Path, manifest: dict[str, Any]) -> None:
    """Check that the folder is free, or has the beginning of this cache."""
    if (folder / 'cache.json').exists():
        before = read_manifest(folder)
        free = ('epochs', 'complete', 'shards', 'classes')
        old, new = (
            {k: v for k, v in one.items() if k not in free} | {'parts': [*one['parts']]}
            for one in (before, manifest)
        )
        differs = difference(old, json.loads(json.dumps(new)))
        if differs:
            raise ValueError(
                f'{str(folder)!r} has another cache: {differs}; choose another folder, '
                'or remove this one'
            )
    elif any(path.name != 'logs' for path in folder.iterdir()):
        raise ValueError(
            f'{str(folder)!r} has other files; give a folder that is new or empty'
        )


def _bytes_per_image(rows: dict[str, Tensor], dtype: torch.dtype) -> int:
    """What a cache takes for each image of a batch."""
    size = sum(values.nbytes for values in stored_rows(rows, dtype).values())
    return size // len(rows[CHECKSUM])


def _check_repeats(replay: Replay, most: int = 8) -> None:
    """Check on some samples that the pipeline makes the same image again."""
    for index in range(0, len(replay), max(1, len(replay) // most)):
        first, second = (replay[index]['data_samples'].get(KEY) for _ in range(2))
        if first != second:
            raise ValueError(
                f'the pipeline makes another image of sample {index} from the same '
                'random numbers: a transform keeps its own generator or state; '
                'use transforms that draw from random, numpy.random or torch'
            )


def _fill(
    runner: Runner,
    replay: Replay,
    view: TeacherView,
    parts: dict[str, str],
    folder: Path,
    dtype: torch.dtype,
) -> list[list[dict[str, Any]]]:
    """Write the shards that are missing; all shards, by epoch."""
    shards = []
    for epoch in range(replay.epochs):
        replay.start(epoch)
        writer = ShardWriter(folder, epoch, dtype)
        if writer.num_rows < len(replay):
            for rows in batches(runner, replay, view, parts, writer.num_rows):
                writer.add(rows)
            writer.flush()
        shards.append(writer.shards)
        print_log(
            f'Cached epoch {epoch + 1} of {replay.epochs}: {writer.num_rows} images, '
            f'{sum(shard["bytes"] for shard in writer.shards) / 1e6:.1f} MB',
            logger='current',
        )
    return shards


def batches(
    runner: Runner, replay: Replay, view: TeacherView, parts: dict[str, str], start: int
) -> Generator[dict[str, Tensor], None, None]:
    """The teacher's outputs for the samples from `start` on, by name of the tensor."""
    stock = runner.train_dataloader
    loader = DataLoader(
        replay,
        batch_size=runner.cfg.train_dataloader.batch_size,
        sampler=range(start, len(replay)),
        num_workers=stock.num_workers,
        collate_fn=stock.collate_fn,
    )
    nothing = Recorder(runner.model, [])  # the student is not read
    preprocessor = runner.model.data_preprocessor
    are_padded, shapes = is_padded_to_one_size(preprocessor), set()
    for batch in loader:
        data = preprocessor(batch, True)
        images = data['inputs'] if are_padded else batch['inputs']
        shapes |= {tuple(image.shape) for image in images}
        _check_one_size(shapes)
        step = Step(data['inputs'], data['data_samples'], nothing)
        view.run_teacher(step)
        checksums = [sample.get(KEY)[2] for sample in data['data_samples']]
        try:
            yield {CHECKSUM: torch.tensor(checksums), **_tensors(view, parts, step)}
        finally:  # also where nobody asks for more
            view.forget()


def _check_one_size(shapes: set[tuple[int, ...]]) -> None:
    if len(shapes) > 1:
        raise ValueError(
            f'all images must have one size, got {sorted(shapes)}: a batch is padded '
            'to its largest, so that the outputs for an image would depend on the '
            'batch; end the pipeline with a crop or a resize to one size, or pad all '
            'batches of a detector to one that is large enough: batch_augments=[dict('
            "type='BatchFixedSizePad', size=(HEIGHT, WIDTH))] of its data_preprocessor"
        )


def _tensors(view: TeacherView, parts: dict[str, str], step: Step) -> dict[str, Tensor]:
    found = {}
    for part, term in parts.items():
        value = view.teacher_value(term, step)
        if isinstance(value, Tensor):
            found[part] = value
        else:
            found |= {f'{part}/{level}': one for level, one in enumerate(value)}
    return found
