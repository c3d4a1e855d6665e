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
import os
import statistics
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from environment import ROOT, describe
from mmengine.config import Config

from ckd_mm.compare import (
    ALONE,
    Comparison,
    Run,
    difference,
    digest,
    plan,
    spread,
    train_anew,
    values_by_seed,
)
from ckd_mm.datasets.digits import write_digit_scenes

__all__: list[str] = []

CONFIGS = ROOT / 'configs/mmdet/digits'
TRAIN = ROOT / 'tools/train.py'
TEACHER = 'faster-rcnn_r18-w32_digits'


@dataclass(frozen=True)
class Student:
    """How a student is trained.

    Args:
        config: The name of its config.
        options: Changes to it, as `--cfg-options` makes them.
    """

    config: str
    options: dict[str, Any] = field(default_factory=dict)

    def read(self, teacher: Path) -> Config:
        """Its whole config, with the teacher's weights if it is distilled."""
        cfg = Config.fromfile(CONFIGS / f'{self.config}.py')
        cfg.merge_from_dict(self.options)
        if cfg.get('custom_hooks'):
            cfg.custom_hooks[0].teacher.checkpoint = str(teacher)
        return cfg


def _ckd(**options: Any) -> Student:
    """CKD of weight 1 and T 0.1 with options of its loss."""
    path = 'custom_hooks.0.distill.ckd.loss'
    named = {f'{path}.{name}': value for name, value in options.items()}
    return Student('ckd_r18-w32-r18-w8_6e_digits', named)


def _ckd_on(**options: Any) -> Student:
    """The same on other RoIs: options of `roi_logits`."""
    path = 'custom_hooks.0.distill.ckd.on'
    named = {'_delete_': True, 'part': 'roi_logits', **options}
    return Student(
        'ckd_r18-w32-r18-w8_6e_digits',
        {f'{path}.{name}': value for name, value in named.items()},
    )


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
    'RoIs of objects alone': _ckd_on(background_ratio=0),
    'one of background for each of an object': _ckd_on(background_ratio=1),
    'no negatives of the same class': _ckd(same_class_negatives=False),
    'negatives of the same image': _ckd(per_image=True),
    "the student's 64 best proposals": _ckd_on(rois='proposals', num_rois=64),
    "the teacher's 64 best proposals": _ckd_on(rois='teacher', num_rois=64),
    'all sampled RoIs, + BoxRegressionLoss': Student(
        'ckd-boxregression_r18-w32-r18-w8_6e_digits'
    ),
}
SETS = {'logits': LOGITS, 'reviewkd': REVIEWKD, 'rows': ROWS}
STUDENT = Student('faster-rcnn_r18-w8_digits')
METRICS = {
    'mAP': 'coco/bbox_mAP',
    'AP50': 'coco/bbox_mAP_50',
    'AP75': 'coco/bbox_mAP_75',
}


def main() -> None:
    args = _parse_args()
    write_digit_scenes(ROOT / 'data/digits/detection')
    work_dir = args.work_dir.resolve()
    cfg = Config.fromfile(CONFIGS / f'{TEACHER}.py')
    teacher = Run('teacher', None, cfg, work_dir / TEACHER, digest(cfg))
    _finish([teacher], [{}])
    students = {
        name: student.read(teacher.checkpoint)
        for name, student in ({ALONE: STUDENT} | SETS[args.set]).items()
    }
    seeds = list(range(args.seeds))
    comparison = Comparison(Path(__file__), METRICS['mAP'], seeds, students)
    runs = plan(comparison, work_dir)
    threads = max(1, (os.cpu_count() or 1) // args.jobs)
    _finish(runs, [{'OMP_NUM_THREADS': str(threads)}] * args.jobs)
    command = (
        f'python benchmarks/digit_scenes.py --set {args.set} --seeds {args.seeds} '
        f'--jobs {args.jobs}'
    )
    text = _report(teacher, comparison, runs, describe(command))
    out = args.out or ROOT / f'benchmarks/results/digit_scenes_{args.set}.md'
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text)
    print(f'\n{text}\nwritten to {out}')


def _finish(runs: list[Run], slots: list[dict[str, str]]) -> None:
    """Train those that were not before, from their start."""
    todo = [run for run in runs if run.result is None]
    train_anew(todo, METRICS['mAP'], slots, TRAIN, cwd=ROOT)


def _report(
    teacher: Run, comparison: Comparison, runs: list[Run], environment: str
) -> str:
    assert teacher.result is not None
    lines = [
        '# Methods on the digit scenes',
        '',
        environment,
        '- Faster R-CNN, ResNet-18 of width 8 from one of width 32 '
        f'({teacher.result["metrics"][METRICS["mAP"]]:.3f} mAP); 600 iterations of 8 '
        'images; all sampled RoIs, unless a run says otherwise.',
        f'- {len(comparison.seeds)} seeds; last checkpoint, nothing chosen by '
        'validation results.',
        '- Spread: standard deviation over the seeds. Difference: mean over the seeds '
        'of the difference to the student alone with the same seed, with its 95% '
        "confidence interval (Student's t).",
        '',
        '| run | mAP by seed | '
        + ' | '.join(f'{name} (spread)' for name in METRICS)
        + ' | difference in mAP |',
        '|---' * (3 + len(METRICS)) + '|',
    ]
    columns = [
        values_by_seed(replace(comparison, metric=key), runs)
        for key in METRICS.values()
    ]
    for title, by_seed in columns[0].items():
        cells = [' / '.join(f'{value:.3f}' for value in by_seed.values())]
        cells += [_mean(list(column[title].values())) for column in columns]
        found = difference(by_seed, columns[0][ALONE])
        cells.append('' if title == ALONE or found is None else found.text(3))
        lines.append(f'| {title} | ' + ' | '.join(cells) + ' |')
    return '\n'.join(lines) + '\n'


def _mean(values: list[float]) -> str:
    """With its spread, of which one seed has none."""
    deviation = spread(values)
    shown = 'one seed' if deviation is None else f'{deviation:.3f}'
    return f'{statistics.mean(values):.3f} ({shown})'


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
