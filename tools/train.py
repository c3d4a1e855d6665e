"""Train a student, with or without distillation.

    python tools/train.py CONFIG [--work-dir DIR] [--resume [CHECKPOINT]] [--amp] ...
    python tools/train.py STUDENT_CONFIG --teacher TEACHER [--method ckd] ...

The first form runs a config as it is. The second distils any stock config without an
edit: it adds the hook with the default terms for the two models. The config that the
run dumps into its work dir shows exactly what was added, and why. All other options are
those of MMDetection's or MMPretrain's own tools/train.py, which does the work.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from mmengine.config import Config

from ckd_mm.commands.arguments import run_tool
from ckd_mm.commands.presets import CHOICES, add_distillation
from ckd_mm.errors import one_sentence

__all__: list[str] = []


def main() -> None:
    parser = _parser()
    args, passed_on = parser.parse_known_args()
    if args.teacher is None:
        for name in ('method', 'teacher_checkpoint', 'teacher_prefix'):
            if getattr(args, name) is not None:
                option = f'--{name.replace("_", "-")}'
                parser.error(
                    f'{option} is for a teacher, which --teacher names; give both'
                )
        run_tool('train.py', args.config, [args.config, *passed_on])
        return
    with tempfile.TemporaryDirectory() as folder:
        config = _distilled(args, Path(folder))
        run_tool('train.py', config, [str(config), *passed_on])


def _distilled(args: argparse.Namespace, folder: Path) -> Path:
    """The student's config with the hook added, under the student's file name."""
    cfg = Config.fromfile(args.config)
    method = args.method or 'ckd'
    prefix = args.teacher_prefix or ''
    try:
        why = add_distillation(
            cfg, args.teacher, args.teacher_checkpoint, method, prefix
        )
    except ValueError as error:
        raise SystemExit(f'error: {error}') from error
    print(f'distillation: {why}')
    if cfg.get('work_dir') is None:
        cfg.work_dir = f'work_dirs/{method}_{Path(args.config).stem}'
    path = folder / f'{method}_{Path(args.config).name}'
    cfg.dump(path)
    return path


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description='Train a student, with or without distillation.',
        epilog='All other options go to tools/train.py of MMDetection or MMPretrain: '
        '--work-dir DIR, --resume [CHECKPOINT], --amp, --auto-scale-lr, '
        '--cfg-options KEY=VALUE ..., --launcher {none,pytorch,slurm,mpi}.',
        allow_abbrev=False,
    )
    parser.add_argument('config', help='config of the student, or of a distilled one')
    parser.add_argument('--teacher', help="the teacher's config: a path or a zoo name")
    parser.add_argument(
        '--teacher-checkpoint', help="the teacher's weights; the zoo's if left out"
    )
    parser.add_argument(
        '--teacher-prefix',
        help='take only the weights whose names begin so, such as student. in a file '
        'of SoftTeacher',
    )
    parser.add_argument(
        '--method',
        choices=CHOICES,
        help='what the hook distils with, at the defaults for the two models; features '
        'is for models of different families (default: ckd)',
    )
    return parser


if __name__ == '__main__':
    with one_sentence():
        main()
