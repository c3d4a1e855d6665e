"""All questions, in the order in which they are asked; also the rows of the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = ['QUESTIONS', 'SET_UP', 'Question', 'named']


@dataclass(frozen=True)
class Question:
    """One row of the table.

    Args:
        name: For `--only`, and the name of the log.
        shows: What the row shows.
        answer: `module:function`; the function gets a `Run` and the arguments and
            returns the answer, or raises.
        seconds: Its limit.
        arguments: For the function.
        needs_gpu: Whether a dry run leaves it out.
    """

    name: str
    shows: str
    answer: str
    seconds: int
    arguments: tuple[str, ...] = ()
    needs_gpu: bool = False


def _question(
    name: str,
    shows: str,
    answer: str,
    seconds: int,
    *arguments: str,
    needs_gpu: bool = False,
) -> Question:
    path = f'device.first_hour.answers.{answer}'
    return Question(name, shows, path, seconds, arguments, needs_gpu)


# Every command begins with these, whatever is named; done once, they take seconds.
PREPARATION = (
    _question('packages', 'carried packages are installed', 'packages:install', 120),
    _question(
        'operators_built',
        "mmcv's operators are compiled for this GPU, and run",
        'operators:build',
        420,
        needs_gpu=True,
    ),
)
VERSIONS = _question('versions', 'device and versions', 'versions:versions', 60)
SET_UP = (*PREPARATION, VERSIONS)

CHECK = (
    _question(
        'operators', "mmcv's operators compute what the CPU's do", 'operators:agree', 90
    ),
    _question(
        'weight_zero',
        'at weight 0 the student is that of a stock run, within the noise of such runs',
        'steps:weight_zero',
        90,
    ),
    _question(
        'amp_float16', 'steps in float16 have finite losses', 'steps:amp', 60, 'float16'
    ),
    _question(
        'amp_bfloat16',
        'steps in bfloat16 have finite losses (GFL; RoIAlign has no bfloat16)',
        'steps:amp',
        60,
        'bfloat16',
    ),
    _question(
        'fuse_bn',
        "a teacher's BatchNorms fold where convolutions compute in TF32",
        'teachers:fuse_bn',
        60,
    ),
    _question(
        'streams', 'stream=True gives the same losses', 'streams:same_losses', 60
    ),
    _question(
        'sanitizer',
        'the CUDA sanitizer sees no race with stream=True, and sees a planted one',
        'streams:sanitized',
        60,
        needs_gpu=True,
    ),
    _question(
        'waits',
        'what waits for the device, by line: stock step, and added by CKD',
        'waits:waits',
        90,
        needs_gpu=True,
    ),
    _question(
        'two_ranks',
        'gathered CKD of two gloo ranks on one device is that of one process',
        'two_ranks:two_ranks',
        60,
    ),
    _question('device_tests', 'tests/device on this device', 'tests:device', 240),
    _question(
        'compiled',
        'a compiled teacher computes the same; seconds by image size',
        'teachers:compiled',
        200,
    ),
    _question(
        'training_tests',
        'tests of training, teachers and connectors on this device',
        'tests:training',
        200,
    ),
)

BENCH = (
    _question(
        'step_float32',
        'time of a step, float32: (c) / ((a) + (b)), (c) / (d)',
        'benchmarks:steps',
        150,
        'float32',
    ),
    _question(
        'step_amp',
        'time of a step, AMP float16: (c) / ((a) + (b)), (c) / (d)',
        'benchmarks:steps',
        150,
        'amp',
        needs_gpu=True,
    ),
    _question(
        'memory', 'peak memory: (c) / ((a) + (b)), (c) / (d)', 'benchmarks:memory', 90
    ),
    _question(
        'stream_time',
        'step with stream=True / step without',
        'benchmarks:stream',
        90,
    ),
    _question(
        'options',
        "teacher's forward with an option / without",
        'benchmarks:options',
        200,
    ),
    _question(
        'overhead',
        'shares of a step with CKD',
        'benchmarks:overhead',
        90,
    ),
)


def _training(
    name: str, shows: str, *arguments: str, needs_gpu: bool = False
) -> Question:
    shows = f'digit scenes: {shows}'
    path = 'training:train'
    return _question(name, shows, path, 150, *arguments, needs_gpu=needs_gpu)


_OPTIONS = ('stream=True', 'dtype=bfloat16', 'channels_last=True', 'fuse_bn=True')
TRAIN = (
    _training('train_teacher', 'the teacher', 'teacher'),
    _training('train_student', 'the student alone', 'student'),
    _training('train_ckd', 'CKD', 'ckd'),
    _training('train_amp', 'CKD with AMP', 'ckd', 'amp', needs_gpu=True),
    *(
        _training(f'train_{option.split("=")[0]}', f'CKD, {option}', 'ckd', option)
        for option in (*_OPTIONS, 'compile=True')
    ),
)

QUESTIONS: Mapping[str, Sequence[Question]] = {
    'check': CHECK,
    'bench': BENCH,
    'train': TRAIN,
}


def named(command: str, names: Sequence[str]) -> list[Question]:
    """The questions of a command, or those that are named, after the preparation.

    Raises:
        ValueError: A name is not one of the command's.
    """
    every = [*SET_UP, *QUESTIONS[command]]
    if unknown := set(names) - {question.name for question in every}:
        known = ', '.join(question.name for question in every)
        raise ValueError(
            f'{command} has no {", ".join(sorted(unknown))}; it has: {known}'
        )
    wanted = {*names, *(question.name for question in PREPARATION)}
    return [question for question in every if not names or question.name in wanted]
