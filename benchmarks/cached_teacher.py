"""What does a cached teacher save? A step from the cache, with the teacher, and alone.

    python benchmarks/cached_teacher.py [--rounds 100]

In every round one after the other, on the same batch of augmented digit images, in an
order that turns from round to round:

(a) the student's training step alone;
(b) the step with the teacher;
(c) the step with its cache, in float16.

Reported are the ratios (c) / (b) and (c) / (a) over the rounds, and the bytes that the
cache has for an image. Loading the images is left out, as it is the same in all three;
what replaying adds to it is timed by itself. The student is that of
`configs/mmpretrain/digits`. Teachers have random weights, which neither the time nor
the size depends on.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from copy import deepcopy
from itertools import cycle
from pathlib import Path
from typing import Any

import torch
from environment import ROOT, describe
from mmengine.config import Config
from mmengine.runner import Runner

from ckd_mm.cache.replay import Replay
from ckd_mm.commands.fill_cache import cache_teacher
from ckd_mm.datasets.digits import write_digit_images
from ckd_mm.engine.distiller import Distiller
from ckd_mm.engine.terms import build_terms
from ckd_mm.teachers import ModelTeacher, StoredTeacher, build_teacher

__all__: list[str] = []

CONFIGS = ROOT / 'configs/mmpretrain/digits'
DATA = ROOT / 'data/digits/classification'
CASES = [
    (16, 'logits', 'KDLoss'),
    (64, 'logits', 'KDLoss'),
    (64, 'embedding', 'SPLoss'),
    (64, 'backbone', 'ATLoss'),
]
"""Width of the teacher, what is compared, and by which loss."""

Rounds = list[tuple[float, float, float]]


def main() -> None:
    args = _parse_args()
    write_digit_images(DATA)
    rows = []
    for width, on, loss in CASES:
        with tempfile.TemporaryDirectory() as folder:
            num_bytes, rounds = measure(Path(folder), width, on, loss, args.rounds)
        against_teacher = _spread([c / b for _, b, c in rounds])
        rows.append((f'{width}', f'`{on}`', f'{num_bytes:.0f}', rounds))
        print(f'width {width}, {on}: (c) / (b) {against_teacher}', flush=True)
    command = f'python benchmarks/cached_teacher.py --rounds {args.rounds}'
    text = _report(rows, loading(args.rounds), describe(command))
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(text)
    print(f'\n{text}\nwritten to {args.out}')


def measure(
    folder: Path, width: int, on: str, loss: str, rounds: int
) -> tuple[float, Rounds]:
    """Bytes per image; seconds of (a), (b) and (c), after three rounds to warm up."""
    distill = dict(term=dict(on=on, loss=dict(type=loss)))
    teacher = _teacher(folder, width)
    hook = dict(type='DistillationHook', teacher=teacher, distill=distill)
    cache = cache_teacher(_config(folder, custom_hooks=[hook]), folder / 'cache')
    runner = _student_runner(folder)
    Replay.attach(runner, cache.epochs, cache.seed)
    device = next(runner.model.parameters()).device
    model = build_teacher(**teacher).to(device)
    terms = build_terms(distill)
    beside, cached = (
        Distiller(runner.model, [one], terms)
        for one in (ModelTeacher(model), StoredTeacher(cache))
    )
    batches = cycle(runner.train_dataloader)
    seconds: Rounds = []
    for turn in range(rounds + 3):
        batch = next(batches)
        ways = [(0, None), (1, beside), (2, cached)]
        found = {}
        for way, distiller in ways[turn % 3 :] + ways[: turn % 3]:
            found[way] = _step(runner, batch, distiller)
        seconds.append((found[0], found[1], found[2]))
    return cache.num_bytes / len(runner.train_dataloader.dataset), seconds[3:]


def loading(rounds: int) -> tuple[float, float]:
    """Milliseconds to prepare an image, stock and replayed; medians over the rounds."""
    with tempfile.TemporaryDirectory() as folder:
        runner = _student_runner(Path(folder))
        stock = runner.train_dataloader.dataset
        replay = Replay.attach(runner, epochs=1)
        times = [
            (_timed(stock.__getitem__, index), _timed(replay.__getitem__, index))
            for index in range(10 * rounds)
        ]
    first, second = (
        1e3 * statistics.median(column) for column in zip(*times, strict=True)
    )
    return first, second


def _step(runner: Runner, batch: Any, distiller: Distiller | None) -> float:
    batch = deepcopy(batch)
    if distiller is not None:
        distiller.attach()
    seconds = _timed(runner.model.train_step, batch, runner.optim_wrapper)
    if distiller is not None:
        distiller.detach()
    return seconds


def _timed(work: Callable[..., Any], *arguments: Any) -> float:
    start = time.perf_counter()
    work(*arguments)
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - start


def _student_runner(folder: Path) -> Runner:
    """A runner that has built its model, data and optimiser, but does not train."""
    runner = Runner.from_cfg(_config(folder))
    runner._train_loop = runner.build_train_loop(runner._train_loop)
    runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    runner.model.train()
    return runner


def _teacher(folder: Path, width: int) -> dict[str, str]:
    """A config and weights of a ResNet-18 of this width."""
    cfg = Config.fromfile(CONFIGS / 'resnet18-w16_digits.py')
    cfg.model.backbone.update(base_channels=width, stem_channels=width)
    cfg.model.head.in_channels = 8 * width
    cfg.work_dir = str(folder / 'work')
    cfg.log_level = 'WARNING'
    cfg.dump(folder / 'teacher.py')
    model = Runner.from_cfg(cfg).model
    torch.save(model.state_dict(), folder / 'teacher.pth')
    return dict(
        config=str(folder / 'teacher.py'), checkpoint=str(folder / 'teacher.pth')
    )


def _config(folder: Path, **changes: Any) -> Config:
    cfg = Config.fromfile(CONFIGS / 'resnet18-w2_digits.py')
    cfg.work_dir = str(folder / 'work')
    cfg.log_level = 'WARNING'
    cfg.train_dataloader.dataset.data_root = str(DATA / 'train')
    cfg.merge_from_dict(changes)
    return cfg


def _spread(values: list[float]) -> str:
    low, middle, high = statistics.quantiles(values, n=4)
    return f'{middle:.3f} ({low:.3f} to {high:.3f})'


def _report(
    rows: list[tuple[str, str, str, Rounds]],
    times: tuple[float, float],
    environment: str,
) -> str:
    lines = [
        '# A step with a cached teacher',
        '',
        environment,
        '- Student: ResNet-18 of width 2, 64 images of 16x16 pixels per step, float32; '
        'teacher: ResNet-18 of another width; cache in float16.',
        '- (a) student alone, (b) with the teacher, (c) with its cache; measured one '
        'after the other in each round, in turning order, without loading images.',
        '- Each cell: median over the rounds (lower to upper quartile); seconds.',
        f'- Loading an image: {times[0]:.2f} ms stock, {times[1]:.2f} ms replayed, '
        'checksum included (medians).',
        '',
        '| width of the teacher | on | bytes per image and epoch | (a) | (b) | (c) '
        '| (c) / (b) | (c) / (a) | rounds |',
        '|---|---|---|---|---|---|---|---|---|',
    ]
    for width, on, size, rounds in rows:
        cells = [_spread(list(column)) for column in zip(*rounds, strict=True)]
        cells += [_spread([c / b for _, b, c in rounds])]
        cells += [_spread([c / a for a, _, c in rounds]), str(len(rounds))]
        lines.append(f'| {width} | {on} | {size} | ' + ' | '.join(cells) + ' |')
    return '\n'.join(lines) + '\n'


def _parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Time a step from a cache against one with the teacher.'
    )
    parser.add_argument('--rounds', type=int, default=100)
    parser.add_argument(
        '--out', type=Path, default=ROOT / 'benchmarks/results/cached_teacher.md'
    )
    return parser.parse_args()


if __name__ == '__main__':
    main()
