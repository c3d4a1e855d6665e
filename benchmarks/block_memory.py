"""What does CKD take for large batches? The block form against all cosines at once.

    python benchmarks/block_memory.py [--rounds 5] [--largest-direct 16384]

Forward and backward of `ckd_loss` on logits of 81 classes, on CPU. Each measurement
runs in a separate process, which has its own peak memory. In every round both forms run
one after the other.
"""

from __future__ import annotations

import argparse
import multiprocessing
import re
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from environment import ROOT, describe

from ckd_mm.functional import ckd_loss

__all__: list[str] = []

SIZES = tuple(2**power for power in range(10, 17))
CLASSES = 81
BLOCK_SIZE = 2048  # that of the automatic choice


@dataclass(frozen=True)
class Cost:
    """Of one forward and backward pass; memory beyond the logits, at its peak."""

    seconds: float
    mebibytes: float


@dataclass(frozen=True)
class Result:
    """All rounds of one number of rows; `direct` is empty where it would not fit."""

    rows: int
    direct: Sequence[Cost]
    blocks: Sequence[Cost]

    @property
    def ratios(self) -> list[float]:
        pairs = zip(self.blocks, self.direct, strict=True) if self.direct else ()
        return [blocks.seconds / direct.seconds for blocks, direct in pairs]


def main() -> None:
    args = _parse_args()
    torch.set_num_threads(1)
    results = []
    for rows in SIZES:
        results.append(compare(rows, args.rounds, args.largest_direct))
        print(_row(results[-1]), flush=True)
    command = f'python benchmarks/block_memory.py --rounds {args.rounds}'
    text = _report(results, describe(command), args.out.with_suffix('.png').name)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(text)
    _plot(results, args.out.with_suffix('.png'))
    print(f'\n{text}\nwritten to {args.out}')


def compare(rows: int, rounds: int, largest_direct: int) -> Result:
    """Both forms in turn; beyond `largest_direct` rows the block form alone, once."""
    in_blocks = min(BLOCK_SIZE, rows // 2)
    with multiprocessing.get_context('fork').Pool(1, maxtasksperchild=1) as pool:
        if rows > largest_direct:
            return Result(rows, (), [pool.apply(measure, (rows, in_blocks))])
        pairs = [
            [pool.apply(measure, (rows, size)) for size in (rows, in_blocks)]
            for _ in range(rounds)
        ]
    direct, blocks = zip(*pairs, strict=True)
    return Result(rows, direct, blocks)


def measure(rows: int, block_size: int) -> Cost:
    _step(*_draw(64), 32)  # what the first operations of a process set up
    pair = _draw(rows)
    before, start = _memory('VmRSS'), time.perf_counter()
    _step(*pair, block_size)
    return Cost(time.perf_counter() - start, _memory('VmHWM') - before)


def _draw(rows: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    student, teacher = torch.randn(2, rows, CLASSES, generator=generator)
    return student.requires_grad_(), teacher


def _step(student: torch.Tensor, teacher: torch.Tensor, block_size: int) -> None:
    ckd_loss(student, teacher, temperature=0.1, block_size=block_size).backward()


def _memory(name: str) -> float:
    """Of this process in MiB: now (VmRSS) or at its peak (VmHWM)."""
    status = Path('/proc/self/status').read_text()
    (kibibytes,) = re.findall(rf'{name}:\s+(\d+) kB', status)
    return int(kibibytes) / 1024


def _report(results: list[Result], environment: str, image: str) -> str:
    lines = [
        '# Memory and time of CKD with and without the matrix of cosines',
        '',
        environment,
        f'- `ckd_loss`, forward and backward, {CLASSES} classes, float32, temperature '
        '0.1, one thread.',
        f'- Blocks of {BLOCK_SIZE} rows, the automatic size (half the rows where there '
        'are fewer). Automatic is: at once up to 4096 rows, blocks beyond.',
        '- Memory: the peak beyond the logits. Seconds: median of the rounds. Ratio: '
        'median (least to largest) of the rounds, in each of which both ran one after '
        'the other. Where the direct form was not run, one round.',
        '',
        '| rows | at once: MiB | in blocks: MiB | at once: s | in blocks: s | '
        'blocks / at once | rounds |',
        '|---|---|---|---|---|---|---|',
        *map(_row, results),
        '',
        f'![peak memory and time over the number of rows]({image})',
    ]
    return '\n'.join(lines) + '\n'


def _row(result: Result) -> str:
    cells = [f'{result.rows:,}']
    forms = (result.direct, result.blocks)
    cells += [f'{_peak(form):,.0f}' if form else '' for form in forms]
    cells += [f'{_time(form):.2f}' if form else '' for form in forms]
    ratios = result.ratios
    cells.append(
        f'{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})'
        if ratios
        else ''
    )
    return '| ' + ' | '.join([*cells, str(len(result.blocks))]) + ' |'


def _peak(costs: Sequence[Cost]) -> float:
    return max(cost.mebibytes for cost in costs)


def _time(costs: Sequence[Cost]) -> float:
    return statistics.median(cost.seconds for cost in costs)


def _plot(results: list[Result], path: Path) -> None:
    import matplotlib

    matplotlib.use('Agg')
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(8, 3), layout='constrained')
    titles = ('peak memory beyond the logits, MiB', 'forward and backward, s')
    for axis, title, summary in zip(axes, titles, (_peak, _time), strict=True):
        for label, form in (('at once', 'direct'), ('in blocks', 'blocks')):
            costs = {result.rows: getattr(result, form) for result in results}
            measured = {rows: summary(cost) for rows, cost in costs.items() if cost}
            axis.plot(list(measured), list(measured.values()), marker='o', label=label)
        axis.set(title=title, xlabel='rows', xscale='log', yscale='log')
        axis.set_xticks(SIZES, [f'{rows // 1024}k' for rows in SIZES], minor=False)
        axis.minorticks_off()
        axis.grid(alpha=0.3)
    axes[0].legend()
    figure.savefig(path, dpi=100)


def _parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Memory and time of CKD in blocks.')
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument(
        '--largest-direct', type=int, default=2**14, help='rows; takes 12 B^2 bytes'
    )
    parser.add_argument(
        '--out', type=Path, default=ROOT / 'benchmarks/results/block_memory.md'
    )
    return parser.parse_args()


if __name__ == '__main__':
    main()
