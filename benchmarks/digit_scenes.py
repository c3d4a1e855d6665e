"""Methods on the digit scenes: one schedule, several seeds.

    python benchmarks/digit_scenes.py [--seeds 3] [--jobs 2] [--set rows]

Trains the teacher once and every student with every seed, through tools/train.py and
the configs in configs/mmdet/digits. The set `rows` changes one thing at a time in that
of CKD: which RoIs are compared, and which of them are negatives of each other. A run
that is finished is not repeated, so the benchmark can be interrupted. With `--jobs 2`
two runs share the machine, one thread each.
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from environment import ROOT, describe

sys.path.insert(0, str(ROOT / 'tools'))
from demo_runs import Log, Run, read_log, train

from ckd_mm.datasets.digits import write_digit_scenes

__all__: list[str] = []

CONFIGS = ROOT / 'configs/mmdet/digits'
TEACHER = 'faster-rcnn_r18-w32_digits'


@dataclass(frozen=True)
class Student:
    """How a student is trained.

    Args:
        config: The name of its config.
        change: The name of what the options change, for the folder of its runs.
        options: Values for `--cfg-options`.
    """

    config: str
    change: str = ''
    options: dict[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> str:
        """The folder of its runs, without the seed."""
        return f'{self.config}_{self.change}' if self.change else self.config


def _ckd(change: str, **options: str) -> Student:
    """CKD of weight 1 and T 0.1 with options of its loss."""
    path = 'custom_hooks.0.distill.ckd.loss'
    named = {f'{path}.{name}': value for name, value in options.items()}
    return Student('ckd_r18-w32-r18-w8_6e_digits', change, named)


def _ckd_on(change: str, **options: str) -> Student:
    """The same on other RoIs: options of `roi_logits`."""
    path = 'custom_hooks.0.distill.ckd.on'
    named = {'_delete_': 'True', 'part': 'roi_logits', **options}
    return Student(
        'ckd_r18-w32-r18-w8_6e_digits',
        change,
        {f'{path}.{name}': value for name, value in named.items()},
    )


ALONE = {'student alone': Student('faster-rcnn_r18-w8_digits')}
AUTHORS = Student('ckd-authors_r18-w32-r18-w8_6e_digits')
CKD = Student('ckd_r18-w32-r18-w8_6e_digits')
LOGITS = {
    'KD, weight 1, T 1': Student('kd_r18-w32-r18-w8_6e_digits'),
    'DKD, alpha 1, beta 0.25, T 1': Student('dkd_r18-w32-r18-w8_6e_digits'),
    'DIST, beta 1, gamma 1, T 1': Student('dist_r18-w32-r18-w8_6e_digits'),
    "CKD, weight 0.1, T 1 (authors')": AUTHORS,
    'CKD, weight 1, T 0.1': CKD,
}
REVIEWKD = {
    "CKD, weight 0.1, T 1 (authors')": AUTHORS,
    'CKD, weight 1, T 0.1': CKD,
    'ReviewKD, weight 1.2': Student('reviewkd_r18-w32-r18-w8_6e_digits'),
    "CKD (authors') + ReviewKD": Student(
        'ckd-authors-reviewkd_r18-w32-r18-w8_6e_digits'
    ),
    'CKD, weight 1, T 0.1, + ReviewKD': Student(
        'ckd-reviewkd_r18-w32-r18-w8_6e_digits'
    ),
}
# 64 RoIs an image are what the sampler draws: then only their source differs.
ROWS = {
    'CKD, weight 1, T 0.1: all sampled RoIs': CKD,
    'RoIs of objects alone': _ckd_on('objects', background_ratio='0'),
    'one of background for each of an object': _ckd_on(
        'background1', background_ratio='1'
    ),
    'no negatives of the same class': _ckd(
        'other-classes', same_class_negatives='False'
    ),
    'negatives of the same image': _ckd('per-image', per_image='True'),
    "the student's 64 best proposals": _ckd_on(
        'proposals', rois='proposals', num_rois='64'
    ),
    "the teacher's 64 best proposals": _ckd_on(
        'teacher', rois='teacher', num_rois='64'
    ),
    'all sampled RoIs, + BoxRegressionLoss': Student(
        'ckd-boxregression_r18-w32-r18-w8_6e_digits'
    ),
}
SETS = {'logits': LOGITS, 'reviewkd': REVIEWKD, 'rows': ROWS}
METRICS = {
    'mAP': 'coco/bbox_mAP',
    'AP50': 'coco/bbox_mAP_50',
    'AP75': 'coco/bbox_mAP_75',
}


def main() -> None:
    args = _parse_args()
    write_digit_scenes(ROOT / 'data/digits/detection')
    teacher = Run('teacher', CONFIGS / f'{TEACHER}.py', args.work_dir / TEACHER, 'mAP')
    teacher_log = _finish(teacher)
    os.environ['OMP_NUM_THREADS'] = str(max(1, (os.cpu_count() or 1) // args.jobs))
    students = ALONE | SETS[args.set]
    logs: dict[str, list[Log]] = {title: [] for title in students}
    with ThreadPoolExecutor(args.jobs) as pool:
        # one seed of all methods after the other, so that a part is a fair part
        for title, log in pool.map(
            lambda run: (run[0], _finish(run[1])),
            [
                (title, _run(title, student, seed, teacher, args))
                for seed in range(args.seeds)
                for title, student in students.items()
            ],
        ):
            logs[title].append(log)
    command = (
        f'python benchmarks/digit_scenes.py --set {args.set} --seeds {args.seeds} '
        f'--jobs {args.jobs}'
    )
    text = _report(teacher_log, logs, describe(command))
    out = args.out or ROOT / f'benchmarks/results/digit_scenes_{args.set}.md'
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text)
    print(f'\n{text}\nwritten to {out}')


def _run(
    title: str, student: Student, seed: int, teacher: Run, args: argparse.Namespace
) -> Run:
    options = {'randomness.seed': str(seed), **student.options}
    if title != 'student alone':
        weights = str(teacher.checkpoint.resolve())
        options['custom_hooks.0.teacher.checkpoint'] = weights
    folder = args.work_dir / f'{student.folder}_seed{seed}'
    config = CONFIGS / f'{student.config}.py'
    return Run(f'{title} [{seed}]', config, folder, METRICS['mAP'], options)


def _finish(run: Run) -> Log:
    """Train, unless that was done before."""
    log_dir = run.log_dir
    if log_dir is None:
        (log_dir,) = train(run)
    return read_log(log_dir)


def _report(teacher: Log, logs: dict[str, list[Log]], environment: str) -> str:
    seeds = len(next(iter(logs.values())))
    lines = [
        '# Methods on the digit scenes',
        '',
        environment,
        '- Faster R-CNN, ResNet-18 of width 8 from one of width 32 '
        f'({_last(teacher, "mAP"):.3f} mAP); 600 iterations of 8 images; all sampled '
        'RoIs, unless a run says otherwise.',
        f'- {seeds} seeds; last checkpoint, nothing chosen by validation results.',
        '- Spread: standard deviation over the seeds. Difference: mean over the seeds '
        'of the difference to the student alone with the same seed, with its 95% '
        "confidence interval (Student's t).",
        '',
        '| run | mAP by seed | '
        + ' | '.join(f'{name} (spread)' for name in METRICS)
        + ' | difference in mAP |',
        '|---' * (3 + len(METRICS)) + '|',
    ]
    alone = [_last(log, 'mAP') for log in logs['student alone']]
    for title, group in logs.items():
        values = [_last(log, 'mAP') for log in group]
        cells = [' / '.join(f'{value:.3f}' for value in values)]
        for name in METRICS:
            column = [_last(log, name) for log in group]
            cells.append(f'{statistics.mean(column):.3f} ({_deviation(column):.3f})')
        gains = [value - base for value, base in zip(values, alone, strict=True)]
        cells.append('' if title == 'student alone' else _interval(gains))
        lines.append(f'| {title} | ' + ' | '.join(cells) + ' |')
    return '\n'.join(lines) + '\n'


def _last(log: Log, metric: str) -> float:
    return log.last[METRICS[metric]]


def _deviation(values: list[float]) -> float:
    return statistics.stdev(values) if len(values) > 1 else math.nan


def _interval(values: list[float]) -> str:
    from scipy.stats import t

    half = t.ppf(0.975, len(values) - 1) * _deviation(values) / math.sqrt(len(values))
    return f'{statistics.mean(values):+.3f} ± {half:.3f}'


def _parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Compare methods on the digit scenes.')
    parser.add_argument('--seeds', type=int, default=3)
    parser.add_argument('--jobs', type=int, default=1, help='runs at the same time')
    parser.add_argument(
        '--work-dir', type=Path, default=ROOT / 'work_dirs/digit_scenes'
    )
    parser.add_argument('--set', choices=SETS, default='logits', help='which methods')
    parser.add_argument('--out', type=Path, help='default: in benchmarks/results')
    return parser.parse_args()


if __name__ == '__main__':
    main()
