"""The model zoo's page and its metafiles say what the configs say."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import modelindex
import pytest
from mmengine.fileio import load

from maintenance.results import texts

from .catalog import (
    CONFIGS,
    DISTILLED,
    RECIPES,
    ROOT,
    document,
    loaded,
    teacher_of,
    teachers_of,
)

LISTED = [path for path in CONFIGS if '/digits/' not in path]
PAGE = ROOT / 'docs/model_zoo.md'
PAGES = [PAGE, ROOT / 'configs/README.md', ROOT / 'docs/loading.md']
RESULT = re.compile(r'\d+\.\d+|not found|not run yet|none')
TABLES_OF_CONFIGS = re.compile(r'^(\| config .*)\n\|[-|]+\n((?:\|.*\n)+)', re.M)
TABLES_OF_PAIRS = re.compile(r'^(\| pair .*)\n\|[-|]+\n((?:\|.*\n)+)', re.M)
COLLECTIONS = {
    'ckd': 'CKD',
    'kd': 'KD',
    'dkd': 'DKD',
    'dist': 'DIST',
    'reviewkd': 'ReviewKD',
    'ckd-reviewkd': 'CKD and ReviewKD',
    'simkd': 'SimKD',
    'catkd': 'CAT-KD',
    'ssld': 'SSLD',
    'pkd': 'PKD',
    'fgd': 'FGD',
    'mgd': 'MGD',
    'cankd': 'CanKD',
    'acamkd': 'ACAM-KD',
    'freekd-mse': 'FreeKD',
    'ld': 'LD',
    'cosinemap': 'Cosine map',
    'scalekd-kd': 'ScaleKD',
    'crosskd-edges': 'CrossKD',
    'crosskd-boxes': 'CrossKD',
    'ckd-crosskd-boxes': 'CKD and CrossKD',
    'kddetr-boxes-points-pointboxes': 'KD-DETR',
    'kddetr-boxes': 'KD-DETR',
    'detrdistill': 'DETRDistill',
}

every_listed_config = pytest.mark.parametrize('path', LISTED)


def cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip().strip('|').split('|')]


def rows_of_page() -> list[tuple[str, dict[str, str]]]:
    """The config that a row links to, and its other cells by their column."""
    rows = []
    for header, body in TABLES_OF_CONFIGS.findall(PAGE.read_text()):
        for row in body.splitlines():
            link, *values = cells(row)
            (path,) = re.findall(r'\]\(\.\./(\S+\.py)\)', link)
            rows.append((path, dict(zip(cells(header)[1:], values, strict=True))))
    return rows


def results_of_docstring(path: str) -> dict[str, str]:
    """What the table of a docstring says of teacher, student alone, published, ours."""
    _, _, *rows = re.findall(r'^\|.*$', document(path), re.M)
    found = {}
    for row in rows:
        name, *values = cells(row)
        results = [RESULT.match(value) for value in values]
        assert all(results), row
        same = dict.fromkeys(match[0] for match in results if match)
        found[name.split(',')[0]] = ' / '.join(same)
    return found


ROWS = dict(rows_of_page())


def models() -> list[dict[str, Any]]:
    index = load(ROOT / 'model-index.yml')
    return [
        model | {'Metafile': name}
        for name in index['Import']
        for model in load(ROOT / name).get('Models', [])
    ]


MODELS = {model['Config']: model for model in models()}


def test_the_page_has_every_config_once() -> None:
    assert Counter(path for path, _ in rows_of_page()) == Counter(LISTED)


@every_listed_config
def test_a_row_has_the_results_of_the_docstring(path: str) -> None:
    """A table without results of ours says so above, not in each row."""
    row, expected = ROWS[path], results_of_docstring(path)
    assert row['published'].split(' (')[0] == expected['published']
    assert row.get('ours', 'not run yet') == expected['ours']
    for whose in ('teacher', 'student alone') if path in DISTILLED else ():
        name, *result = row[whose].split(', ')
        assert result == [expected[whose]] or (
            expected[whose] in ('none', 'not run yet') and not result
        ), name


@pytest.mark.parametrize('page', PAGES[:2], ids=lambda page: page.name)
def test_not_run_yet_stands_above_a_table(page: Path) -> None:
    rows = re.findall(r'^\|.*', page.read_text(), re.M)
    assert not [row for row in rows if 'not run yet' in row]


def test_a_table_says_once_that_its_configs_were_not_run() -> None:
    """Until one was: then it has a column for our results."""
    tables = re.findall(r'^(.*)\n\n\| config (.*)', PAGE.read_text(), re.M)
    assert len(tables) == len(TABLES_OF_CONFIGS.findall(PAGE.read_text()))
    for above, header in tables:
        assert ('| ours |' in header) != (above == 'Ours: not run yet.')


@pytest.mark.parametrize('page', ['configs/README.md', 'docs/model_zoo.md'])
def test_a_page_begins_with_the_results(page: str) -> None:
    section = re.split(r'^## ', (ROOT / page).read_text(), flags=re.M)[1]
    assert section.startswith('Results\n')
    assert 'begin results of scenes' in section


def test_tables_of_results_are_those_of_the_benchmarks() -> None:
    """In the cards of all losses that a comparison has run, among others."""
    expected = texts()
    stale = [path.name for path, text in expected.items() if path.read_text() != text]
    assert not stale, f'run make results: {stale} are stale'
    cards = (ROOT / 'docs/methods').glob('*.md')
    assert {one for one in cards if 'begin ours' in one.read_text()} <= {*expected}


def test_the_page_has_every_recipe_that_can_be_made() -> None:
    rows = re.findall(r'^\| `(\S+)` \| (.*) \| (.*) \|$', PAGE.read_text(), re.M)
    listed = {
        (pair, method, schedule)
        for pair, schedules, methods in rows
        for schedule in re.findall(r'`(.+?)`', schedules)
        for method in re.findall(r'`(.+?)`', methods)
    }
    assert listed == {
        (recipe.pair, recipe.method, recipe.schedule) for recipe in RECIPES.values()
    }


@pytest.mark.parametrize('path', [path for path in LISTED if path in DISTILLED])
def test_a_row_has_the_models_of_the_docstring(path: str) -> None:
    row = ROWS[path]
    teacher, student = (
        row[whose].split(', ')[0] for whose in ('teacher', 'student alone')
    )
    assert f'{teacher} -> {student}, ' in document(path).splitlines()[0]


def test_the_tables_of_all_methods_have_the_same_results() -> None:
    """A published number of a config's row stands in the table of its pair as well."""
    compared = 0
    for section in PAGE.read_text().split('\n## '):
        pairs = {}
        for header, body in TABLES_OF_PAIRS.findall(section):
            for row in body.splitlines():
                pair, *results = cells(row)
                pairs[pair] = dict(zip(cells(header)[1:], results, strict=True))
        for path in [path for path in ROWS if path in DISTILLED and path in section]:
            teacher, student, published = (
                ROWS[path][name] for name in ('teacher', 'student alone', 'published')
            )
            name = f'{teacher.split(", ")[0]} -> {student.split(", ")[0]}'
            if name in pairs and published[0].isdigit():
                method = COLLECTIONS[Path(path).stem.split('_')[0]]
                assert pairs[name][method] == published, path
                compared += 1
    # KD and DKD of all pairs, ReviewKD of all but ShuffleNet V1; DIST, SimKD, CAT-KD
    assert compared == 11 * 2 + 9 + 2 * 3 + 3


