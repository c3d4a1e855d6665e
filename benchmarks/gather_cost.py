"""What does `gather_distributed` send, and how long does it take?

    python benchmarks/gather_cost.py [--rounds 10]

Gathers the rows of 2 and of 4 gloo processes over the loopback interface and sends the
gradient of all back, without the loss between. The bytes are those that the interface
counted, beside the formula in docs/scale.md.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from environment import ROOT, describe

from ckd_mm.distributed import gather_rows

__all__: list[str] = []

RANKS = (2, 4)
ROWS = (256, 1024, 4096, 16384)
CLASSES = 81
SENT = Path('/sys/class/net/lo/statistics/tx_bytes')


@dataclass(frozen=True)
class Round:
    """What all ranks together sent, and the seconds of rank 0."""

    forward_bytes: int
    backward_bytes: int
    forward_seconds: float
    backward_seconds: float


def main() -> None:
    args = _parse_args()
    torch.set_num_threads(1)
    os.environ['GLOO_SOCKET_IFNAME'] = 'lo'
    lines = []
    for num_ranks in RANKS:
        with tempfile.TemporaryDirectory() as folder:
            mp.spawn(_rank, (num_ranks, args.rounds, folder), num_ranks)
            cases = torch.load(Path(folder) / 'rounds.pt', weights_only=False)
        lines += [_row(num_ranks, rows, rounds) for rows, rounds in cases.items()]
        print(*lines[-len(cases) :], sep='\n', flush=True)
    command = f'python benchmarks/gather_cost.py --rounds {args.rounds}'
    text = _report(lines, describe(command))
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(text)
    print(f'\n{text}\nwritten to {args.out}')


def _rank(rank: int, num_ranks: int, rounds: int, folder: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group(
        'gloo', init_method=f'file://{folder}/start', rank=rank, world_size=num_ranks
    )
    cases = {rows: [measure(rows) for _ in range(rounds + 2)][2:] for rows in ROWS}
    if rank == 0:
        torch.save(cases, Path(folder) / 'rounds.pt')
    dist.destroy_process_group()


def measure(rows: int) -> Round:
    """Every rank gathers the rows of all, then sends a gradient back to all."""
    logits_BC = torch.randn(rows, CLASSES, requires_grad=True)
    start, sent = _now()
    gathered, _ = gather_rows(logits_BC)
    middle, sent_forward = _now()
    gathered.backward(torch.ones_like(gathered))
    end, sent_backward = _now()
    return Round(
        sent_forward - sent, sent_backward - sent_forward, middle - start, end - middle
    )


def _now() -> tuple[float, int]:
    """Once all ranks are here: the time, and what the interface has sent."""
    dist.barrier()
    return time.perf_counter(), int(SENT.read_text())


def _report(lines: list[str], environment: str) -> str:
    head = [
        '# Bytes and time of gathering the negatives of all ranks',
        '',
        environment,
        '- gloo over the loopback interface, one thread a rank, 4 ranks on 2 cores; '
        f'{CLASSES} classes, float32.',
        '- Sent: by all ranks together, counted by the interface, so with the headers '
        'of TCP and a barrier. Formula: W (W - 1) B C x 4 bytes for the rows and twice '
        'that for the gradient.',
        '- Median of the rounds (lower to upper quartile). The times are those of '
        'copies within one busy machine and say nothing of a network.',
        '',
        '| ranks W | rows per rank B | rows: sent, MiB | formula | gradient: sent, MiB '
        '| formula | rows: ms | gradient: ms | rounds |',
        '|---|---|---|---|---|---|---|---|---|',
    ]
    return '\n'.join([*head, *lines]) + '\n'


def _row(num_ranks: int, rows: int, rounds: Sequence[Round]) -> str:
    formula = num_ranks * (num_ranks - 1) * rows * CLASSES * 4 / 2**20
    cells = [
        str(num_ranks),
        f'{rows:,}',
        _spread([each.forward_bytes / 2**20 for each in rounds]),
        f'{formula:.2f}',
        _spread([each.backward_bytes / 2**20 for each in rounds]),
        f'{2 * formula:.2f}',
        _spread([each.forward_seconds * 1e3 for each in rounds], 1),
        _spread([each.backward_seconds * 1e3 for each in rounds], 1),
        str(len(rounds)),
    ]
    return '| ' + ' | '.join(cells) + ' |'


def _spread(values: list[float], digits: int = 2) -> str:
    low, middle, high = (
        f'{value:.{digits}f}' for value in statistics.quantiles(values, n=4)
    )
    return f'{middle} ({low} to {high})'


def _parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Bytes and time of gathering rows.')
    parser.add_argument('--rounds', type=int, default=10)
    parser.add_argument(
        '--out', type=Path, default=ROOT / 'benchmarks/results/gather_cost.md'
    )
    return parser.parse_args()


if __name__ == '__main__':
    main()
