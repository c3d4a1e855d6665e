"""Run in a forked process: becomes the script that :mod:`processes` wants to run."""

from __future__ import annotations

import os
import runpy
import sys
from pathlib import Path


def become(argv: list[str], env: dict[str, str], cwd: str, out: str, err: str) -> None:
    """Take over arguments, environment, folder and output, and run the script."""
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    for path, stream in ((out, sys.stdout), (err, sys.stderr)):
        with open(path, 'w') as file:
            os.dup2(file.fileno(), stream.fileno())
    sys.argv[:] = argv
    added = filter(None, env.get('PYTHONPATH', '').split(os.pathsep))
    sys.path[:0] = [str(Path(argv[0]).parent), *added]
    runpy.run_path(argv[0], run_name='__main__')


if __name__ == '__main__':
    become(**globals()['job'])
