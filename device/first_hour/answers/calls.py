"""Run a command for an answer."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence

from device.first_hour.places import ROOT

__all__ = ['CommandFailed', 'python']


class CommandFailed(Exception):
    """A command failed.

    Args:
        message: Its last line.
        output: All that it printed.
    """

    def __init__(self, message: str, output: str) -> None:
        super().__init__(message)
        self.output = output


def python(arguments: Sequence[str], **environ: str) -> str:
    """What this Python prints in the checkout; all of it goes to the log as well.

    Raises:
        CommandFailed: It failed.
    """
    lines: list[str] = []
    with subprocess.Popen(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=dict(os.environ, **environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as child:
        assert child.stdout is not None
        for line in child.stdout:
            print(line, end='', flush=True)
            lines.append(line)
    output = ''.join(lines)
    if child.returncode:
        last = (output.strip().splitlines() or ['it printed nothing'])[-1]
        raise CommandFailed(f'status {child.returncode}: {last}', output)
    return output
