"""Show what can be distilled between two models, and the lines for it.

    python tools/inspect_distillation.py STUDENT --teacher TEACHER
    python tools/inspect_distillation.py CONFIG        # one that has a DistillationHook

Both are paths or zoo names (mmdet::..., mmpretrain::...). A teacher may also be a model
of another library (timm::..., torchvision::..., transformers::...). The models are
built without their weights and see one batch of random images, so nothing is downloaded
or trained.
"""

from __future__ import annotations

import argparse
import logging
import sys
from typing import Any

from mmengine.config import Config
from mmengine.model import BaseModel

from ckd_mm.adapters.core.class_names import ClassNames
from ckd_mm.commands.inspection import Finding, find_parts
from ckd_mm.commands.levels import (
    Level,
    foreign_model,
    foreign_options,
    levels_of,
    levels_term,
)
from ckd_mm.probing.batches import image_shape
from ckd_mm.probing.steps import batch_that_trains, forward_seconds
from ckd_mm.probing.untrained import build_untrained, class_lists
from ckd_mm.teachers import FeatureModel

__all__: list[str] = []

SHAPE = (256, 320)


def main() -> None:
    args = _parse_args()
    logging.disable(logging.INFO)  # MMEngine tells how it initialises each weight
    try:
        _inspect(args.config, args.teacher, args.shape)
    except (ValueError, OSError) as error:
        sys.exit(f'error: {error}')


def _inspect(config: str, teacher_config: str | None, shape: list[int] | None) -> None:
    cfg, student = build_untrained(config)
    said = teacher_config or _teacher_of(cfg)
    foreign = foreign_options(said)
    if foreign is not None:
        teacher_cfg, teacher = Config(), foreign_model(foreign, student)
        teacher_config = f'{foreign["type"]}::{foreign.get("model", "")}'
    else:
        teacher_cfg, teacher = build_untrained(said)
        teacher_config = str(said)
    teacher.requires_grad_(False)
    height, width = shape or image_shape(cfg) or SHAPE
    batch, problem = _batch(student, (height, width))
    student_classes, teacher_classes = class_lists(cfg), class_lists(teacher_cfg)
    names = None
    if student_classes and teacher_classes and student_classes != teacher_classes:
        names = ClassNames(student_classes, teacher_classes)
    findings = find_parts(student, teacher, batch, names)
    print('| | config | model | parameters | prediction |')
    print('|---|---|---|---|---|')
    problems = [problem]
    for role, name, model in (
        ('student', config, student),
        ('teacher', teacher_config, teacher),
    ):
        tried = None if isinstance(model, FeatureModel) else batch
        seconds, problem = _seconds(model, tried)
        print(_model_row(role, name, model, seconds))
        problems.append(problem)
    for problem in dict.fromkeys(filter(None, problems)):
        print(f'\n{problem[0].upper()}{problem[1:]}.')
    print('\n| `on` | student | teacher | connectors | options | a loss can ask for |')
    print('|---|---|---|---|---|---|')
    for finding in findings:
        if not finding.reason:
            print(_part_row(finding))
    for finding in findings:
        if finding.reason:
            print(f'\nNot `{finding.on}`: {finding.reason}.')
    term = _print_levels(student, teacher, (height, width))
    terms = {one.on: one.term for one in findings if one.term is not None}
    if foreign is not None and term is not None:
        terms = {**terms, 'maps': term}
    if terms:
        print(f'\n```python\n{_lines(terms, foreign or dict(config=said))}\n```')
    else:
        print(
            '\nThe two have no part in common. Any two modules of one size are '
            'compared with on=dict(student=NAME, teacher=NAME); '
            'model.named_modules() has the names.'
        )


