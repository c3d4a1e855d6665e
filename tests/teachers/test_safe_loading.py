"""A teacher's file is read as weights only, unless the user trusts it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ckd_mm.teachers import build_teacher
from ckd_mm.teachers.loading.safe import TRUST

pytestmark = pytest.mark.usefixtures('quiet')

refuses = pytest.mark.skipif(
    tuple(map(int, torch.__version__.split('.')[:2])) < (2, 6),
    reason='PyTorch before 2.6 loads as MMEngine does',
)


class RunsCode:
    """Pickled, it is a call that creates a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (str(self.path), 'w')


@refuses
@pytest.mark.parametrize('source', ['a path', 'a URL'])
def test_a_file_that_would_run_code_is_refused_and_nothing_runs(
    source: str,
    classifier_teacher: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ran, file = tmp_path / 'ran', tmp_path / 'file.pth'
    saved = torch.load(classifier_teacher['checkpoint'])
    torch.save(dict(saved, more=RunsCode(ran)), file)
    checkpoint = str(file)
    if source == 'a URL':
        checkpoint = f'http://localhost/{file.name}'
        serve_as_download(file, tmp_path, monkeypatch)
    error = f'more than weights .*open.* code of the file.*{TRUST}=1'
    with pytest.raises(ValueError, match=error) as raised:
        build_teacher(classifier_teacher['config'], checkpoint)
    assert len(str(raised.value).splitlines()) == 1
    assert not ran.exists()
    assert 'TORCH_FORCE_WEIGHTS_ONLY_LOAD' not in os.environ


def serve_as_download(
    file: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PyTorch takes a URL from its folder of downloads if it was loaded before."""
    monkeypatch.setenv('TORCH_HOME', str(folder))
    (folder / 'hub/checkpoints').mkdir(parents=True)
    shutil.copy(file, folder / 'hub/checkpoints')


def test_a_file_with_code_is_loaded_if_the_user_trusts_it(
    classifier_teacher: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = torch.load(classifier_teacher['checkpoint'])
    file = tmp_path / 'file.pth'
    torch.save(dict(saved, more=RunsCode(tmp_path / 'ran')), file)
    monkeypatch.setenv(TRUST, '1')
    teacher = build_teacher(classifier_teacher['config'], file)
    for name, value in teacher.state_dict().items():
        assert torch.equal(value, saved['state_dict'][name]), name
    assert (tmp_path / 'ran').exists()


def test_numbers_of_numpy_are_no_code(
    classifier_teacher: dict[str, Any], tmp_path: Path
) -> None:
    """Trainers note a best score or a seed as a number of NumPy."""
    saved = torch.load(classifier_teacher['checkpoint'])
    types = np.float16, np.float32, np.float64, np.int32, np.int64, np.uint8, np.bool_
    notes: dict[str, Any] = {kind.__name__: kind(1) for kind in types}
    notes['array'] = np.array(['a', 'b'])
    torch.save(dict(saved, notes=notes), tmp_path / 'file.pth')
    build_teacher(classifier_teacher['config'], tmp_path / 'file.pth')
