"""What others expect of a repository, and that it says what is true."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch
import yaml

from benchmarks.installs.dockerfile import run_lines
from ckd_mm import __version__
from setup_env.machine import NEWEST, OLDEST
from setup_env.paths import ROOT, read_pins

GITHUB = ROOT / '.github'


INSTALLS = ROOT / 'benchmarks/results/installs'


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding='utf-8')


def read(name: str) -> Any:
    return yaml.safe_load(text(name))


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
    makefile = text('Makefile')
    assert {'setup', 'lint', 'docs', 'test-fast'} <= called
    assert called <= set(re.findall(r'^([\w-]+):', makefile, re.MULTILINE))


def test_a_kept_mmcv_is_of_the_python_that_compiled_it(jobs: dict[str, Any]) -> None:
    """The set-up compares the whole version, so a key of the minor one is in vain."""
    steps = [step for job in jobs.values() for step in job['steps']]
    keys = [step['with']['key'] for step in steps if 'key' in step.get('with', {})]
    assert len(keys) == 2
    for key in keys:
        assert '${{ steps.python.outputs.python-version }}' in key
    assert [step.get('id') for step in steps].count('python') == len(keys)


def test_a_job_opens_a_report_in_a_browser(jobs: dict[str, Any]) -> None:
    commands = [step.get('run', '') for step in jobs['docs-and-wheel']['steps']]
    (command,) = [one for one in commands if 'browser' in one]
    for name in re.findall(r'(tests/\S+) .*-k (\w+)', command):
        assert f'_{name[1]}_' in text(name[0])
    assert command.startswith('google-chrome --version')


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


def test_the_workflow_builds_the_site_where_it_says(jobs: dict[str, Any]) -> None:
    steps = jobs['docs-and-wheel']['steps']
    paths = [step['with']['path'] for step in steps if 'path' in step.get('with', {})]
    assert read_site_dir() in paths


def read_site_dir() -> str:
    found = re.search(r'^site_dir: (\S+)', text('mkdocs.yml'), re.MULTILINE)
    assert found
    return found[1]


@pytest.mark.parametrize('page', ['docs/install.md', 'docs/reference/versions.md'])
def test_pages_name_the_versions_that_are_installed(page: str) -> None:
    found = set(re.findall(r'\b(onedl-\w+|torch|numpy) (\d+\.\d+\.\d+)', text(page)))
    pins = {tuple(pin.split('==')) for pin in read_pins().values()}
    assert len(found & pins) >= 4
    older = {('torch', '2.4.1'), ('numpy', '1.26.4')}  # OpenMMLab's, in the same tables
    wrong = found - pins - older
    assert not wrong, f'{page} names {wrong}; the constraints have others'


def test_the_image_has_the_toolkit_of_the_pinned_torch() -> None:
    named = re.findall(
        r'^FROM nvidia/cuda:(\d+\.\d+)', text('Dockerfile'), re.MULTILINE
    )
    assert named == [torch.version.cuda]
    assert f'CUDA {torch.version.cuda}' in text('docs/install.md')


def test_the_image_has_the_packages_that_the_page_asks_for() -> None:
    asked = re.search(r'^apt-get install (.+)$', text('docs/install.md'), re.MULTILINE)
    assert asked
    assert set(asked[1].split()) <= set(run_lines(text('Dockerfile'))[0].split())


def test_the_steps_of_the_image_are_found_in_its_file() -> None:
    lines = ['FROM a', 'ARG B="x y"', '# c', 'RUN one \\', '    && two']
    example = '\n'.join([*lines, 'RUN FORCE_CUDA=1 D="$B" go'])
    assert run_lines(example) == ['one && two', 'D="x y" go']


@pytest.mark.parametrize('way', ['make', 'onedl', 'openmmlab', 'container', 'dist'])
def test_the_log_of_an_installation_ends_well_and_names_no_machine(way: str) -> None:
    log = (INSTALLS / f'{way}.log').read_text(encoding='utf-8')
    assert log.startswith(f'{way}, ')
    assert re.search(r'^all: \d+ s$', log, re.MULTILINE)
    assert not re.search(r'https?://|/root|/home|/work|failed', log)
    assert f'installs/{way}.log' in text('docs/install.md')
