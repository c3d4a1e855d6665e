"""Puts the report of one or several runs together."""

from __future__ import annotations

import pprint
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from mmengine.registry import init_default_scope

from ckd_mm.commands.environment import machine, versions
from ckd_mm.errors import as_value_error
from ckd_mm.report import pictures
from ckd_mm.report.examples import Example, examples
from ckd_mm.report.history import History, curve
from ckd_mm.report.models import Logits, open_models
from ckd_mm.report.page import Page, Row, Section, write_page

__all__ = ['Sample', 'report_runs']

MOST_METRICS = 3
NO_TSNE = 't-SNE, which needs scikit-learn: pip install scikit-learn'
SHARES = ('_agreement', '_accuracy')


@dataclass(frozen=True)
class Sample:
    """How many validation images the models are run on.

    Attributes:
        examples: The number of images that are shown.
        logits: The number of images whose logits are compared.
        rows_per_class: The maximum number of rows of each class.
    """

    examples: int = 6
    logits: int = 100
    rows_per_class: int = 20


def report_runs(
    out: Path,
    title: str,
    runs: Mapping[str, History],
    teacher: History | None = None,
    table: Sequence[Sequence[str]] | None = None,
    notes: Sequence[str] = (),
    command: str = '',
    sample: Sample | None = None,
) -> None:
    """Write the page of runs with one teacher.

    What cannot be shown, such as logits where teacher or data are not at hand, is named
    on the page. Models of the first distilled run load the weights of all.

    Args:
        out: The file to write.
        title: The heading.
        runs: The students by name.
        teacher: The teacher's own run, if it is there.
        table: Rows of cells; made of the last validations by default.
        notes: How to read the table.
        command: What has made the page.
        sample: The images that the models are run on.

    Raises:
        ValueError: Another file is there.
    """
    distilled = {name: run for name, run in runs.items() if run.hook}
    first = next(iter(distilled.values()), None)
    levels = teacher.last if teacher else first.teacher if first else {}
    page = Page(
        title=title,
        table=_table(runs, levels) if table is None else table,
        notes=notes,
        sections=[
            _validation(runs, levels),
            _statistics(distilled),
            _losses(runs),
            *_of_models(runs, first, sample or Sample()),
        ],
        settings=pprint.pformat(_plain(first.hook), sort_dicts=False) if first else '',
        footer=[
            *([f'Command: {command}'] if command else []),
            f'Folders: {", ".join(str(run.folder) for run in runs.values())}',
            f'{versions()}; {machine()}',
        ],
    )
    write_page(out, page)


def _table(
    runs: Mapping[str, History], teacher: Mapping[str, float]
) -> list[list[str]]:
    """The metrics of the last validation of each run, and its training time."""
    keys = list(dict.fromkeys(key for run in runs.values() for key in run.last))
    rows = [['', *keys, 'training time']]
    if teacher:
        rows.append(['teacher', *(_number(teacher.get(key)) for key in keys), ''])
    for name, run in runs.items():
        numbers = [_number(run.last.get(key)) for key in keys]
        rows.append([name, *numbers, f'{run.seconds:.0f} s'])
    return rows


def _validation(runs: Mapping[str, History], teacher: Mapping[str, float]) -> Section:
    keys = list(dict.fromkeys(key for run in runs.values() for key in run.last))
    figures = []
    for key in keys[:MOST_METRICS]:
        named = {name: curve(run.val, key) for name, run in runs.items()}
        level = {'teacher, at its end': teacher[key]} if key in teacher else {}
        figures.append(Example(pictures.curves(named, key, level), ''))
    missing = [] if figures else ['the log has no validation yet.']
    return Section('validation', 'Validation', '', [Row(figures)], missing)


def _statistics(distilled: Mapping[str, History]) -> Section:
    """Shares from 0 to 1 in one picture, each further statistic in its own."""
    shares, figures = {}, []
    for name, run in distilled.items():
        start = f'{name}: ' if len(distilled) > 1 else ''
        for key, values in run.statistics().items():
            if key.endswith(SHARES):
                shares[start + key] = values
            else:
                figures.append(Example(pictures.curves({start + key: values}, key), ''))
    if shares:
        picture = pictures.curves(shares, 'share of the rows', is_share=True)
        figures.insert(0, Example(picture, ''))
    text = (
        'Top-1 agreement: in which share of the rows both models give the same class '
        'the largest logit. Retrieval accuracy: for which share of the teacher rows '
        'the nearest student row, by cosine, is that of the same sample.'
    )
    missing = [] if shares else ['no loss of these runs logs agreement or retrieval.']
    heading = 'Agreement and retrieval over time'
    return Section('agreement', heading, text, [Row(figures)] * bool(figures), missing)