def files_of_teachers() -> set[str]:
    """A config of a zoo, a model of another library, or the path of a checkpoint."""
    one_of_each_pair = {recipe.pair: path for path, recipe in RECIPES.items()}
    teachers = [
        teacher
        for path in (*DISTILLED, *one_of_each_pair.values())
        if teacher_of(path)
        for teacher in teachers_of(path)
    ]
    names = ('checkpoint', 'config', 'model')
    return {
        next(teacher[name] for name in names if name in teacher) for teacher in teachers
    }


def test_the_page_says_what_is_known_of_each_teachers_file() -> None:
    section = PAGE.read_text().split("\n## Teachers' files\n")[1]
    rows = dict(re.findall(r'^\| `([^`]+)` \| (.+) \|$', section, re.M))
    assert rows.keys() == files_of_teachers()
    for teacher, known in rows.items():
        source = 'https://github.com/' in known or known.startswith('not known')
        assert source or known.startswith('those of the model'), teacher


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.name)
def test_what_a_page_links_to_exists(page: Path) -> None:
    links = re.findall(r'\]\((?!https?:)([^)#]+)', page.read_text())
    missing = [link for link in links if not (page.parent / link).exists()]
    assert links
    assert not missing


def test_the_model_index_imports_every_metafile() -> None:
    files = (ROOT / 'configs').rglob('metafile.yml')
    names = {path.relative_to(ROOT).as_posix() for path in files}
    assert set(load(ROOT / 'model-index.yml')['Import']) == names


def test_the_metafiles_have_every_config_once() -> None:
    assert Counter(model['Config'] for model in models()) == Counter(LISTED)


@every_listed_config
def test_a_metafile_says_what_the_config_does(path: str) -> None:
    model = MODELS[path]
    assert model['Name'] == Path(path).stem
    assert Path(model['Metafile']).parent == Path(path).parent
    assert model['Metadata']['Epochs'] == loaded(path).train_cfg.max_epochs
    method = Path(path).stem.split('_')[0]
    assert model['In Collection'] == COLLECTIONS.get(method, 'Without a teacher')
    was_run = results_of_docstring(path)['ours'] != 'not run yet'
    assert bool(model['Results']) == was_run


def test_openmmlabs_reader_understands_the_model_index() -> None:
    index = modelindex.load(str(ROOT / 'model-index.yml'))
    index.build_models_with_collections()
    assert len(index.models) == len(LISTED)
    assert all(model.in_collection for model in index.models)
    assert not [model.check_errors for model in index.models if model.check_errors]


def test_no_two_configs_write_to_one_folder() -> None:
    """Runs go to `work_dirs/` under the name of their config."""
    assert max(Counter(Path(path).stem for path in CONFIGS).values()) == 1
