"""Making a cache: interrupted, continued, and refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import TRANSFORMS

from ckd_mm.cache import shards
from ckd_mm.cache.store import Cache
from ckd_mm.commands.fill_cache import cache_teacher
from ckd_mm.teachers.cacheable import part_name, with_student_twice

from .conftest import PIPELINE, TERMS, Make

KD: dict[str, Any] = dict(kd=dict(on='logits', loss=dict(type='KDLoss')))


def files(folder: Path) -> dict[str, bytes]:
    """The shards."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.glob('epoch_*/*')
    }


@pytest.fixture
def small(make: Make, tmp_path: Path) -> Callable[..., Config]:
    """40 images, whose logits are cached."""

    def make_small(teacher: Any = 'itself', **options: Any) -> Config:
        options.setdefault('terms', KD)
        cfg = make(tmp_path / 'work', teacher, **options)
        cfg.train_dataloader.update(batch_size=16)
        cfg.train_dataloader.dataset.indices = 40
        return cfg

    return make_small


def test_its_content_is_said_without_a_word_of_reading_it(exact: Path) -> None:
    cache = Cache(exact)
    cache.epochs = 1
    assert cache.content().startswith('1 epoch of ')
    assert 'cache' not in cache.content()


def test_it_holds_what_the_terms_read(exact: Path) -> None:
    cache = Cache(exact)
    assert cache.manifest['parts'] == dict(logits=None, embedding=None, backbone=1)
    assert cache.shape('logits') == (10,)
    assert cache.shape('embedding') == (128,)
    assert cache.epochs == 2
    assert 'epochs of 300 images' in cache.summary()


def test_the_files_do_not_depend_on_the_workers(
    small: Callable[..., Config], tmp_path: Path
) -> None:
    for workers in (0, 2):
        cache_teacher(small(workers=workers), tmp_path / str(workers), epochs=2)
    assert len(files(tmp_path / '0')) == 2
    assert files(tmp_path / '0') == files(tmp_path / '2')


