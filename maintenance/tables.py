"""Reads the tables of result files."""

from __future__ import annotations

import re

from maintenance.pages import ROOT

__all__ = ['rows', 'table']


def table(file: str, first: str) -> dict[str, dict[str, str]]:
    """The table of a result file whose first column is named so, by that column."""
    return {row[first]: row for row in rows(file, first)}


def rows(file: str, first: str) -> list[dict[str, str]]:
    """The rows of the table of a result file whose first column is named so."""
    text = (ROOT / f'benchmarks/results/{file}.md').read_text()
    found = re.search(rf'^\| {first} \|.*\n\|[-| ]+\n((?:\|.*\n)+)', text, re.M)
    assert found, f'benchmarks/results/{file}.md has no table of each {first}'
    names, _, *cells = (_cells(line) for line in found[0].splitlines())
    return [dict(zip(names, row, strict=False)) for row in cells]


def _cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip().removeprefix('|').split('|')]
