"""What the site adds to the pages, and what the pages of the entrance say."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import yaml
from mmengine.config import Config

from ckd_mm.hooks import DistillationHook
from ckd_mm.registry import LOSSES, SCHEDULES, TEACHERS
from maintenance.site import fences, reference
from maintenance.site.docstrings import markdown

from ..tutorials.page import blocks as read_blocks

ROOT = Path(__file__).parents[2]
DOCS = ROOT / 'docs'
ENTRANCE = [ROOT / 'README.md', *DOCS.glob('how_to/*.md'), *DOCS.glob('tutorials/*.md')]
README_WORDS = 700


def blocks(page: Path, language: str) -> list[str]:
    return [block.code for block in read_blocks(page, language)]


def test_the_readme_is_short() -> None:
    assert len((ROOT / 'README.md').read_text().split()) <= README_WORDS


def test_the_config_of_the_readme_is_one(tmp_path: Path) -> None:
    (code,) = blocks(ROOT / 'README.md', 'python')
    path = tmp_path / 'my_config.py'
    path.write_text(code)
    config = Config.fromfile(path)
    assert config.model.type == 'FasterRCNN'
    (hook,) = config.custom_hooks
    assert hook.pop('type') == 'DistillationHook'
    DistillationHook(**hook)


@pytest.mark.parametrize('page', ENTRANCE, ids=lambda page: page.stem)
def test_the_python_of_a_page_is_python(page: Path) -> None:
    for code in blocks(page, 'python'):
        ast.parse(code)


def test_the_loss_of_the_how_to_page_trains() -> None:
    import torch

    code, _ = blocks(DOCS / 'how_to' / 'add_a_loss.md', 'python')
    exec(code, {'__name__': 'my_loss'})
    try:
        loss = LOSSES.build(dict(type='MyLoss', loss_weight=2.0))
    finally:
        LOSSES.module_dict.pop('MyLoss')
    assert loss(torch.zeros(2, 3), torch.ones(2, 3)) == 2.0


def test_the_memory_of_losses_is_what_was_measured() -> None:
    measured = (ROOT / 'benchmarks/results/map_cost.md').read_text()
    rows = re.findall(
        r'^\| `(\w+Loss)` \| (\d+) \| (\d+) \|$',
        (DOCS / 'how_to' / 'less_memory.md').read_text(),
        re.M,
    )
    assert len(rows) == 6
    for name, float32, amp in rows:
        row = rf'^\| {name} \| [\d,]+ \| {float32} \| [\d,]+ \| {amp} \|'
        assert re.search(row, measured, re.M), name


def test_commands_of_the_pages_have_options_that_their_tools_know() -> None:
    helped = dict(
        re.findall(
            r'^## (\w+)\.py\n\n```text\n(.*?)^```', reference.tools(), re.M | re.S
        )
    )
    for page in ENTRANCE:
        commands = '\n'.join(blocks(page, 'shell')).replace('\\\n', '')
        for tool, rest in re.findall(r'tools/(\w+)\.py(.*)', commands):
            for option in re.findall(r' (--[\w-]+)', rest):
                assert option in helped[tool], f'{page.name}: {tool}.py {option}'


def test_reference_pages_have_everything_that_is_registered() -> None:
    options, losses = reference.options(), reference.losses()
    for registry, page in ((TEACHERS, options), (SCHEDULES, options), (LOSSES, losses)):
        for name, cls in registry.module_dict.items():
            if cls.__module__.startswith('ckd_mm.'):
                assert f'## {name}\n' in page, name
    assert '| `student_loss_weight` | `1.0` |' in options
    assert '| `share` | must be given |' in options
    assert '`safetensors>=0.4`' in reference.extras()


def test_a_formula_and_a_picture_need_no_script() -> None:
    assert '<mfrac>' in fences.math(r'\frac{a}{b}')
    picture = fences.mermaid('flowchart TD\n  a["one"] --> b["two"]')
    assert picture.startswith('<img') and 'data:image/svg+xml' in picture


def test_roles_and_formulas_of_a_docstring_become_markdown() -> None:
    text = 'See :func:`~a.b`.\n\n.. math::\n    x\n    + 1\n\nMore.'
    assert markdown(text) == 'See `a.b`.\n\n```math\nx\n+ 1\n```\n\nMore.'


def test_the_navigation_has_every_page_of_the_docs() -> None:
    """As `mkdocs build --strict` says, without a build."""
    text = re.sub(r'!!python/\S+( \{.*\})?', 'null', (ROOT / 'mkdocs.yml').read_text())
    listed = set(re.findall(r'[\w/*-]+(?:\.md|\*)', str(yaml.safe_load(text)['nav'])))
    pages = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob('*.md')}
    missing = {
        page for page in pages - listed if f'{Path(page).parent}/*' not in listed
    }
    assert not missing, f'sort them into nav of mkdocs.yml: {missing}'
