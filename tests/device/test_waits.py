"""The table in docs/device.md is what `python -m device.waits` finds."""

from __future__ import annotations

import re

import pytest

from device.families import FAMILIES, UNMOCKED
from device.waits import FEW, PAGE, Row, contradictions, measured, table

from .conftest import ON_GPU

PAGE_TEXT = PAGE.read_text(encoding='utf-8')
QUERY = Row('query_logits', 'DETR', (('copy from the device at matching.py', 1),))


@pytest.mark.slow
@pytest.mark.skipif(ON_GPU, reason='the table is made on the mock')
def test_the_table_is_true_of_a_few_families() -> None:
    assert contradictions(measured(FEW), PAGE_TEXT) == []


def test_every_family_is_in_the_table() -> None:
    measurable = set(FAMILIES) - set(UNMOCKED)
    lines = re.findall(r'^\| `.+?` \| \d.*\| ([^|]+) \|$', PAGE_TEXT, re.MULTILINE)
    assert {family for line in lines for family in line.split(', ')} == measurable


def test_every_wait_in_the_table_has_a_reason() -> None:
    assert '| a fault' not in PAGE_TEXT
    assert 'mixes devices:' not in PAGE_TEXT


def test_families_that_wait_alike_are_one_line() -> None:
    other = Row(QUERY.on, 'DINO', QUERY.waits)
    free = Row(QUERY.on, 'Free')
    lines = table([QUERY, other, free]).splitlines()[2:]
    assert [line.split(' | ')[-1] for line in lines] == ['Free |', 'DETR, DINO |']


def test_a_row_that_the_page_lacks_is_told() -> None:
    page = table([QUERY])
    assert contradictions([QUERY], page) == []
    assert contradictions([Row(QUERY.on, 'DETR')], page) == [
        'DETR: `query_logits` | 0 |  | '
    ]
    assert len(contradictions([Row(QUERY.on, 'DINO', QUERY.waits)], page)) == 1
