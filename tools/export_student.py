"""Write the student of a run whose method gives it other modules, or a peer of a run.

    python tools/export_student.py CONFIG CHECKPOINT FOLDER
    python tools/export_student.py CONFIG CHECKPOINT FOLDER --peer peer0

Writes a config without distillation and a checkpoint into the folder, for the tools of
MMPretrain: `tools/test.py FOLDER/CONFIG FOLDER/CHECKPOINT` gives the metric of the run.
The student of SimKD has a projector and its teacher's classifier at inference. For all
other methods the checkpoint of a run is the student's already. A peer that was trained
along stands beside the student there.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ckd_mm.commands.export import export_student
from ckd_mm.commands.export_peer import export_peer

__all__: list[str] = []


def main() -> None:
    args = _parse_args()
    try:
        config, checkpoint = _export(args)
    except (FileExistsError, ValueError) as error:
        sys.exit(f'error: {error}')
    print(f'wrote {config} and {checkpoint}; test them with')
    print(f'    python tools/test.py {config} {checkpoint}')


def _export(args: argparse.Namespace) -> tuple[Path, Path]:
    if args.peer is None:
        return export_student(args.config, args.checkpoint, args.folder)
    return export_peer(args.config, args.checkpoint, args.folder, args.peer)


def _parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Write the student of a run whose method gives it other modules at '
        'inference, such as SimKD, or a peer of a run.'
    )
    parser.add_argument('config', type=Path, help='the config of the run')
    parser.add_argument('checkpoint', type=Path, help='a checkpoint of the run')
    parser.add_argument(
        'folder', type=Path, help='where a config and a checkpoint are written'
    )
    parser.add_argument(
        '--peer', help='the name of a peer, to write that model instead'
    )
    return parser.parse_args()


if __name__ == '__main__':
    main()
