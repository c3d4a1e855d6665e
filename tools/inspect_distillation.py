"""Show what can be distilled between two models, and the lines for it.

    python tools/inspect_distillation.py STUDENT --teacher TEACHER
    python tools/inspect_distillation.py CONFIG        # one that has a DistillationHook

Both are paths or zoo names (mmdet::..., mmpretrain::...). The models are built without
their weights and see one batch of random images, so nothing is downloaded or trained.
"""

from __future__ import annotations

import argparse
import logging
import sys
from copy import deepcopy
from typing import Any

from mmengine.model import BaseModel

from ckd_mm.inspection import (
    Finding,
    build_untrained,
    find_parts,
    forward_seconds,
    random_batch,
)

__all__: list[str] = []

LOSSES: dict[str, str] = {
    'logits': "dict(type='CKDLoss')",
    'roi_logits': "dict(type='CKDLoss', temperature=0.1)",
    'dense_logits': "dict(type='CKDLoss', temperature=0.1)",
    'query_logits': "dict(type='CKDLoss', temperature=0.1)",
    'rpn_logits': "dict(type='KDLoss', temperature=1.0)",
    'mask_logits': "dict(type='CKDLoss', temperature=0.1)",
    'box_distribution': "dict(type='KDLoss', temperature=10.0, loss_weight=0.25)",
    'roi_boxes': "dict(type='BoxRegressionLoss')",
    'rpn_boxes': "dict(type='BoxRegressionLoss')",
    'embedding': "dict(type='RKDLoss', angle_weight=0.0)",
}
"""One loss that fits each part; docs/methods.md has the others."""


def main() -> None:
    args = _parse_args()
    logging.disable(logging.INFO)  # MMEngine tells how it initialises each weight
    try:
        _inspect(args.config, args.teacher, tuple(args.shape))
    except (ValueError, OSError) as error:
        sys.exit(f'error: {error}')


def _inspect(config: str, teacher_config: str | None, shape: tuple[int, int]) -> None:
    cfg, student = build_untrained(config)
    teacher_config = teacher_config or _teacher_of(cfg)
    _, teacher = build_untrained(teacher_config)
    teacher.requires_grad_(False)
    batch = random_batch(student, shape)
    findings = find_parts(student, teacher, deepcopy(batch))
    print('| | config | model | parameters | prediction |')
    print('|---|---|---|---|---|')
    for role, name, model in (
        ('student', config, student),
        ('teacher', teacher_config, teacher),
    ):
        print(_model_row(role, name, model, deepcopy(batch)))
    print('\n| `on` | student | teacher | connectors | options | a loss can ask for |')
    print('|---|---|---|---|---|---|')
    for finding in findings:
        if not finding.reason:
            print(_part_row(finding))
    for finding in findings:
        if finding.reason:
            print(f'\nNot `{finding.on}`: {finding.reason}.')
    print(f'\n```python\n{_lines(findings, teacher_config)}\n```')


def _model_row(role: str, name: str, model: BaseModel, batch: dict[str, Any]) -> str:
    parameters = sum(parameter.numel() for parameter in model.parameters()) / 1e6
    seconds = forward_seconds(model, batch)
    kind = type(model).__name__
    return f'| {role} | {name} | {kind} | {parameters:.2f} M | {seconds:.2f} s |'


def _part_row(finding: Finding) -> str:
    shapes = [', '.join(map(str, side)) for side in (finding.student, finding.teacher)]
    options = ', '.join(f'{key}={value!r}' for key, value in finding.options.items())
    cells = (
        f'`{finding.on}`',
        *shapes,
        finding.connectors,
        options or 'none',
        ', '.join(finding.extras) or 'nothing',
    )
    return f'| {" | ".join(cells)} |'


def _lines(findings: list[Finding], teacher_config: str) -> str:
    terms = [
        f"            {one.on}=dict(\n                on='{one.on}',\n"
        f'                loss={_loss(one)},\n            ),'
        for one in findings
        if not one.reason and _loss(one)
    ]
    return '\n'.join(
        [
            "custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)",
            'custom_hooks = [',
            '    dict(',
            "        type='DistillationHook',",
            f'        teacher=dict(config={teacher_config!r}),',
            '        distill=dict(  # choose among these',
            *terms,
            '        ),',
            '    )',
            ']',
        ]
    )


def _loss(finding: Finding) -> str:
    """A loss that fits the shapes, or nothing."""
    if not finding.is_maps:
        return LOSSES.get(finding.on, '')
    own, other = finding.widths
    if finding.connectors == 'none':
        return "dict(type='PKDLoss', loss_weight=6.0)"
    if len(own) != len(other):
        return ''
    return f"dict(type='FitNetLoss', student_channels={own}, teacher_channels={other})"


def _teacher_of(cfg: Any) -> str:
    for hook in cfg.get('custom_hooks') or []:
        if hook.get('type') == 'DistillationHook':
            teachers = hook['teacher']
            teachers = teachers if isinstance(teachers, list) else [teachers]
            named = [one['config'] for one in teachers if 'config' in one]
            if named and isinstance(named[0], str):
                return named[0]
    raise ValueError(
        'the config has no DistillationHook that names the config of a teacher; give '
        'one with --teacher'
    )


def _parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Show what can be distilled between two models.'
    )
    parser.add_argument('config', help='config of the student, or of a distilled one')
    parser.add_argument('--teacher', help="the teacher's config: a path or a zoo name")
    parser.add_argument(
        '--shape',
        nargs=2,
        type=int,
        default=(256, 320),
        metavar=('HEIGHT', 'WIDTH'),
        help='of the random images (default: 256 320)',
    )
    return parser.parse_args()


if __name__ == '__main__':
    main()
