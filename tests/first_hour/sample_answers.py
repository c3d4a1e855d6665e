"""Answers of the kinds that there are, for the tests."""

from __future__ import annotations

import os

from device.first_hour.places import Run
from setup_env.process import call


def adds(run: Run, one: str, two: str) -> str:
    print('adding')
    return f'{int(one) + int(two)}'


def raises(run: Run) -> str:
    raise ValueError('shapes differ | here')


def dies(run: Run) -> str:
    print('about to end', flush=True)
    os._exit(3)


def hangs(run: Run) -> str:
    """So does what it has started, in a session of its own as the compilers."""
    call(['sh', '-c', f'echo $$ > {run.work}/child; sleep 300'])
    return 'never'
