"""What does the hook cost? A step with it against the student's step plus the teacher.

    python benchmarks/step_time.py [--rounds 40]

In every round one after the other, on the same batch of real data:

(a) the student's training step: preprocessing, forward, losses, backward, optimiser;
(b) the part of the teacher's forward that the term needs, on the student's RoIs;
(c) the student's training step with the hook's distiller attached.

Reported is the ratio (c) / ((a) + (b)) over the rounds. The models are those of the
digit scenes, `configs/mmdet/digits`.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from copy import deepcopy
from itertools import cycle
from pathlib import Path
from typing import Any

import torch
from environment import ROOT, describe
from mmengine.config import Config
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import Tensor

from ckd_mm.distiller import Distiller
from ckd_mm.recorders import Recorder, Tap
from ckd_mm.teachers import Teacher
from ckd_mm.terms import build_terms

__all__: list[str] = []

TEACHER = ROOT / 'configs/mmdet/digits/faster-rcnn_r18-w32_digits.py'
STUDENT = ROOT / 'configs/mmdet/digits/faster-rcnn_r18-w8_digits.py'
LOSSES = ('CKDLoss', 'KDLoss', 'DKDLoss', 'DISTLoss')
ROIS = Tap('roi_head.bbox_roi_extractor', 'input')


def main() -> None:
    args = _parse_args()
    runner = _student_runner(args.work_dir)
    teacher = Runner.from_cfg(_config(TEACHER, args.work_dir)).model
    teacher.eval().requires_grad_(False)
    blocks = []
    for loss in LOSSES:
        rounds = measure(runner, teacher, loss, args.rounds)
        blocks.append((loss, rounds))
        print(f'{loss}: {_spread(_ratios(rounds))}', flush=True)
    command = f'python benchmarks/step_time.py --rounds {args.rounds}'
    text = _report(blocks, describe(command))
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(text)
    print(f'\n{text}\nwritten to {args.out}')


def measure(
    runner: Runner, teacher: BaseModel, loss: str, rounds: int
) -> list[tuple[float, float, float]]:
    """Seconds of (a), (b) and (c) in each round, after three rounds of warming up."""
    student, optimizer = runner.model.train(), runner.optim_wrapper
    terms = build_terms({'term': dict(on='roi_logits', loss=dict(type=loss))})
    distiller = Distiller(student, [Teacher(teacher)], terms)
    recorder = Recorder(student, [ROIS])
    batches = cycle(runner.train_dataloader)
    seconds = []
    for _ in range(rounds + 3):
        batch = next(batches)
        inputs = student.data_preprocessor(deepcopy(batch), True)['inputs']
        alone = _timed(student.train_step, deepcopy(batch), optimizer)
        distiller.attach()
        recorder.attach()
        recorder.open()
        distilled = _timed(student.train_step, deepcopy(batch), optimizer)
        _, rois = recorder.calls(ROIS)[0]
        recorder.detach()
        distiller.detach()
        needed = _timed(_teacher, teacher, inputs, rois)
        seconds.append((alone, needed, distilled))
    return seconds[3:]


@torch.no_grad()
def _teacher(teacher: BaseModel, inputs: Tensor, rois: Tensor) -> None:
    teacher.roi_head._bbox_forward(teacher.extract_feat(inputs), rois)


def _timed(work: Callable[..., Any], *arguments: Any) -> float:
    start = time.perf_counter()
    work(*arguments)
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - start


def _student_runner(work_dir: Path) -> Runner:
    """A runner that has built its model, data and optimiser, but does not train."""
    runner = Runner.from_cfg(_config(STUDENT, work_dir))
    runner._train_loop = runner.build_train_loop(runner._train_loop)
    runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    return runner


def _config(path: Path, work_dir: Path) -> Config:
    cfg = Config.fromfile(path)
    cfg.work_dir = str(work_dir)
    cfg.log_level = 'WARNING'
    return cfg


def _ratios(rounds: list[tuple[float, float, float]]) -> list[float]:
    return [c / (a + b) for a, b, c in rounds]


def _spread(values: list[float]) -> str:
    low, middle, high = statistics.quantiles(values, n=4)
    return f'{middle:.3f} ({low:.3f} to {high:.3f})'


def _report(blocks: list[tuple[str, Any]], environment: str) -> str:
    lines = [
        '# Time of a step with the hook',
        '',
        environment,
        '- Student: Faster R-CNN, ResNet-18, width 8; teacher: width 32; 8 images of '
        '160x160 and 512 RoIs per step, float32.',
        '- (a) student step, (b) needed part of the teacher, (c) step with the hook; '
        'measured one after the other in each round.',
        '- Each cell: median over the rounds (lower to upper quartile); seconds.',
        '',
        '| loss | (a) | (b) | (c) | (c) / ((a) + (b)) | rounds |',
        '|---|---|---|---|---|---|',
    ]
    for loss, rounds in blocks:
        cells = [_spread(list(column)) for column in zip(*rounds, strict=True)]
        cells += [_spread(_ratios(rounds)), str(len(rounds))]
        lines.append(f'| {loss} | ' + ' | '.join(cells) + ' |')
    return '\n'.join(lines) + '\n'


def _parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Time a step with and without the hook.'
    )
    parser.add_argument('--rounds', type=int, default=40)
    parser.add_argument(
        '--out', type=Path, default=ROOT / 'benchmarks/results/step_time.md'
    )
    parser.add_argument('--work-dir', type=Path, default=ROOT / 'work_dirs/step_time')
    return parser.parse_args()


if __name__ == '__main__':
    main()
