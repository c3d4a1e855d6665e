"""What others expect of a repository, and that it says what is true."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from ckd_mm import __version__
from setup_env.machine import NEWEST, OLDEST
from setup_env.paths import ROOT

GITHUB = ROOT / '.github'


def read(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text(encoding='utf-8'))


@pytest.fixture(scope='module')
def jobs() -> dict[str, Any]:
    return read('.github/workflows/ci.yml')['jobs']


def test_the_workflow_tests_every_python_that_the_set_up_allows(
    jobs: dict[str, Any],
) -> None:
    minors = range(OLDEST[1], NEWEST[1] + 1)
    expected = [f'3.{minor}' for minor in minors]
    assert jobs['tests']['strategy']['matrix']['python'] == expected


def test_every_make_target_of_the_workflow_exists(jobs: dict[str, Any]) -> None:
    lines = [s['run'] for job in jobs.values() for s in job['steps'] if 'run' in s]
    called = set(re.findall(r'\bmake ([\w-]+)', '\n'.join(lines)))
    makefile = (ROOT / 'Makefile').read_text(encoding='utf-8')
    assert {'setup', 'lint', 'docs', 'test-fast'} <= called
    assert called <= set(re.findall(r'^([\w-]+):', makefile, re.MULTILINE))


@pytest.mark.parametrize('form', ['bug', 'feature'])
def test_a_form_of_an_issue_asks_something_and_points_to_files(form: str) -> None:
    content = read(f'.github/ISSUE_TEMPLATE/{form}.yml')
    assert {'name', 'description', 'body'} <= content.keys()
    ids = [field['id'] for field in content['body']]
    assert len(ids) == len(set(ids)) > 1
    for name in re.findall(r'[\w/]+\.md', str(content)):
        assert (ROOT / name).is_file(), name


def test_the_citation_has_the_version_of_the_package() -> None:
    assert read('CITATION.cff')['version'] == __version__
