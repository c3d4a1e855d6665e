"""The set-up: what it skips, what it repeats, and what it says."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from torch.utils.cpp_extension import is_ninja_available

from setup_env import machine, paths, process
from setup_env.__main__ import Step, remove_torn_packages, steps
from setup_env.mmcv import build_environment, compiler_flags


def step(stamps: Path, ran: list[str], depends_on: str) -> Step:
    return Step('torch', 'torch', depends_on, lambda: ran.append(depends_on), stamps)


def test_a_step_is_skipped_until_what_it_depends_on_changes(tmp_path: Path) -> None:
    ran: list[str] = []
    assert not step(tmp_path, ran, 'torch 1').is_current()
    step(tmp_path, ran, 'torch 1').perform()
    assert step(tmp_path, ran, 'torch 1').is_current()
    assert not step(tmp_path, ran, 'torch 2').is_current()


def test_an_interrupted_step_is_repeated(tmp_path: Path) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    step(tmp_path, [], 'torch 1').perform()
    with pytest.raises(KeyboardInterrupt):
        Step('torch', 'torch', 'torch 2', interrupted, tmp_path).perform()
    assert not step(tmp_path, [], 'torch 1').is_current()
    assert not step(tmp_path, [], 'torch 2').is_current()


def test_new_torch_rebuilds_mmcv_but_new_pytest_does_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def changed_by(old: str, new: str) -> set[str]:
        pins = tmp_path / 'constraints.txt'
        pins.write_text(paths.PINS.read_text().replace(old, new))
        before = {step.name: step.digest for step in steps()}
        with monkeypatch.context() as patch:
            patch.setattr('setup_env.__main__.PINS', pins)
            patch.setattr('setup_env.__main__.read_pins', lambda: paths.read_pins(pins))
            after = {step.name: step.digest for step in steps()}
        return {name for name, digest in after.items() if digest != before[name]}

    assert changed_by('torch==', 'torch==9') == {'torch', 'mmcv', 'ckd_mm'}
    assert changed_by('pytest==', 'pytest==9') == {'ckd_mm'}
    assert changed_by('ninja==', 'ninja==9') == {'tools', 'ckd_mm'}
    assert changed_by('mmdeploy==', 'mmdeploy==9') == {'mmdeploy', 'ckd_mm'}


def test_a_half_installed_package_is_installed_again(tmp_path: Path) -> None:
    site = tmp_path / 'lib' / 'python3.11' / 'site-packages'
    for name in ('whole', 'torn'):
        (site / f'{name}-1.dist-info').mkdir(parents=True)
        (site / f'{name}-1.dist-info' / 'METADATA').touch()
    (site / 'whole-1.dist-info' / 'RECORD').touch()
    (site / '~orn').mkdir()
    remove_torn_packages(tmp_path)
    assert [path.name for path in site.iterdir()] == ['whole-1.dist-info']


def test_pins_follow_the_python_in_use(tmp_path: Path) -> None:
    file = tmp_path / 'pins.txt'
    file.write_text(
        '# comment\n\na-b==1.0  # why\n'
        'c==2 ; python_version >= "3.11"\nc==1 ; python_version < "3.11"\n'
    )
    c = 'c==2' if sys.version_info >= (3, 11) else 'c==1'
    assert paths.read_pins(file) == {'a-b': 'a-b==1.0', 'c': c}


def test_a_line_that_pins_nothing_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / 'pins.txt'
    file.write_text('torch>=2\n')
    with pytest.raises(paths.SetupError, match=r"NAME==VERSION.*got 'torch>=2'"):
        paths.read_pins(file)


def test_python_that_is_too_new_is_reported_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(machine, 'VENV', tmp_path)
    monkeypatch.setattr(sys, 'version_info', (3, 13, 0))
    (problem,) = machine.problems({'venv'})
    assert 'Python 3.10 to 3.12' in problem
    assert 'is 3.13' in problem
    assert 'make setup PYTHON=' in problem


def test_a_missing_compiler_and_header_are_reported(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv('CXX', 'no-such-compiler')
    monkeypatch.setattr(machine.sysconfig, 'get_path', lambda name: str(tmp_path))
    header, compiler = machine.compiler_problems()
    assert 'Python.h' in header
    assert '-dev' in header
    assert 'no-such-compiler' in compiler
    assert 'apt-get install g++' in compiler


def test_another_python_than_the_environments_is_reported(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / 'pyvenv.cfg').write_text('home = /usr/bin\nversion = 3.9.2\n')
    monkeypatch.setattr(machine, 'VENV', tmp_path)
    (problem,) = machine.python_problems(set())
    assert 'was made with 3.9' in problem


def test_the_users_compiler_flags_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('CFLAGS', '-O2 -march=native')
    assert compiler_flags() == '-O2 -march=native'
    monkeypatch.delenv('CFLAGS')
    assert compiler_flags().endswith(' -g0')


def test_the_environments_ninja_is_found_on_a_machine_without_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # Else torch compiles file by file, and starts again after an interruption.
    monkeypatch.setenv('PATH', str(tmp_path))
    assert not is_ninja_available()
    variables = build_environment('-O3', Path(sys.executable))
    monkeypatch.setenv('PATH', variables['PATH'])
    assert is_ninja_available()
    assert variables['PATH'].endswith(str(tmp_path))


def test_a_failing_command_shows_its_first_errors(tmp_path: Path) -> None:
    """Not the long traceback of the build tools that follows them."""
    script = (
        'print("[1/2] c++ -Wall nms.cpp"); print("nms.cpp:3: error: no such type")\n'
        'print("Traceback\\n" * 50); raise SystemExit(3)'
    )
    with pytest.raises(paths.SetupError) as caught:
        process.call([sys.executable, '-c', script], log=tmp_path / 'log')
    assert str(caught.value).startswith('nms.cpp:3: error: no such type\nAll of it: ')
    assert 'status 3' in str(caught.value)
    assert 'Traceback\nTraceback' not in str(caught.value)


def test_an_interruption_stops_grandchildren_too() -> None:
    """Also one that ignores SIGINT, as what a shell puts in the background does."""
    script = (
        'import signal\n'
        'from setup_env.process import call\n'
        # A shell's background job, as this test may be, starts with SIGINT ignored.
        'signal.signal(signal.SIGINT, signal.default_int_handler)\n'
        "call(['sh', '-c', 'sleep 120 & echo started; wait'])"
    )
    parent = subprocess.Popen(
        [sys.executable, '-c', script],
        cwd=paths.ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert parent.stdout is not None
    assert parent.stdout.readline() == 'started\n'
    start = time.monotonic()
    parent.send_signal(signal.SIGINT)
    parent.stdout.read()  # Ends when the last process that holds the pipe has ended.
    assert parent.wait() != 0
    assert time.monotonic() - start < 60
