"""Every error message has a way out on the page of messages."""

from __future__ import annotations

from pathlib import Path

import pytest

from maintenance.site.causes import CAUSES
from maintenance.site.messages import Message, messages, text, unread, way_out


def test_every_message_has_a_way_out_in_words() -> None:
    without = [found for found in messages() if way_out(found) is None]
    assert not without, (
        'say what to do after a semicolon at the end of the message, or in '
        f'maintenance/site/causes.py: {without}'
    )


def test_the_words_of_all_that_is_raised_are_found() -> None:
    assert not unread()


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
        '## tools',
        '## setup_env',
        '| `distillation term {term} is {value} in iteration {...}; look at',
        '`a prediction of a {...} ended in {TYPE}: {error}` | What a library said',
        '`the config {...} is not there` | Give the path of a distillation config. |',
        '| Install the CUDA toolkit of the version in',
        'The message is the cause',
    ):
        assert words in page, words


def message(package: Path, code: str) -> list[Message]:
    (package / 'module.py').write_text(code)
    return list(messages([package], package))


@pytest.mark.parametrize(
    ('code', 'expected'),
    [
        ("raise ValueError('a is b; do c')", 'Do c.'),
        ("raise ValueError(f'a must be {b}, got {c!r}')", 'after "got"'),
        ("raise ValueError(f'no a{did_you_mean(a, known)}')", 'misspelt'),
        ("part = Unavailable('a has no b')", 'lack the part'),
        ("raise ValueError('a; ' f'set this to {b}')", 'Set this to {b}.'),
        ("raise ValueError('a; on=b is it')", 'on=b is it.'),
        ("raise ValueError('expected `a; b`, got c')", 'after "got"'),
        ("with as_value_error('a step'):\n    pass", 'What a library said'),
    ],
)
def test_a_message_says_its_way_out(tmp_path: Path, code: str, expected: str) -> None:
    (found,) = message(tmp_path, code)
    assert expected in (way_out(found) or '')


@pytest.mark.parametrize(
    'said', ['it is broken', 'it is broken; {advice}', 'a; set {b}']
)
def test_a_message_without_words_of_a_way_out_is_found(
    tmp_path: Path, said: str
) -> None:
    (found,) = message(tmp_path, f'raise ValueError(f{said!r})')
    assert found == Message('module.py', 'ValueError', said)
    assert way_out(found) is None


@pytest.mark.parametrize(
    ('code', 'expected'),
    [
        ("ADVICE = 'do c'\nraise ValueError(f'a is b; {ADVICE}')", 'a is b; do c'),
        (
            'def f():\n    why = "a is " + "b; do c"\n    raise ValueError(why)',
            'a is b; do c',
        ),
        (
            'def f():\n    raise ValueError(why())\n\n'
            'def why():\n    return f"{a} is b; do c"',
            '{a} is b; do c',
        ),
        (
            'def f(why):\n    raise ValueError(f"{why}; do c")\n\n'
            'f(f"{a} is b")\nf(why="a is d")',
            '{a} is b; do c|a is d; do c',
        ),
        (
            'class A:\n    def __init__(self, name, advice):\n        pass\n\n'
            '    def f(self):\n'
            '        raise ValueError(f"{self.name} is b; {self.advice}")\n\n'
            'A("a", "do c")',
            '{self.name} is b; do c',
        ),
        (
            'def f():\n    why, way = {1: ("a is", "do c"), 2: ("b is", "do d")}[one]\n'
            '    raise ValueError(f"{why} b or c; {way}")',
            '{why} b or c; do c|{why} b or c; do d',
        ),
        ('sys.exit(f"error: a is b; do c")', 'a is b; do c'),
        ('parser.error("a is b; do c")', 'a is b; do c'),
        ('class Bad(Exception):\n    pass\n\nraise Bad("a; do c")', 'a; do c'),
        (
            'def f():\n    raise bad()\n\ndef bad():\n    return ValueError("a; do c")',
            'a; do c',
        ),
    ],
    ids=lambda value: value.split('\n')[0][:40],
)
def test_a_message_is_read_where_it_is_written(
    tmp_path: Path, code: str, expected: str
) -> None:
    assert [one.text for one in message(tmp_path, code)] == expected.split('|')
    assert not unread([tmp_path], tmp_path)


@pytest.mark.parametrize(
    'code',
    [
        'def f(error):\n    raise error',
        'raise made.elsewhere()',
        'def f(reason):\n    raise ValueError(reason)',
        "raise ValueError(f'{a}: {b}')",
    ],
)
def test_a_raise_that_cannot_be_read_is_found(tmp_path: Path, code: str) -> None:
    (tmp_path / 'module.py').write_text(code)
    assert len(unread([tmp_path], tmp_path)) == 1


@pytest.mark.parametrize(
    'code',
    [
        "raise ValueError(f'term {name!r}: {error}') from error",
        "sys.exit(f'error: {error}')",
        'raise error',
        'raise',
        'sys.exit(130)',
    ],
)
def test_a_message_that_passes_on_another_one_is_left_out(
    tmp_path: Path, code: str
) -> None:
    whole = f'try:\n    f()\nexcept ValueError as error:\n    {code}'
    assert message(tmp_path, whole) == []
    assert not unread([tmp_path], tmp_path)
