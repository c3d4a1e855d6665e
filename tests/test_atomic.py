"""A file that is written is there as a whole, or as it was."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ckd_mm.atomic import replacing, write_json


def test_an_error_while_writing_leaves_the_old_file_and_no_draft(
    tmp_path: Path,
) -> None:
    path = tmp_path / 'result.json'
    write_json(path, dict(mAP=0.5))
    with pytest.raises(ValueError, match='torn'), replacing(path) as draft:
        draft.write_text('{"mAP"')
        raise ValueError('torn')
    assert json.loads(path.read_text()) == {'mAP': 0.5}
    assert list(tmp_path.iterdir()) == [path]


def test_the_old_file_is_there_until_the_new_one_is_complete(tmp_path: Path) -> None:
    path = tmp_path / 'cache.json'
    path.write_text('old')
    with replacing(path) as draft:
        draft.write_text('new')
        assert path.read_text() == 'old'
    assert path.read_text() == 'new'
