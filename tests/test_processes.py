"""A forked script behaves as one that was started, so that its tests can fail."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from .processes import ROOT, run_script, run_scripts

pytestmark = pytest.mark.slow

SAYS = """
import os, sys

print(sys.argv[1:], os.environ['GIVEN'], os.getcwd(), __name__)
sys.exit('out of luck')
"""
ONE_FAILS = """
import os, time

if os.environ['RANK'] == '0':
    raise ValueError('out of luck')
time.sleep(600)
"""


@pytest.mark.parametrize('fresh', [False, True])
def test_it_has_what_it_was_given_and_says_how_it_ended(
    tmp_path: Path, fresh: bool
) -> None:
    (tmp_path / 'says.py').write_text(SAYS)
    done = run_script(
        tmp_path / 'says.py', '--x', 1, env={'GIVEN': 'here'}, fresh=fresh
    )
    assert done.returncode == 1
    assert done.stdout == f"['--x', '1'] here {ROOT} __main__\n"
    assert done.stderr == 'out of luck\n'


def test_when_one_fails_the_others_are_ended(tmp_path: Path) -> None:
    (tmp_path / 'fails.py').write_text(ONE_FAILS)
    start = time.monotonic()
    ranks = [{'RANK': '0'}, {'RANK': '1'}]
    failed, ended = run_scripts([tmp_path / 'fails.py'], ranks)
    assert time.monotonic() - start < 300
    assert failed.returncode == 1
    assert 'ValueError: out of luck' in failed.stderr
    assert ended.returncode == -signal.SIGKILL
