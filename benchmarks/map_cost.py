"""What does each loss add to a training step: memory and launches.

    python benchmarks/map_cost.py --out benchmarks/results/map_cost.md && make results
    python benchmarks/map_cost.py --losses FDLoss GramLoss   # the rows of these alone
    python benchmarks/map_cost.py --device cuda              # real figures

Forward and backward of every registered loss, on maps of a neck or rows of a detector
at COCO's size, or on maps of a classifier at ImageNet's. In float32, and under AMP,
where the models give half precision. On the default device `fake` nothing is computed:
fake tensors have sizes and no numbers, which takes minutes for all of them.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch
from cost_inputs import CASES, READ_INDICES, Case, arguments, build, cases_of
from environment import describe
from live_memory import Cost, LiveMemory
from torch._subclasses.fake_tensor import FakeTensorMode

from ckd_mm.registry import LOSSES

__all__: list[str] = []

HEAD = [
    '| loss | of | float32, MiB | AMP, MiB | float32, launches | AMP, launches |',
    '|---|---|---|---|---|---|',
]


def main() -> None:
    args = _parse_args()
    rows = list(_rows(args.device, args.losses))
    if args.out:
        args.out.write_text('\n'.join([*_intro(args.device), *HEAD, *rows]) + '\n')


def _rows(device: str, losses: Sequence[str]) -> Iterator[str]:
    for name in losses or _all_losses():
        for of in cases_of(name):
            float32, amp = (
                _measure(name, CASES[of], half, device) for half in (False, True)
            )
            row = (
                f'| {name} | {of} | {_mebibytes(float32)} | {_mebibytes(amp)} '
                f'| {float32.launches} | {amp.launches} |'
            )
            print(row, flush=True)
            yield row


def _all_losses() -> list[str]:
    ours = (
        name
        for name, cls in LOSSES.module_dict.items()
        if cls.__module__.startswith('ckd_mm.')
    )
    return sorted(ours, key=str.lower)


def _measure(name: str, case: Case, half: bool, device: str) -> Cost:
    real = 'cpu' if device == 'fake' else device
    narrow = torch.float16 if real == 'cuda' else torch.bfloat16
    fake = device == 'fake' and name not in READ_INDICES
    with FakeTensorMode() if fake else nullcontext():
        with torch.device(real):
            loss = build(name, case)
        inputs = arguments(loss, case, narrow if half else torch.float32, real)

        def step() -> None:
            with torch.autocast(real, dtype=narrow, enabled=half):
                value = loss(**inputs)
            value.backward()

        return _cost(step, [inputs, [*loss.parameters()], [*loss.buffers()]], real)


def _cost(step: Any, known: Any, device: str) -> Cost:
    with _cuda_peak(device) as peak, LiveMemory(known) as live:
        step()
    return Cost(peak() if device == 'cuda' else live.peak, live.launches)


@contextmanager
def _cuda_peak(device: str) -> Iterator[Any]:
    if device != 'cuda':
        yield None
        return
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    yield lambda: torch.cuda.max_memory_allocated() - before


def _mebibytes(cost: Cost) -> str:
    found = cost.peak / 2**20
    return f'{found:,.0f}' if found >= 9.95 else f'{found:.1f}'


def _intro(device: str) -> Iterator[str]:
    yield '# Memory and launches that each loss adds to a step'
    yield ''
    yield describe(
        f'python benchmarks/map_cost.py --device {device} '
        '--out benchmarks/results/map_cost.md'
    )
    yield (
        f'- Device: {device}. Forward and backward of the loss alone. MiB at the peak, '
        'beyond the inputs, the parameters and what the loss keeps; the gradients of '
        'inputs and parameters count. Launches: operators that compute something, '
        'views left out. AMP: bfloat16 on a CPU, float16 on a GPU.'
    )
    if device == 'fake':
        yield f'- On a CPU: {", ".join(READ_INDICES)}. CRDLoss keeps 50,000 images.'
    for of, case in CASES.items():
        yield f'- {of[0].upper()}{of[1:]}: {case.says}.'
    yield ''


def _parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or '').splitlines()[0])
    parser.add_argument('--device', default='fake', choices=('fake', 'cpu', 'cuda'))
    parser.add_argument(
        '--losses',
        nargs='+',
        default=(),
        choices=_all_losses(),
        metavar='LOSS',
        help='rows of these alone, such as CWDLoss',
    )
    parser.add_argument('--out', type=Path, help='where the report is written')
    args = parser.parse_args()
    if args.device == 'cuda' and not torch.cuda.is_available():
        parser.error('torch sees no GPU here; leave --device out, which needs none')
    if args.losses and args.out:
        parser.error('--out is for all losses; leave --losses out')
    return args


if __name__ == '__main__':
    main()
