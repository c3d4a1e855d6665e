"""Train a teacher, a student, and the same student with CKD, and compare the students.

    python tools/demo.py                        # detection, 12 minutes on 2 cores
    python tools/demo.py --task classification  # 4 minutes

These are upper limits. All runs go through tools/train.py with the config files that
`TASKS` names, with one thread each. A teacher that was trained before is used again;
the two students are trained at the same time. The table, the picture and a page with
everything, which works offline, are written to the work dir.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import demo_examples
import demo_report
from mmengine.config import Config

from ckd_mm.compare import Run, RunFailed, digest, train_anew
from ckd_mm.datasets.digits import write_digit_images, write_digit_scenes
from ckd_mm.report import check_out, read_history, report_runs

__all__: list[str] = []

ROOT = Path(__file__).resolve().parents[1]
TRAIN = ROOT / 'tools/train.py'
# Data and runs lie in the checkout; those of an installed wheel in the current folder.
HOME = Path.cwd() if ROOT.name == '.mim' else ROOT


@dataclass(frozen=True)
class Task:
    """What the demo runs for one task.

    Attributes:
        data: Folder of the data set.
        write: Writes it.
        configs: Config files of teacher, student and distilled student.
        columns: Heading of a column of the table -> key of the metric in the log. The
            first is the one that the curves show.
        note: What a reader of the table should know about the distillation's settings.
    """

    data: Path
    write: Callable[[Path], bool]
    configs: tuple[str, str, str]
    columns: dict[str, str]
    note: str


TITLES = ('teacher', 'student', 'student with CKD')
TASKS = {
    'detection': Task(
        data=HOME / 'data/digits/detection',
        write=write_digit_scenes,
        configs=(
            'configs/mmdet/digits/faster-rcnn_r18-w32_digits.py',
            'configs/mmdet/digits/faster-rcnn_r18-w8_digits.py',
            'configs/mmdet/digits/ckd_r18-w32-r18-w8_6e_digits.py',
        ),
        columns={
            'mAP': 'coco/bbox_mAP',
            'AP50': 'coco/bbox_mAP_50',
            'AP75': 'coco/bbox_mAP_75',
        },
        note="CKD on RoI logits, weight 1 and temperature 0.1. The authors' setting is "
        'weight 0.1 and temperature 1 (ckd-authors_r18-w32-r18-w8_6e_digits.py).',
    ),
    'classification': Task(
        data=HOME / 'data/digits/classification',
        write=write_digit_images,
        configs=(
            'configs/mmpretrain/digits/resnet18-w16_digits.py',
            'configs/mmpretrain/digits/resnet18-w2_digits.py',
            'configs/mmpretrain/digits/ckd_r18-w16-r18-w2_20e_digits.py',
        ),
        columns={'top-1 accuracy (%)': 'accuracy/top1'},
        note="CKD on the image's logits with the authors' weight 10 and temperature 1.",
    ),
}


def main() -> None:
    args = _parse_args()
    # `timeout` and CI end a program like this; as Ctrl-C it ends the training as well
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    task = TASKS[args.task]
    work_dir = args.work_dir.resolve()
    report = work_dir / f'digits_{args.task}{_suffix(args.seed)}.md'
    page = report.with_suffix('.html')
    try:
        check_out(page)
        task.write(task.data)
        runs = _plan(task, work_dir, args.seed)
        _train(runs, args.retrain, task)
    except (FileExistsError, ModuleNotFoundError, RunFailed, ValueError) as error:
        sys.exit(f'\nerror: {error}')
    except KeyboardInterrupt:
        sys.exit('\nstopped; run it again to start anew, with the teacher if finished')
    logs = {run.method: demo_report.read_log(run.folder) for run in runs}
    table = demo_report.table(logs, task.columns)
    verdict = demo_report.verdict(logs, task.columns)
    report.write_text(f'{table}\n\n{verdict}\n\n{task.note}\n')
    picture = report.with_suffix('.png')
    print(f'\n{table}\n\n{verdict}\n{task.note}\n\ndrawing the pictures', flush=True)
    heading, metric = next(iter(task.columns.items()))
    curves = {title: log.curve(metric) for title, log in logs.items()}
    examples = demo_examples.EXAMPLES[args.task](runs[1], runs[2], task.data)
    demo_report.draw(picture, heading, curves, examples)
    os.chdir(HOME)  # the paths of data and teacher start there, as in the training
    report_runs(
        page,
        f'Demo: {args.task} of digits',
        {run.title: read_history(run.folder) for run in runs[1:]},
        read_history(runs[0].folder),
        table=demo_report.cells(logs, task.columns),
        notes=[verdict, task.note],
        command=shlex.join(['python', *sys.argv]),
    )
    print(f'table:   {report}\npicture: {picture}\npage:    {page}')


def _plan(task: Task, work_dir: Path, seed: int) -> list[Run]:
    """Teacher, student, distilled student; the seed is the students'."""
    data = json.loads((task.data / 'manifest.json').read_text())['sha256']
    runs: list[Run] = []
    for title, config in zip(TITLES, task.configs, strict=True):
        cfg, folder = Config.fromfile(ROOT / config), Path(config).stem
        if title != TITLES[0]:
            folder += _suffix(seed)
            cfg.randomness.seed = seed
        if title == TITLES[2]:
            cfg.custom_hooks[0].teacher.checkpoint = str(runs[0].checkpoint)
        # of the teacher alone: the students are trained anew each time
        depends_on = '' if runs else data + digest(cfg)
        runs.append(Run(title, None, cfg, work_dir / folder, depends_on))
    return runs


def _train(runs: list[Run], retrain: bool, task: Task) -> None:
    """The teacher, unless it is there, and then both students at the same time."""
    teacher, *students = runs
    metric = next(iter(task.columns.values()))
    if retrain or teacher.result is None or not teacher.checkpoint.exists():
        train_anew([teacher], metric, [{}], TRAIN, cwd=HOME)
    else:
        print(f'{teacher.title:<17}reused from {teacher.folder}; --retrain trains it')
    train_anew(students, metric, [{}, {}], TRAIN, cwd=HOME)


def _suffix(seed: int) -> str:
    return f'_seed{seed}' if seed else ''


def _parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Train a teacher, a student, and the student distilled by CKD, on '
        'handwritten digits, and compare the students.',
        epilog='A GPU is used if there is one; CUDA_VISIBLE_DEVICES= keeps to the CPU.',
    )
    parser.add_argument('--task', choices=TASKS, default='detection')
    parser.add_argument('--seed', type=int, default=0, help='of both students')
    work_dir = HOME / 'work_dirs/demo'
    parser.add_argument(
        '--work-dir', type=Path, default=work_dir, help='default: work_dirs/demo'
    )
    parser.add_argument('--retrain', action='store_true', help='the teacher as well')
    return parser.parse_args()


if __name__ == '__main__':
    main()