def test_an_interrupted_call_goes_on_where_it_was(
    small: Callable[..., Config], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, 'SHARD_BYTES', 1)  # a shard per batch
    cache_teacher(small(), tmp_path / 'whole', epochs=2)
    interrupt_after(4, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        cache_teacher(small(), tmp_path / 'cut', epochs=2)
    before = files(tmp_path / 'cut')
    assert len(before) == 4
    with pytest.raises(ValueError, match='is not finished'):
        Cache(tmp_path / 'cut')
    monkeypatch.undo()
    monkeypatch.setattr(shards, 'SHARD_BYTES', 1)
    monkeypatch.setattr(
        shards.ShardWriter, 'add', counted(shards.ShardWriter.add, count := [0])
    )
    cache_teacher(small(), tmp_path / 'cut', epochs=2)
    assert files(tmp_path / 'cut') == files(tmp_path / 'whole')
    assert count == [2]  # of six batches


def interrupt_after(batches: int, monkeypatch: pytest.MonkeyPatch) -> None:
    add = shards.ShardWriter.add
    done = [0]

    def stops(writer: shards.ShardWriter, rows: Any) -> None:
        if done[0] == batches:
            raise KeyboardInterrupt
        done[0] += 1
        add(writer, rows)

    monkeypatch.setattr(shards.ShardWriter, 'add', stops)


def counted(function: Callable[..., None], count: list[int]) -> Callable[..., None]:
    def counts(*arguments: Any) -> None:
        count[0] += 1
        function(*arguments)

    return counts


def test_more_epochs_are_added_to_those_that_are_there(
    small: Callable[..., Config], tmp_path: Path
) -> None:
    cache_teacher(small(), tmp_path / 'cache', epochs=1)
    before = files(tmp_path / 'cache')
    assert cache_teacher(small(), tmp_path / 'cache', epochs=3).epochs == 3
    after = files(tmp_path / 'cache')
    assert len(after) == 3
    assert before.items() <= after.items()


@pytest.mark.parametrize(
    ('change', 'options', 'error'),
    [
        ({}, dict(seed=1), 'has another cache: seed: 0 in the cache, 1 here'),
        ({}, dict(dtype='float32'), "dtype: 'float16' in the cache, 'float32' here"),
        (dict(terms=TERMS), {}, r'parts: \[.logits.\] in the cache'),
    ],
)
def test_a_folder_with_another_cache_is_left_alone(
    small: Callable[..., Config],
    tmp_path: Path,
    change: dict[str, Any],
    options: dict[str, Any],
    error: str,
) -> None:
    cache_teacher(small(), tmp_path / 'cache')
    before = files(tmp_path / 'cache')
    with pytest.raises(ValueError, match=error):
        cache_teacher(small(**change), tmp_path / 'cache', **options)
    assert files(tmp_path / 'cache') == before
    Cache(tmp_path / 'cache')


def test_a_cache_of_another_teacher_is_left_alone(
    small: Callable[..., Config], classifier_teacher: dict[str, Any], tmp_path: Path
) -> None:
    cache_teacher(small(), tmp_path / 'cache')
    saved = torch.load(classifier_teacher['checkpoint'])
    saved['state_dict']['head.fc.bias'] += 1
    torch.save(saved, tmp_path / 'other.pth')
    other = dict(classifier_teacher, checkpoint=str(tmp_path / 'other.pth'))
    with pytest.raises(ValueError, match=r'another cache: teacher\.weights: '):
        cache_teacher(small(other), tmp_path / 'cache')


def test_other_files_in_the_folder_are_left_alone(
    small: Callable[..., Config], tmp_path: Path
) -> None:
    (tmp_path / 'mine').mkdir()
    (tmp_path / 'mine/notes.txt').touch()
    with pytest.raises(ValueError, match='has other files; give a folder that is new'):
        cache_teacher(small(), tmp_path / 'mine')


@TRANSFORMS.register_module()
class OwnGenerator:
    """A transform that cannot be replayed."""

    def __init__(self) -> None:
        self.generator = np.random.default_rng(0)

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        noise = self.generator.integers(0, 9, results['img'].shape)
        results['img'] = (results['img'] + noise).astype(np.uint8)
        return results


def own_generator(cfg: Config) -> None:
    pipeline = [*PIPELINE[:-1], dict(type=OwnGenerator), PIPELINE[-1]]
    cfg.train_dataloader.dataset.pipeline = pipeline


def sizes(cfg: Config) -> None:
    scales = [(16, 16), (24, 24)]
    resize = dict(type='RandomChoiceResize', scales=scales, resize_type='Resize')
    cfg.train_dataloader.dataset.pipeline = [PIPELINE[0], resize, PIPELINE[-1]]
    cfg.train_dataloader.collate_fn = dict(type='pseudo_collate')


def mixup(cfg: Config) -> None:
    augments = dict(augments=[dict(type='Mixup', alpha=0.2)])
    cfg.data_preprocessor.update(batch_augments=augments)


def switch(cfg: Config) -> None:
    recipe = dict(action_epoch=2, train_pipeline=PIPELINE)
    cfg.custom_hooks += [dict(type='SwitchRecipeHook', schedule=[recipe])]


def no_hook(cfg: Config) -> None:
    cfg.custom_hooks = []


def two_teachers(cfg: Config) -> None:
    cfg.custom_hooks[0].teacher = [cfg.custom_hooks[0].teacher] * 2


def own_average(cfg: Config) -> None:
    cfg.custom_hooks[0].teacher = dict(ema=True)


@pytest.mark.parametrize(
    ('change', 'error'),
    [
        (own_generator, 'another image of sample 0 from the same random numbers'),
        (sizes, r'all images must have one size, got \[\(3, 16, 16\), \(3, 24, 24\)'),
        (mixup, 'student mixes the images of a batch .batch_augments'),
        (switch, 'SwitchRecipeHook changes the pipeline in mid-run'),
        (no_hook, 'DistillationHook in its custom_hooks; this one has 0'),
        (two_teachers, 'made of one frozen teacher'),
        (own_average, 'made of one frozen teacher'),
    ],
)
def test_what_cannot_be_cached_is_refused(
    small: Callable[..., Config],
    tmp_path: Path,
    change: Callable[[Config], None],
    error: str,
) -> None:
    cfg = small()
    change(cfg)
    with pytest.raises(ValueError, match=error):
        cache_teacher(cfg, tmp_path / 'cache')


@pytest.mark.parametrize(('epochs', 'seed'), [(0, 0), (1, -1), (True, 0)])
def test_numbers_are_refused_before_anything_is_built(
    epochs: int, seed: int, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match='(epochs|seed) must be .* got'):
        cache_teacher(Config(), tmp_path / 'cache', epochs, seed)
    assert not (tmp_path / 'cache').exists()


def test_an_unknown_number_format_is_refused(
    small: Callable[..., Config], tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=r"dtype must be one of .* got 'int4'"):
        cache_teacher(small(), tmp_path / 'cache', dtype='int4')


def test_rows_of_a_detector_are_refused_with_the_reason(
    detector_config: Callable[..., Config],
    detector_teacher: dict[str, Any],
    tmp_path: Path,
) -> None:
    distill = dict(kd=dict(on='roi_logits', loss=dict(type='KDLoss')))
    hook = dict(type='DistillationHook', teacher=detector_teacher, distill=distill)
    cfg = detector_config(tmp_path / 'work', custom_hooks=[hook])
    error = r"'kd' \(on='roi_logits'\) .* the RoIs .* changes in each step; cache fea"
    with pytest.raises(ValueError, match=error):
        cache_teacher(cfg, tmp_path / 'cache')


def test_parts_are_named_by_what_is_read_of_the_teacher() -> None:
    first = dict(student='backbone.layer4', teacher='backbone.layer3')
    second = dict(student='backbone.layer2', teacher='backbone.layer3')
    assert part_name(first) == part_name(second) == 'module:backbone.layer3'
    assert part_name('module:backbone.layer3') == part_name(first)
    assert with_student_twice(['logits', first]) == [
        'logits',
        dict(student='backbone.layer4', teacher='backbone.layer4'),
    ]