def _print_levels(
    student: BaseModel, teacher: BaseModel, size: tuple[int, int]
) -> dict[str, Any] | None:
    """Print the names of single maps; a term of two of them, if there are any."""
    found: list[list[Level]] = []
    rows = []
    for role, model in (('student', student), ('teacher', teacher)):
        try:
            found.append(levels_of(model, size))
        except ValueError as error:
            print(f'\nNo single levels of the {role}: {error}.')
            return None
        rows += [
            f'| {role} | `{one.name}` | {one.shape} | {one.stride} |'
            for one in found[-1]
        ]
    print('\n| `on=dict(student=NAME, teacher=NAME)` | NAME | shape | stride |')
    print('|---|---|---|---|')
    print('\n'.join(rows))
    return levels_term(*found)


def _batch(
    student: BaseModel, shape: tuple[int, int]
) -> tuple[dict[str, Any] | None, str]:
    """The batch that parts are tried on; `None` and the reason if there is none."""
    try:
        return batch_that_trains(student, shape), ''
    except ValueError as error:
        return None, str(error)


def _seconds(model: BaseModel, batch: dict[str, Any] | None) -> tuple[str, str]:
    """The time of a prediction; empty and the reason if there is none."""
    if batch is None:
        return '', ''
    try:
        return f'{forward_seconds(model, batch):.2f} s', ''
    except ValueError as error:
        return '', str(error)


def _model_row(role: str, name: str, model: BaseModel, seconds: str) -> str:
    parameters = sum(parameter.numel() for parameter in model.parameters()) / 1e6
    kind = type(model).__name__
    return f'| {role} | {name} | {kind} | {parameters:.2f} M | {seconds or "none"} |'


def _part_row(finding: Finding) -> str:
    shapes = [', '.join(map(str, side)) for side in (finding.student, finding.teacher)]
    options = ', '.join(f'{key}={value!r}' for key, value in finding.options.items())
    cells = (
        f'`{finding.on}`',
        *shapes,
        finding.connectors,
        options or 'none',
        ', '.join(finding.context) or 'nothing',
    )
    return f'| {" | ".join(cells)} |'


def _lines(terms: dict[str, dict[str, Any]], teacher: dict[str, Any]) -> str:
    return '\n'.join(
        [
            "custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)",
            'custom_hooks = [',
            '    dict(',
            "        type='DistillationHook',",
            f'        teacher={_code(teacher)},',
            '        distill=dict(  # choose among these',
            *(
                f'            {name}=dict(\n                on={_code(term["on"])},\n'
                f'                loss={_code(term["loss"])},\n            ),'
                for name, term in terms.items()
            ),
            '        ),',
            '    )',
            ']',
        ]
    )


def _code(value: Any) -> str:
    if not isinstance(value, dict):
        return repr(value)
    return f'dict({", ".join(f"{key}={item!r}" for key, item in value.items())})'


def _teacher_of(cfg: Any) -> Any:
    peers: list[Any] = []
    for hook in cfg.get('custom_hooks') or []:
        if hook.get('type') == 'DistillationHook':
            teachers = hook.get('teacher') or []
            teachers = teachers if isinstance(teachers, list) else [teachers]
            named = [one['config'] for one in teachers if 'config' in one]
            if named and isinstance(named[0], str):
                return named[0]
            if teachers and 'type' in teachers[0]:
                return dict(teachers[0])
            peers += hook.get('peers') or []
    of_peer = next((one['config'] for one in peers if 'config' in one), None)
    example = f', such as --teacher {of_peer} of its peer' * isinstance(of_peer, str)
    raise ValueError(
        'the config has no DistillationHook that names the config of a teacher; give '
        f'one with --teacher{example}'
    )


def _parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Show what can be distilled between two models.'
    )
    parser.add_argument('config', help='config of the student, or of a distilled one')
    parser.add_argument(
        '--teacher',
        help="the teacher's config: a path or a zoo name, or LIBRARY::MODEL",
    )
    parser.add_argument(
        '--shape',
        nargs=2,
        type=int,
        metavar=('HEIGHT', 'WIDTH'),
        help="of the random images (default: a classifier's own, or 256 320)",
    )
    return parser.parse_args()


if __name__ == '__main__':
    main()
