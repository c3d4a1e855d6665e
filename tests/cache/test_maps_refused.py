"""Maps that cannot be cached, caches that do not fit, and disks that are full."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config
from mmengine.logging import MMLogger

from ckd_mm.cache import room
from ckd_mm.commands.fill_cache import cache_teacher

from .conftest import LEVEL, Make
from .test_errors import refused


@pytest.mark.parametrize(
    ('options', 'error'),
    [
        (
            dict(on=dict(LEVEL, teacher='blocks:-1')),
            r"parts\[0\]: 'module:blocks:-2' in the",
        ),
        (dict(norm=False), r'teacher\.norm: True in the cache, False here'),
        (
            dict(input_size=0.5),
            r"teacher\.input_size: 'student' in the cache, 0\.5 here",
        ),
        (dict(checkpoint=None), r'teacher\.weights: '),
    ],
)
def test_a_cache_of_another_teacher_is_left_alone(
    make_maps: Make,
    exact_maps: Path,
    tmp_path: Path,
    options: dict[str, Any],
    error: str,
) -> None:
    before = contents(exact_maps)
    with pytest.raises(ValueError, match=f'has another cache: {error}'):
        cache_teacher(
            make_maps(tmp_path, **options), exact_maps, epochs=2, dtype='float32'
        )
    assert contents(exact_maps) == before


def contents(folder: Path) -> dict[str, bytes]:
    """All files but logs."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob('*')
        if path.is_file() and 'logs' not in path.parts
    }


def other_canvas(cfg: Config) -> None:
    cfg.model.data_preprocessor.batch_augments[0].size = (128, 128)


def other_scale(cfg: Config) -> None:
    cfg.train_dataloader.dataset.pipeline[2]['scales'] = [(96, 96), (80, 80)]


def other_level(cfg: Config) -> None:
    cfg.custom_hooks[0].distill.fit.on.teacher = 'blocks:-1'


def rows_of_rois(cfg: Config) -> None:
    cfg.custom_hooks[0].distill.fit.on = 'roi_logits'


@pytest.mark.parametrize(
    ('change', 'error'),
    [
        (other_canvas, r'padding\.sizes\[0\]\[0\]: 96 in the cache, 128 here'),
        (other_scale, r'pipeline\[2\]\.scales\[1\]\[0\]: 64 in the cache, 80 here'),
        (other_level, "lacks 'blocks:-1'; it holds 'blocks:-2'"),
        (rows_of_rois, r"'fit' \(on='roi_logits'\) .*cannot be cached: which rows"),
    ],
)
def test_a_run_that_the_cache_does_not_fit(
    make_maps: Make,
    exact_maps: Path,
    tmp_path: Path,
    change: Callable[[Config], None],
    error: str,
) -> None:
    cfg = make_maps(tmp_path, dict(cache=str(exact_maps)))
    cfg.custom_hooks[0].distill.fit.loss = dict(type='ATLoss')  # reads no channels
    change(cfg)
    refused(cfg, error)


def several_sizes(cfg: Config) -> None:
    del cfg.model.data_preprocessor['batch_augments']


def drawn_size(cfg: Config) -> None:
    draws = dict(type='BatchSyncRandomResize', random_size_range=(64, 96))
    cfg.model.data_preprocessor.batch_augments = [draws]


def in_a_head(cfg: Config) -> None:
    hook = cfg.custom_hooks[0]
    hook.teacher = cfg.detector
    hook.distill.fit.on = dict(student='roi_head', teacher='rpn_head.rpn_cls')


def mode_switch(cfg: Config) -> None:
    cfg.custom_hooks += [dict(type='YOLOXModeSwitchHook')]


@pytest.mark.parametrize(
    ('change', 'error'),
    [
        (several_sizes, r'must have one size, got .* batch_augments=\[.*FixedSizePad'),
        (drawn_size, r'draws their size \(BatchSyncRandomResize\); take them out'),
        (in_a_head, 'lies in a head of the teacher'),
        (mode_switch, 'YOLOXModeSwitchHook changes the pipeline in mid-run'),
    ],
)
def test_what_cannot_be_cached_is_refused(
    make_maps: Make,
    detector_teacher: dict[str, Any],
    tmp_path: Path,
    change: Callable[[Config], None],
    error: str,
) -> None:
    cfg = make_maps(tmp_path / 'work')
    cfg.detector = detector_teacher
    change(cfg)
    with pytest.raises(ValueError, match=error):
        cache_teacher(cfg, tmp_path / 'cache')
    assert contents(tmp_path / 'cache') == {}


IMAGE_BYTES = 24 * 6 * 8 * 2 + 8
"""A map in float16, and a checksum."""


def test_a_disk_without_room_is_left_as_it_was(
    make_maps: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk(monkeypatch, free=2 * 8 * IMAGE_BYTES - 1)
    error = (
        r'takes 36.99 kB: 2.312 kB for each of 8 images in each of 2 epochs; '
        r'.* is missing, and its disk has .* left; take fewer epochs, --dtype int8'
    )
    with pytest.raises(ValueError, match=error):
        cache_teacher(make_maps(tmp_path / 'work'), tmp_path / 'cache', epochs=2)
    assert contents(tmp_path / 'cache') == {}


def test_what_is_there_already_needs_no_room(
    make_maps: Make, exact_maps: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(exact_maps, tmp_path / 'cache')
    disk(monkeypatch, free=1)
    made = cache_teacher(
        make_maps(tmp_path), tmp_path / 'cache', epochs=2, dtype='float32'
    )
    assert contents(made.folder) == contents(exact_maps)


def test_a_cache_that_takes_much_of_a_disk_is_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    disk(monkeypatch, free=10_000)
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    try:
        for epochs in (4, 6):
            room.check_room(tmp_path, 100, 10, epochs)
    finally:
        logger.removeHandler(caplog.handler)
    (warned,) = (one for one in caplog.records if one.levelname == 'WARNING')
    assert 'takes 6 kB: 100 bytes for each' in warned.message
    assert 'which is much of the 10 kB' in warned.message


def disk(monkeypatch: pytest.MonkeyPatch, free: int) -> None:
    usage = room.shutil.disk_usage('/')._replace(free=free)
    monkeypatch.setattr(room.shutil, 'disk_usage', lambda _: usage)
