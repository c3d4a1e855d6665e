"""How much memory does a distilled step need with the usual ways to need less?

    python benchmarks/memory_options.py

CKD on RoI logits, Faster R-CNN R101 -> R18 at COCO's size, as `step_time.py --size
coco`. One step each, peak of all tensors beyond weights and batch: as it is; with half
of the images, as `accumulative_counts=2` needs; with MMEngine's activation
checkpointing of the stages of the student's backbone.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path

from environment import describe
from mmengine.runner.activation_checkpointing import turn_on_activation_checkpointing
from steps.cases import distiller_of, hooked, student_case, term_of
from steps.meters import peak
from steps.setting import SIZES, Batch, Setting
from steps.timing import Case

__all__: list[str] = []

ROOT = Path(__file__).resolve().parents[1]
COMMAND = 'python benchmarks/memory_options.py'
STAGES = [f'backbone.layer{number}' for number in (1, 2, 3, 4)]
MIB = 2**20


def main() -> None:
    args = _parse_args()
    lines = [
        '# Memory of a distilled step',
        '',
        describe(COMMAND),
        '',
        '| | student alone | with CKD |',
        '|---|---|---|',
    ]
    for title, found in _all(args.size):
        lines.append(
            f'| {title} | ' + ' | '.join(f'{one:,} MiB' for one in found) + ' |'
        )
        print(lines[-1], flush=True)
    args.out.write_text('\n'.join(lines) + '\n')


def _all(size: str) -> Iterator[tuple[str, tuple[int, int]]]:
    setting = SIZES[size]()
    (batch, *_) = (sample.batch for sample in setting.samples)
    yield f'{len(batch["inputs"])} images of a step', _peaks(setting, batch)
    yield 'half of them', _peaks(setting, _half(batch))
    turn_on_activation_checkpointing(setting.student, STAGES)
    yield "checkpointed stages of the student's backbone", _peaks(setting, batch)


def _peaks(setting: Setting, batch: Batch) -> tuple[int, int]:
    """MiB of the student's step, and of the step with the hook."""
    distiller = distiller_of(setting, term_of('CKD', setting))
    alone, with_hook = student_case(setting), hooked(setting, distiller)
    return _peak(alone, setting, batch), _peak(with_hook, setting, batch)


def _peak(case: Case, setting: Setting, batch: Batch) -> int:
    with case.prepared():
        case.run(deepcopy(batch), setting.samples[0])  # the optimizer has its state
        return peak(lambda: case.run(deepcopy(batch), setting.samples[0])) // MIB


def _half(batch: Batch) -> Batch:
    return {name: value[: len(value) // 2] for name, value in batch.items()}


def _parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Memory of a distilled step.')
    parser.add_argument('--size', choices=SIZES, default='coco')
    out = ROOT / 'benchmarks/results/memory_options.md'
    parser.add_argument('--out', type=Path, default=out)
    return parser.parse_args()


if __name__ == '__main__':
    main()
