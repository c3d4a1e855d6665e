"""One table of all questions: with answers, or `not run yet`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from device.first_hour.questions import QUESTIONS, SET_UP, Question
from device.first_hour.running import Answer

__all__ = ['LONGEST', 'collected', 'page', 'save', 'saved', 'table']

NOT_RUN = Answer('not run yet')
LONGEST = 600  # characters of an answer; the log has the rest
HEADS = ('command', 'when', 'dry')
HEAD = '| row | shows | result | answer | seconds |\n|---|---|---|---|---|'
TITLE = '# The first hour on a GPU'
DRY = (
    'This is a **dry run on a CPU**, at the smallest size. It says that the commands '
    'work, and nothing of a GPU.'
)


def page(answers: Mapping[str, Answer], heads: Sequence[Mapping[str, Any]] = ()) -> str:
    """All commands, with the answers that there are.

    Args:
        answers: By the question's name.
        heads: What :func:`save` wrote of the commands that ran.
    """
    dry = any(head['dry'] for head in heads)
    lines = [TITLE + (', dry run' if dry else ''), '']
    lines += [DRY, ''] if dry else []
    lines += [f'- `{head["command"]}`, {head["when"]}' for head in heads]
    lines += [''] if heads else ['Not run yet.', '']
    for title, questions in {'set-up': SET_UP, **QUESTIONS}.items():
        lines += [f'## {title}', '', table(questions, answers), '']
    lines.append('[docs/gpu.md](../../docs/gpu.md) says what each row shows.')
    return '\n'.join(lines) + '\n'


def table(questions: Sequence[Question], answers: Mapping[str, Answer]) -> str:
    """The rows of some questions, as Markdown."""
    rows = [_row(one, answers.get(one.name, NOT_RUN)) for one in questions]
    return '\n'.join([HEAD, *rows])


def save(
    file: Path, answers: Mapping[str, Answer], heads: Sequence[Mapping[str, Any]]
) -> None:
    """Keep what a command found; the heads name it, and when it ran."""
    found = {name: asdict(answer) for name, answer in answers.items()}
    draft = file.with_suffix('.draft')  # a run that is ended leaves no torn file
    draft.write_text(json.dumps(dict(heads=heads, answers=found), indent=1) + '\n')
    draft.replace(file)


def saved(file: Path) -> tuple[dict[str, Answer], list[dict[str, Any]]]:
    """What :func:`save` has kept; nothing if there is no file.

    Raises:
        ValueError: The file has something else.
    """
    if not file.is_file():
        return {}, []
    try:
        found = json.loads(file.read_text())
        answers = {name: Answer(**one) for name, one in found['answers'].items()}
        heads = [{name: head[name] for name in HEADS} for head in found['heads']]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f'{file} must hold the answers of a command, and is cut or changed; move '
            f'it away and run {file.stem} again ({type(error).__name__}: {error})'
        ) from error
    return answers, heads


def has_answers(folder: Path) -> bool:
    """Whether a command has left its answers there."""
    return any((folder / f'{name}.json').is_file() for name in QUESTIONS)


def collected(
    folders: Sequence[Path],
) -> tuple[dict[str, Answer], list[dict[str, Any]]]:
    """What the commands found that have left a file in one of the folders."""
    answers: dict[str, Answer] = {}
    heads = []
    for name in QUESTIONS:
        for folder in folders:
            new, begun = saved(folder / f'{name}.json')
            heads += begun
            answers = {**new, **answers}  # the set-up is that of the first
    return answers, heads


def _row(question: Question, answer: Answer) -> str:
    seconds = f'{answer.seconds:.0f}' if answer.seconds else ''
    text = ' '.join(answer.text.replace('|', r'\|').split())
    if len(text) > LONGEST:
        text = f'{text[:LONGEST]} ...'
    cells = (question.name, question.shows, answer.state, text, seconds)
    return ' '.join(f'| {cell}'.rstrip() for cell in cells) + ' |'
