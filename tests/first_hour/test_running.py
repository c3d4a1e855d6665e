"""Questions are asked one by one; what happens to one does not stop the others."""

from __future__ import annotations

import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from device.first_hour import __main__ as commands
from device.first_hour import running
from device.first_hour.places import Run
from device.first_hour.questions import Question
from device.first_hour.running import Answer, ask_all
from device.first_hour.table import LONGEST, save, table

ANSWERS = 'sample_answers'


def question(name: str, *arguments: str, seconds: int = 60) -> Question:
    return Question(name, f'what {name} shows', f'{ANSWERS}:{name}', seconds, arguments)


FOUR = [
    question('raises'),
    question('dies'),
    question('hangs', seconds=3),
    question('adds', '2', '3'),
]


@pytest.fixture(scope='module', autouse=True)
def sample_answers() -> Iterator[None]:
    """Lets the processes import the file beside this one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('PYTHONPATH', str(Path(__file__).parent))
        yield


@pytest.fixture(scope='module')
def answers(
    sample_answers: None, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Answer]:
    folder: Path = tmp_path_factory.mktemp('run')
    found: dict[str, Answer] = {}
    run = Run(folder, folder, dry=False)
    ask_all(FOUR, run, 60, lambda one, answer: found.update({one.name: answer}))
    found['folder'] = Answer(str(folder))
    return found


def test_an_answer_comes_with_its_arguments(answers: dict[str, Answer]) -> None:
    assert (answers['adds'].state, answers['adds'].text) == ('ok', '5')
    assert answers['adds'].seconds > 0


def test_an_error_is_the_answer(answers: dict[str, Answer]) -> None:
    assert answers['raises'].state == 'FAILED'
    assert answers['raises'].text == 'ValueError: shapes differ | here'


def test_a_process_that_dies_is_reported_with_its_last_line(
    answers: dict[str, Answer],
) -> None:
    assert answers['dies'].state == 'FAILED'
    assert answers['dies'].text == 'ended with status 3: about to end'


def test_one_that_hangs_is_ended_with_its_children(answers: dict[str, Answer]) -> None:
    assert answers['hangs'].state == 'FAILED'
    assert answers['hangs'].text == 'no answer within 3 s'
    child = Path(answers['folder'].state, 'child').read_text().strip()
    deadline = time.monotonic() + 10
    while is_running(child) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not is_running(child)


def is_running(pid: str) -> bool:
    """Whether a process works; one that waits for its parent to ask does not."""
    try:
        return Path(f'/proc/{pid}/stat').read_text().split()[2] != 'Z'
    except FileNotFoundError:
        return False


def test_nothing_begins_when_the_time_is_over(tmp_path: Path) -> None:
    found: list[str] = []
    run = Run(tmp_path, tmp_path, dry=False)
    ask_all(FOUR, run, 5, lambda _, answer: found.append(answer.state))
    assert found == ['no time left'] * 4


def test_all_rows_together_keep_to_their_time(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(running, 'LEAST_SECONDS', 1)
    found: list[str] = []
    run = Run(tmp_path, tmp_path, dry=False)
    chosen = [question('hangs', seconds=60), FOUR[3]]
    ask_all(chosen, run, 3, lambda _, answer: found.append(answer.text))
    assert found == ['no answer within 3 s', '']


def test_a_dry_run_leaves_out_what_needs_a_gpu(tmp_path: Path) -> None:
    found: list[Answer] = []
    needs = Question('adds', '', f'{ANSWERS}:adds', 60, ('1', '1'), needs_gpu=True)
    ask_all(
        [needs],
        Run(tmp_path, tmp_path, dry=True),
        60,
        lambda _, answer: found.append(answer),
    )
    assert found == [Answer('needs a GPU')]


def test_a_command_leaves_table_answers_and_logs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(commands, 'WORK', tmp_path / 'work')
    out, chosen = tmp_path / 'out', [FOUR[0], FOUR[3]]
    monkeypatch.setattr(commands, 'QUESTIONS', {'check': chosen})
    failed = commands.carry_out('check', chosen, out, dry=True, minutes=1)
    assert failed == 1
    text = (out / 'check.md').read_text()
    assert '| adds | what adds shows | ok | 5 |' in text
    assert r'shapes differ \| here' in text
    with tarfile.open(out / 'check.tar.gz') as logs:
        member = logs.extractfile('adds.log')
        assert member is not None
        assert member.read().decode() == 'adding\n5\n'


def test_asking_one_question_again_keeps_the_other_answers(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(commands, 'WORK', tmp_path / 'work')
    adds, hangs = FOUR[3], FOUR[2]
    head = dict(command='first_hour', when='today', dry=False)
    save(tmp_path / 'check.json', {'hangs': Answer('FAILED')}, [head])
    monkeypatch.setattr(commands, 'QUESTIONS', {'check': [adds, hangs]})
    assert commands.carry_out('check', [adds], tmp_path, dry=False, minutes=1) == 0
    text = (tmp_path / 'check.md').read_text()
    assert '| adds | what adds shows | ok | 5 |' in text
    assert '| hangs | what hangs shows | FAILED |' in text
    commands.carry_out('check', [adds], tmp_path, dry=True, minutes=1)
    text = (tmp_path / 'check.md').read_text()
    assert '| hangs | what hangs shows | not run yet |' in text


def test_a_long_answer_is_cut_in_the_table() -> None:
    long = Answer('ok', 'word ' * 1000)
    assert len(table([FOUR[0]], {'raises': long})) < LONGEST + 200
