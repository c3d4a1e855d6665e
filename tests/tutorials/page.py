"""The blocks of a page: read, and run in their order in the folder of a user.

- Python is a file if the paragraph before it names one, as in "Write `my_config.py`:".
- A shell block has commands, such as `python tools/train.py my_config.py`.
- A text block has lines that the commands before it print, with other numbers.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..processes import ROOT, run_script

__all__ = ['Block', 'blocks', 'files', 'python', 'run_page']

FENCE = re.compile(r'^( *)```(\w+)\n(.*?)^\1```', re.M | re.S)
FILE = re.compile(r'`(\w+\.py)`')
NUMBER = re.compile(r'\d[\d.:]*(e[+-]\d+)?|\bnan\b')


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        language: What stands behind the fence.
        code: Its lines, without the fence's indentation.
        file: The file that the paragraph before it names, or an empty string.
    """

    language: str
    code: str
    file: str = ''


def blocks(page: Path, language: str | None = None) -> list[Block]:
    """All blocks of a page, or those in one language, in their order."""
    return [
        block
        for block in _read(page.read_text(encoding='utf-8'))
        if language in (None, block.language)
    ]


def python(page: Path) -> list[str]:
    """The code of all blocks of Python."""
    return [block.code for block in blocks(page, 'python')]


def files(page: Path) -> dict[str, str]:
    """The files that the page tells its reader to write, by name."""
    return {block.file: block.code for block in blocks(page, 'python') if block.file}


def run_page(
    page: Path,
    folder: Path,
    shorter: Mapping[str, str],
    said: str = '',
    without: str = r'\Z.',
) -> str:
    """Do in a folder what a page says, and check what it says of the output.

    Args:
        page: The page.
        folder: Where its files are written and its commands run.
        shorter: What is replaced in all blocks, so that a test is quick.
        said: What the pages before this one have printed.
        without: A regular expression; the blocks in which it is found are left out.

    Returns:
        All that was printed.
    """
    todo = [block for block in blocks(page) if not re.search(without, block.code)]
    whole = '\n'.join(block.code for block in todo)
    assert not [old for old in shorter if old not in whole]
    for block in todo:
        code = block.code
        for old, new in shorter.items():
            code = code.replace(old, new)
        if block.language == 'shell':
            said += ''.join(_run(command, folder) for command in _commands(code))
        elif block.language == 'text':
            missing = _unsaid(code, said)
            assert not missing, f'{page.name} shows {missing}, after:\n{said[-3000:]}'
        elif block.file:
            (folder / block.file).write_text(code)
    return said


def _read(text: str) -> Iterator[Block]:
    end = 0
    for match in FENCE.finditer(text):
        indent, language, code = match.groups()
        before = text[end : match.start()].strip().split('\n\n')[-1]
        named = FILE.findall(before) if language == 'python' else []
        code = re.sub(rf'^{indent}', '', code, flags=re.M)
        yield Block(language, code, named[-1] if named else '')
        end = match.end()


def _commands(code: str) -> Iterator[list[str]]:
    """Those of Python; what a page installs is there already."""
    for line in code.replace('\\\n', '').splitlines():
        words = shlex.split(line, comments=True)
        if words and words[0] != 'pip':
            assert words[0] == 'python', line
            yield words[1:]


def _run(command: list[str], folder: Path) -> str:
    """In the user's folder; `tools` are those of the repository."""
    script, *arguments = command
    path = ROOT / script if script.startswith('tools/') else folder / script
    done = run_script(path, *arguments, cwd=folder)
    said = done.stdout + done.stderr
    assert done.returncode == 0, f'{command}:\n{said[-3000:]}'
    return said


def _unsaid(shown: str, said: str) -> list[str]:
    """Lines that are not part of a line that was printed, whatever their numbers."""
    printed = [_form(line) for line in said.splitlines()]
    return [
        line
        for line in shown.splitlines()
        if line.strip(' .') and not any(_form(line) in one for one in printed)
    ]


def _form(line: str) -> str:
    return re.sub(r'\s+', '', NUMBER.sub('#', line))
