"""A registered loss is complete: a case in the battery, a card, a config."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from ckd_mm.registry import LOSSES as REGISTRY
from ckd_mm.terms import build_terms

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


def card(name: str) -> Path:
    stem = name.removesuffix('Loss').lower()
    path = ROOT / f'docs/methods/{stem}.md'
    assert path.is_file(), f'{name} has no card docs/methods/{stem}.md'
    return path


def sections(name: str) -> dict[str, str]:
    """The text under each heading of a card."""
    _, *parts = re.split(r'^## (.+)\n', card(name).read_text(), flags=re.M)
    return dict(zip(parts[::2], map(str.strip, parts[1::2]), strict=True))


def test_there_are_registered_losses() -> None:
    assert 'CKDLoss' in REGISTERED


@EACH
def test_it_is_in_the_battery(name: str) -> None:
    assert [row.class_name for row in LOSSES].count(name) == 1, (
        f'{name} needs a row in tests/losses/rows_*.py'
    )


@EACH
def test_its_card_has_every_heading_with_text_below(name: str) -> None:
    found = sections(name)
    assert tuple(found) == HEADINGS, card(name)
    assert all(found.values()), card(name)


@EACH
def test_its_card_names_it_and_its_formula(name: str) -> None:
    title, _, first, *_ = card(name).read_text().splitlines()
    assert title.startswith('# ')
    assert f'`{name}`' in first
    assert '```math' in sections(name)['Formula']
    assert 'ours' in sections(name)['Published'].lower()


@EACH
def test_the_config_lines_of_its_card_build_it(name: str) -> None:
    blocks = re.findall(r'```python\n(.*?)```', sections(name)['Use'], flags=re.S)
    assert len(blocks) == 1, card(name)
    lines: dict[str, Any] = {}
    exec(blocks[0], lines)
    terms = build_terms(lines['distill'])
    assert name in {type(term.loss).__name__ for term in terms}


@EACH
def test_its_card_links_to_what_exists_and_to_a_config_that_has_it(name: str) -> None:
    path = card(name)
    links = re.findall(r'\]\((?!https?:)([^)#]+)\)', path.read_text())
    assert all((path.parent / link).is_file() for link in links), links
    configs = [link for link in links if link.endswith('.py')]
    assert any(uses(path.parent / link, name) for link in configs), path


@EACH
def test_the_overview_links_to_its_card(name: str) -> None:
    assert f'[`{name}`](methods/{card(name).name})' in OVERVIEW.read_text()


@EACH
def test_the_hook_of_a_config_uses_it(name: str) -> None:
    """`tests/configs` takes one training step with each config."""
    configs = (ROOT / 'configs').rglob('*.py')
    assert any(uses(path, name) for path in configs), (
        f'no config under configs/ has a term with {name}; add one to digits'
    )


def uses(config: Path, name: str) -> bool:
    text = config.read_text()
    return f"type='{name}'" in text and "type='DistillationHook'" in text


def test_every_card_is_of_a_registered_loss() -> None:
    """Also finds a card whose loss was renamed."""
    cards = set((ROOT / 'docs/methods').glob('*.md'))
    assert cards == {card(name) for name in REGISTERED}
