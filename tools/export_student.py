"""Write the student of a run whose method gives it other modules at inference.

    python tools/export_student.py CONFIG CHECKPOINT FOLDER

Writes a config without distillation and a checkpoint into the folder, for the tools of
MMPretrain: `tools/test.py FOLDER/CONFIG FOLDER/CHECKPOINT` gives the metric of the run.
The student of SimKD has a projector and its teacher's classifier at inference. For all
other methods the checkpoint of a run is the student's already.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ckd_mm.commands.export import export_student

__all__: list[str] = []


def main() -> None:
    args = _parse_args()
    try:
        config, checkpoint = export_student(args.config, args.checkpoint, args.folder)
    except (FileExistsError, ValueError) as error:
        sys.exit(f'error: {error}')
    print(f'wrote {config} and {checkpoint}; test them with')
    print(f'    python tools/test.py {config} {checkpoint}')


def _parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Write the student of a run whose method gives it other modules at '
        'inference, such as SimKD.'
    )
    parser.add_argument('config', type=Path, help='the config of the run')
    parser.add_argument('checkpoint', type=Path, help='a checkpoint of the run')
    parser.add_argument(
        'folder', type=Path, help='where a config and a checkpoint are written'
    )
    return parser.parse_args()


if __name__ == '__main__':
    main()
