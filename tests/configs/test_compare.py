"""Every comparison under configs/compare: it says how it is run, and can be planned."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config

from ckd_mm.compare import Comparison, plan, read_comparison
from ckd_mm.teachers import PeerKind
from ckd_mm.teachers.foreign.from_timm import TimmTeacher

from ..losses.battery import LOSSES
from ..losses.rows_alone import ALONE_ROWS
from ..losses.rows_dense import DENSE_ROWS
from ..losses.rows_logits import LOGIT_ROWS
from ..losses.rows_queries import QUERY_ROWS

ROOT = Path(__file__).parents[2]
COMPARISONS = sorted((ROOT / 'configs/compare').glob('*.py'))

# Cannot train this student from this teacher; the others need boxes, RoIs or queries.
EQUAL_WIDTHS = {'HCLLoss', 'CWDLoss', 'PKDLoss'}
ELSEWHERE = EQUAL_WIDTHS | {'FGDLoss', 'FGFILoss', 'BoxRegressionLoss', 'MimicLoss'}
ELSEWHERE |= {row.class_name for row in (*DENSE_ROWS, *QUERY_ROWS, *ALONE_ROWS)}


def teachers_of(content: Config) -> Iterator[tuple[str, Any]]:
    """Teachers with a config, of all methods or of one, by where they stand."""
    owners = {f'methods.{name}.': method for name, method in methods(content)}
    owners[''] = content
    for start, owner in owners.items():
        found = owner.get('teacher') or {}
        several = isinstance(found, list)
        for index, teacher in enumerate(found if several else [found]):
            if 'config' in teacher:
                yield f'{start}teacher' + f'.{index}' * several, teacher


def methods(content: Config) -> list[tuple[str, Any]]:
    """The methods that are no paths."""
    return [item for item in content.methods.items() if isinstance(item[1], dict)]


@pytest.fixture(scope='module')
def read(random_weights: Callable[[str], str]) -> Callable[[Path], Comparison]:
    """Read a comparison once, with random weights for its teacher."""

    @functools.cache
    def once(path: Path) -> Comparison:
        options = {
            f'{key}.checkpoint': random_weights(teacher.config)
            for key, teacher in teachers_of(Config.fromfile(path))
        }
        return read_comparison(path, options)

    return once


@pytest.fixture
def untrained(monkeypatch: pytest.MonkeyPatch) -> None:
    """Teachers of timm and peers have random weights instead of those of a file."""
    monkeypatch.setattr(TimmTeacher, 'check', lambda teacher: teacher.load(False))
    check = PeerKind.check
    monkeypatch.setattr(
        PeerKind, 'check', lambda peer: check(replace(peer, checkpoint=None))
    )
    for kind in (TimmTeacher, PeerKind):
        monkeypatch.setattr(kind, 'files', lambda teacher: [])


@pytest.mark.usefixtures('untrained')
@pytest.mark.parametrize('path', COMPARISONS, ids=lambda path: path.stem)
def test_it_is_documented_and_every_run_can_be_planned(
    path: Path,
    read: Callable[[Path], Comparison],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(ROOT)
    document = ast.get_docstring(ast.parse(path.read_text())) or ''
    assert f'python tools/compare.py configs/compare/{path.name}' in document
    assert path.name in (ROOT / 'configs/README.md').read_text()
    comparison = read(path)
    runs = plan(comparison, tmp_path)
    counted = [run for run in runs if not run.is_first]
    assert len(counted) == len(comparison.students) * len(comparison.seeds)
    assert f'{len(comparison.seeds)} seeds' in document, 'the docstring counts them'
    assert set(re.findall(r'(\d+) runs', document)) <= {str(len(runs))}, path


@pytest.mark.parametrize('kind', ['logits', 'features'])
def test_all_losses_of_a_kind_are_compared_and_nothing_but_the_method_differs(
    kind: str, read: Callable[[Path], Comparison], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    comparison = read(ROOT / f'configs/compare/digits_{kind}.py')
    assert comparison.departures() == {}
    hooks = [
        hook
        for cfg in comparison.students.values()
        for hook in cfg.get('custom_hooks', [])
    ]
    losses = [term.loss for hook in hooks for term in hook.distill.values()]
    of_logits = {row.class_name for row in LOGIT_ROWS}
    others = {row.class_name for row in LOSSES} - of_logits - ELSEWHERE
    found = {loss.type for loss in losses}
    if kind == 'features':
        found -= {'KDLoss', 'OFALoss'}  # beside ND and OFA's branches
    assert found == (of_logits if kind == 'logits' else others), (
        f'configs/compare/digits_{kind}.py needs a config of each loss of {kind}'
    )
    standardized = [loss.type for loss in losses if loss.get('standardize')]
    assert standardized == (['KDLoss', 'KDLoss', 'DKDLoss'] if kind == 'logits' else [])
