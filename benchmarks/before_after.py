"""Time the step with the hook in two checkouts, one step here and one there.

    git worktree add /tmp/before COMMIT
    python benchmarks/before_after.py /tmp/before . [--rounds 40] [--size digits]

Each checkout has a separate process, which waits while the other one computes. The same
batch goes through both, with the same random weights. The order changes from round to
round. The CPU time of a step is compared, as other work on the machine does not count
there.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

__all__ = ['Worker', 'ratios']

WORKER = """
import json, sys, time
import torch
torch.manual_seed(0)
from benchmarks.steps import setting as sizes
try:
    from benchmarks.steps.cases import cases_of
except ImportError:  # a checkout from before it was renamed
    from benchmarks.steps.parts import parts_of as cases_of
setting = getattr(sizes, sys.argv[1])()
cases = {title: cases_of(setting, title) for title in sys.argv[2:]}
print('ready', flush=True)
for line in sys.stdin:
    title, case, number = json.loads(line)
    step = cases[title][case]
    sample = setting.samples[number % len(setting.samples)]
    torch.manual_seed(number)
    start = time.process_time()
    step(sample)
    print(json.dumps(time.process_time() - start), flush=True)
"""


class Worker:
    """A process that runs steps with the package of a checkout.

    Args:
        root: The checkout.
        size: The size of models and images, see `step_time.py`.
        terms: The losses.
    """

    def __init__(self, root: Path, size: str, terms: list[str]) -> None:
        environment = {**os.environ, 'PYTHONPATH': str(root.resolve())}
        self._process = subprocess.Popen(
            [sys.executable, '-W', 'ignore', '-c', WORKER, size, *terms],
            cwd=root,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        while self._answer() != 'ready':
            pass

    def seconds(self, term: str, case: str, number: int) -> float:
        """The CPU time of one step.

        Args:
            term: The loss.
            case: `a` is the student alone, `c` the step with the hook.
            number: The number of the batch.
        """
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([term, case, number]) + '\n')
        self._process.stdin.flush()
        while True:
            try:
                return float(self._answer())
            except ValueError:  # what a library prints
                continue

    def close(self) -> None:
        """End the process."""
        self._process.kill()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError('the process of a checkout has ended')
        return line.strip()


def ratios(
    before: Worker, after: Worker, term: str, case: str, rounds: int, warmup: int
) -> list[float]:
    """By round, the time of the step after, divided by that before."""
    found = []
    for number in range(warmup + rounds):
        seconds: dict[str, float] = {}
        pairs: list[tuple[str, Worker]] = [('before', before), ('after', after)]
        for name, worker in pairs[:: 1 if number % 2 else -1]:
            seconds[name] = worker.seconds(term, case, number)
        found.append(seconds['after'] / seconds['before'])
    return found[warmup:]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or '').splitlines()[0])
    parser.add_argument('before', type=Path)
    parser.add_argument('after', type=Path)
    parser.add_argument('--size', choices=('digits', 'coco'), default='digits')
    parser.add_argument('--rounds', type=int, default=40)
    parser.add_argument('--warmup', type=int, default=3)
    parser.add_argument('--terms', nargs='+', default=['CKD', 'DKD', 'ReviewKD'])
    args = parser.parse_args()
    workers = [
        Worker(root, args.size, args.terms) for root in (args.before, args.after)
    ]
    print('| term | step | after / before, median | quartiles |\n|---|---|---|---|')
    try:
        for term in args.terms:
            for case, title in (('a', 'student alone'), ('c', 'with the hook')):
                before, after = workers
                found = ratios(before, after, term, case, args.rounds, args.warmup)
                low, middle, high = statistics.quantiles(found, n=4)
                print(f'| {term} | {title} | {middle:.3f} | {low:.3f} to {high:.3f} |')
    finally:
        for worker in workers:
            worker.close()


if __name__ == '__main__':
    main()
