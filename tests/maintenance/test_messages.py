"""Every error message has a way out on the page of messages."""

from __future__ import annotations

from pathlib import Path

import pytest

from maintenance.site.causes import CAUSES
from maintenance.site.messages import Message, messages, text, way_out


def test_every_message_of_the_package_has_a_way_out() -> None:
    without = [found for found in messages() if way_out(found) is None]
    assert not without, (
        'say what to do after a semicolon at the end of the message, or in '
        f'maintenance/site/causes.py: {without}'
    )


def test_every_cause_is_of_a_message() -> None:
    texts = [found.text for found in messages()]
    gone = [start for start in CAUSES if not any(t.startswith(start) for t in texts)]
    assert not gone


def test_the_page_has_a_row_for_messages_of_each_part() -> None:
    page = text()
    for words in (
        '| `schedule: end must be after begin, got begin={...} and end={...}` |',
        '| Name one that does. |',
        '## adapters',
        '## teachers',
    ):
        assert words in page


def message(package: Path, code: str) -> list[Message]:
    (package / 'module.py').write_text(code)
    return list(messages(package))


@pytest.mark.parametrize(
    ('code', 'expected'),
    [
        ("raise ValueError('a is b; do c')", 'Do c.'),
        ("raise ValueError(f'a must be {b}, got {c!r}')", 'after "got"'),
        ("raise ValueError(f'no a{did_you_mean(a, known)}')", 'misspelt'),
        ("part = Unavailable('a has no b')", 'lack the part'),
        ("raise ValueError('a; ' f'set {b}')", 'Set {b}.'),
        ("raise ValueError('a; on=b is it')", 'on=b is it.'),
    ],
)
def test_a_message_says_its_way_out(tmp_path: Path, code: str, expected: str) -> None:
    (found,) = message(tmp_path, code)
    assert expected in (way_out(found) or '')


def test_a_message_that_says_nothing_is_found(tmp_path: Path) -> None:
    (found,) = message(tmp_path, "raise ValueError('it is broken')")
    assert found == Message('module.py', 'ValueError', 'it is broken')
    assert way_out(found) is None


def test_a_message_that_a_function_makes_is_read_there(tmp_path: Path) -> None:
    code = 'raise ValueError(_why(a))\n\ndef _why(a):\n    return f"{a} is b; do c"\n'
    assert [found.text for found in message(tmp_path, code)] == ['{a} is b; do c']


def test_a_message_that_passes_on_another_one_is_left_out(tmp_path: Path) -> None:
    code = "raise ValueError(f'term {name!r}: {error}') from error"
    assert message(tmp_path, code) == []