def _losses(runs: Mapping[str, History]) -> Section:
    figures = [
        Example(pictures.curves(run.losses(), 'training loss'), name)
        for name, run in runs.items()
        if run.losses()
    ]
    text = 'The whole loss and that of each distill term, with its weight.'
    missing = [] if figures else ['the log has no training loss yet.']
    return Section('losses', 'Losses', text, [Row(figures)], missing)


def _of_models(
    runs: Mapping[str, History], first: History | None, sample: Sample
) -> list[Section]:
    """Predictions and logits, both with the models of the first distilled run."""
    named = 'predictions', 'What the students predict'
    compared = 'logits', 'Logits of teacher and student'
    if first is None:
        why = 'none of these runs has a DistillationHook, so there is no teacher.'
        return [Section(*named, missing=[why]), Section(*compared, missing=[why])]
    try:
        with as_value_error('building the models'):
            device = 'cuda' if torch.cuda.is_available() else 'cpu'
            init_default_scope(first.config.get('default_scope', 'mmengine'))
            models = open_models(first.config, device)
    except ValueError as error:
        hint = f'{error} (run it where the training ran, with its data and weights)'
        return [Section(*named, missing=[hint]), Section(*compared, missing=[hint])]
    shown = models.samples(sample.examples)
    compared_samples = models.samples(sample.logits)
    found: dict[str, list[Any]] = {}
    rows: list[Row] = []
    problems: list[str] = []
    for name, run in runs.items():
        with _noting(problems, name):
            models.load(_weights(run))
            found[name] = models.predictions(shown)
            logits = models.logits(compared_samples, sample.rows_per_class)
            rows.append(_compared(name, logits, models.names))
            if not pictures.has_tsne():
                problems.append(NO_TSNE)
    images: list[Row] = []
    reasons: list[str] = []
    with _noting(reasons, 'predictions'):
        images = _shown(examples(shown, found, models.names))
    text = (
        f'Class logits for {len(compared_samples)} validation images, at most '
        f'{sample.rows_per_class} rows of a class. The matrix of a good student has '
        'red squares on its diagonal. In the map, its crosses lie in the circles of '
        'the teacher.'
    )
    return [
        Section(*named, rows=images, missing=reasons),
        Section(*compared, text if rows else '', rows, list(dict.fromkeys(problems))),
    ]


def _shown(rows: list[list[Example]]) -> list[Row]:
    """Classifiers have one picture for each image; these share a row."""
    if all(len(row) == 1 for row in rows):
        rows = [[one for row in rows for one in row]]
    return [Row(row, size='small') for row in rows]


def _compared(name: str, logits: Logits, names: Sequence[str]) -> Row:
    """Similarity matrix and t-SNE of one student."""
    whose = 'the class that the teacher predicts' if logits.from_teacher else 'class'
    matrix = Example(
        pictures.similarity(logits, names),
        f'Cosine of each teacher row with each student row, ordered by {whose}',
    )
    heading = f'{name}: {logits.on}, {len(logits.labels)} rows'
    return Row([matrix, *_map(logits, names, whose)], heading)


def _map(logits: Logits, names: Sequence[str], whose: str) -> list[Example]:
    if not pictures.has_tsne() or len(logits.labels) < pictures.LEAST_ROWS:
        return []
    caption = f't-SNE of both: circles are the teacher, crosses the student; by {whose}'
    return [Example(pictures.tsne(logits, names), caption)]


def _weights(run: History) -> Path:
    if run.checkpoint is None:
        raise ValueError(
            f'{run.folder} has no checkpoint that last_checkpoint names; put the last '
            'checkpoint back into that folder'
        )
    return run.checkpoint


@contextmanager
def _noting(problems: list[str], what: str) -> Iterator[None]:
    """Note what goes wrong inside, for the page, instead of raising it."""
    try:
        with as_value_error('running the models'):
            yield
    except ValueError as error:
        problems.append(f'{what}: {error}')


def _plain(hook: object) -> object:
    return hook.to_dict() if hasattr(hook, 'to_dict') else hook


def _number(value: float | None) -> str:
    """COCO's metrics are fractions, accuracies are percentages."""
    if value is None:
        return '-'
    return f'{value:.3f}' if abs(value) <= 1 else f'{value:.2f}'
