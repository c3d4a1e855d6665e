"""A registered loss is complete: a case in the battery, a card, a config."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from ckd_mm.engine.terms import build_terms, required_channels
from ckd_mm.registry import LOSSES as REGISTRY

from .battery import LOSSES

ROOT = Path(__file__).parents[2]
OVERVIEW = ROOT / 'docs/methods.md'
HEADINGS = (
    'What it asks of the student',
    'Formula',
    'When it helps',
    'Published',
    'Cost',
    'Use',
    'Caveats',
)
REGISTERED = sorted(
    name
    for name, cls in REGISTRY.module_dict.items()
    if cls.__module__.startswith('ckd_mm.')
)
EACH = pytest.mark.parametrize('name', REGISTERED)


FILES = sorted(
    path.stem
    for path in (ROOT / 'ckd_mm/losses').glob('*.py')
    if not path.stem.startswith('_')
)


def stem(name: str) -> str:
    """What the files of a loss are named after it: `js` for `JSLoss`."""
    return name.removesuffix('Loss').lower()


def card(name: str) -> Path:
    path = f'docs/methods/{stem(name)}.md'
    assert (ROOT / path).is_file(), f'{name} needs a card {path}, see CONTRIBUTING.md'
    return ROOT / path


def sections(name: str) -> dict[str, str]:
    """The text under each heading of a card."""
    _, *parts = re.split(r'^## (.+)\n', card(name).read_text(), flags=re.M)
    return dict(zip(parts[::2], map(str.strip, parts[1::2]), strict=True))


def test_there_are_registered_losses() -> None:
    assert 'CKDLoss' in REGISTERED


@pytest.mark.parametrize('file', FILES)
def test_every_file_of_losses_registers_the_loss_it_is_named_after(file: str) -> None:
    """Else nothing here would miss a loss that was never registered."""
    assert file in [stem(name) for name in REGISTERED], (
        f'ckd_mm/losses/{file}.py has no registered loss of its name; put '
        '@LOSSES.register_module() above the class, import it in '
        'ckd_mm/losses/__init__.py, and name the file after the class, '
        'js.py for JSLoss'
    )


@EACH
def test_it_is_in_the_battery(name: str) -> None:
    rows = [row for row in LOSSES if row.class_name == name]
    assert len(rows) == 1, (
        f'{name} needs one row in tests/losses/rows_*.py, has {len(rows)}'
    )
    assert rows[0].kwargs_sets, (
        f'the row of {name} has no kwargs_sets, so nothing would be tested; '
        'write ({},) for a loss without hyper-parameters'
    )


@EACH
def test_its_card_has_every_heading_with_text_below(name: str) -> None:
    found = sections(name)
    assert tuple(found) == HEADINGS, f'{card(name)} needs these headings, in order'
    empty = [heading for heading, text in found.items() if not text]
    assert not empty, f'{card(name)} has headings without text'


@EACH
def test_its_card_names_it_and_its_formula(name: str) -> None:
    title, _, first, *_ = card(name).read_text().splitlines()
    assert title.startswith('# ')
    assert f'`{name}`' in first, 'the third line of a card starts with its class'
    assert '```math' in sections(name)['Formula']
    assert 'ours' in sections(name)['Published'].lower(), 'say "Ours: not run yet."'


@EACH
def test_the_config_lines_of_its_card_build_it(name: str) -> None:
    blocks = re.findall(r'```python\n(.*?)```', sections(name)['Use'], flags=re.S)
    assert len(blocks) == 1, f'"Use" in {card(name)} needs one block of python'
    lines: dict[str, Any] = {}
    exec(blocks[0], lines)
    for term in lines['distill'].values():
        levels = 2 if term['on'] == 'last_stages' or isinstance(term['on'], list) else 1
        fill_channels(term['loss'], levels)
    terms = build_terms(lines['distill'])
    assert name in {type(term.loss).__name__ for term in terms}, lines['distill']


@EACH
def test_its_card_links_to_what_exists_and_to_a_config_that_has_it(name: str) -> None:
    path = card(name)
    links = re.findall(r'\]\((?!https?:)([^)#]+)\)', path.read_text())
    missing = [link for link in links if not (path.parent / link).exists()]
    assert not missing, f'{path} links to what does not exist'
    configs = [link for link in links if link.endswith('.py')]
    assert any(uses(path.parent / link, name) for link in configs), (
        f'{path} needs a link to a config with {name}'
    )


@EACH
def test_the_overview_links_to_its_card(name: str) -> None:
    link = f'[`{name}`](methods/{card(name).name})'
    assert link in OVERVIEW.read_text(), f'docs/methods.md needs a row with {link}'


@EACH
def test_the_hook_of_a_config_uses_it(name: str) -> None:
    """`tests/configs` takes one training step with each config."""
    configs = (ROOT / 'configs').rglob('*.py')
    assert any(uses(path, name) for path in configs), (
        f'no config under configs/ has a term with {name}; '
        f'add configs/*/digits/{stem(name)}_*_digits.py'
    )


def fill_channels(loss: dict[str, Any], levels: int = 1) -> None:
    """Give a loss the channels that the hook would read from the models."""
    channels = [48] * levels if levels > 1 else 8
    required = required_channels(REGISTRY.module_dict[loss['type']])
    loss.update({name: loss.get(name, channels) for name in required})


def uses(config: Path, name: str) -> bool:
    text = config.read_text()
    return f"type='{name}'" in text and "type='DistillationHook'" in text


def test_every_card_is_of_a_registered_loss() -> None:
    """Also finds a card whose loss was renamed."""
    cards = set((ROOT / 'docs/methods').glob('*.md'))
    # a method of several terms, and two of kinds of teachers
    others = {ROOT / f'docs/methods/{name}.md' for name in ('dml', 'kddetr', 'pskd')}
    assert cards == {*map(card, REGISTERED), *others}
