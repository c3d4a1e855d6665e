"""The command that writes the digit data sets: what it says."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ckd_mm.datasets import digits
from ckd_mm.datasets.digits import write_digit_images


def test_the_command_says_how_far_it_is(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(digits, 'PROGRESS', 2)
    monkeypatch.setattr(digits.write_digit_scenes, '__defaults__', (5, 1, 0, False))
    monkeypatch.setattr(sys, 'argv', ['digits', '--out', str(tmp_path)])
    digits._main()
    said = capsys.readouterr().out
    assert f'{tmp_path / "detection"}: writing' in said
    assert said.index('train: 2 of 5') < said.index('train: 4 of 5')
    assert said.index('train: 4 of 5') < said.index('detection: written')


def test_a_missing_scikit_learn_is_named_with_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, 'sklearn', None)
    with pytest.raises(ModuleNotFoundError, match=r'ckd_mm\[demo\]'):
        write_digit_images(tmp_path / 'images')
    assert not any(tmp_path.iterdir())
