"""Mistakes a user can make, and the error that each gets before the first iteration.

A row is a mistake in an otherwise sound config. None costs the user a file: a
checkpoint that lies in the work dir survives them all.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner

from ..tasks import ON

pytestmark = pytest.mark.slow


@dataclass
class Setup:
    """A sound config of a detector or classifier, for a row to spoil."""

    cfg: Config
    hook: dict[str, Any]
    folder: Path

    @property
    def teacher(self) -> dict[str, Any]:
        return self.hook['teacher']

    @property
    def term(self) -> dict[str, Any]:
        return self.hook['distill']['ckd']

    def loss(self, **options: Any) -> None:
        self.term['loss'].update(options)

    def teacher_model(self, **changes: Any) -> None:
        """Another config for the same checkpoint; keys are paths with `__`."""
        cfg = Config.fromfile(self.teacher['config'])
        cfg.merge_from_dict({k.replace('__', '.'): v for k, v in changes.items()})
        cfg.dump(self.folder / 'teacher.py')
        self.teacher['config'] = str(self.folder / 'teacher.py')

    def teacher_weights(self, change: Callable[[dict[str, Any]], Any]) -> None:
        """Another checkpoint: what `change` makes of the state dict, in place."""
        content = torch.load(self.teacher['checkpoint'])
        change(content['state_dict'])
        torch.save(content, self.folder / 'teacher.pth')
        self.teacher['checkpoint'] = str(self.folder / 'teacher.pth')

    def teacher_file(self, change: Callable[[bytes], bytes]) -> None:
        """Another checkpoint: what `change` makes of the bytes of the file."""
        content = change(Path(self.teacher['checkpoint']).read_bytes())
        (self.folder / 'teacher.pth').write_bytes(content)
        self.teacher['checkpoint'] = str(self.folder / 'teacher.pth')


@dataclass(frozen=True)
class Row:
    """A mistake, and a pattern that the error must match."""

    name: str
    spoil: Callable[[Setup], Any]
    error: str
    task: str = 'classifier'


def each(*changes: Callable[[Setup], Any]) -> Callable[[Setup], None]:
    """One change after the other."""

    def spoil(setup: Setup) -> None:
        for change in changes:
            change(setup)

    return spoil


def prefixed(prefix: str) -> Callable[[dict[str, Any]], None]:
    """All names of a state dict get a prefix."""

    def change(weights: dict[str, Any]) -> None:
        for name in list(weights):
            weights[prefix + name] = weights.pop(name)

    return change


def with_temperature(value: Any) -> Callable[[Setup], None]:
    return lambda setup: setup.loss(temperature=value)


def with_schedule(options: dict[str, Any]) -> Callable[[Setup], None]:
    return lambda setup: setup.term.update(schedule=options)


DET = 'detector'


TEACHER = (
    Row(
        'no config',
        lambda s: s.hook.update(teacher={}),
        'teacher needs either .*, or a config',
    ),
    Row(
        'a name instead of a dict',
        lambda s: s.hook.update(teacher='mmdet::x.py'),
        "or a list of such dicts, got 'mmdet::x.py'",
    ),
    Row(
        'a misspelt option',
        lambda s: s.teacher.update(chekpoint='x.pth'),
        "no option 'chekpoint'; did you mean 'checkpoint'",
    ),
    Row(
        'a config file that does not exist',
        lambda s: s.teacher.update(config='no/such.py'),
        "teacher config 'no/such.py' cannot be read: FileNotFoundError",
    ),
    Row(
        'a config file that is no Python',
        each(
            lambda s: (s.folder / 'x.py').write_text('model = ('),
            lambda s: s.teacher.update(config=str(s.folder / 'x.py')),
        ),
        'cannot be read: SyntaxError',
    ),
    Row(
        'a config without a model',
        each(
            lambda s: (s.folder / 'x.py').write_text("default_scope = 'mmdet'"),
            lambda s: s.teacher.update(config=str(s.folder / 'x.py')),
        ),
        "has no 'model'; it has",
    ),
    Row(
        'an unknown name in the zoo',
        lambda s: s.teacher.update(config='mmpretrain::resnet/resnet19.py'),
        "'mmpretrain::resnet/resnet19.py' cannot be read",
    ),
    Row(
        'a model of an unknown type',
        lambda s: s.teacher_model(model__type='ImageClasifier'),
        'cannot be built: KeyError.*ImageClasifier',
    ),
    Row(
        'no checkpoint and no zoo',
        lambda s: s.teacher.pop('checkpoint'),
        'has no checkpoint: only zoo configs',
    ),
    Row(
        'a checkpoint that does not exist',
        lambda s: s.teacher.update(checkpoint='no/such.pth'),
        "checkpoint 'no/such.pth' is not there; train the teacher first: python too",
    ),
    Row(
        'a checkpoint cut short',
        lambda s: s.teacher_file(lambda content: content[: len(content) // 2]),
        'cannot be read: .*give a path or URL',
    ),
    Row(
        'a checkpoint with flipped bytes',
        lambda s: s.teacher_file(lambda content: b'x' * 64 + content[64:]),
        'cannot be read: .*give a path or URL',
    ),
    Row(
        'an empty checkpoint',
        lambda s: s.teacher_file(lambda content: b''),
        'cannot be read: .*give a path or URL',
    ),
    Row(
        'a checkpoint that is a list',
        each(
            lambda s: torch.save([1], s.folder / 'x.pth'),
            lambda s: s.teacher.update(checkpoint=str(s.folder / 'x.pth')),
        ),
        r'cannot be read: .*give a path|holds a list; expected a state dict',
    ),
    Row(
        'a checkpoint of another width',
        lambda s: s.teacher_model(
            model__backbone__base_channels=32, model__backbone__stem_channels=32
        ),
        r'does not hold the weights .* of another shape \(backbone.conv1.weight '
        r'\(16, .*\) in the checkpoint, \(32,',
    ),
    Row(
        'a checkpoint of another depth',
        lambda s: s.teacher_model(model__backbone__depth=34),
        r'[1-9]\d* missing \(backbone',
    ),
    Row(
        'a checkpoint that lacks a tensor',
        lambda s: s.teacher_weights(lambda weights: weights.pop('head.fc.bias')),
        r'1 missing \(head.fc.bias\); 0 unexpected',
    ),
    Row(
        'a checkpoint with a prefix',
        lambda s: s.teacher_weights(prefixed('student.')),
        r"its names begin with 'student.'; write prefix='student.' beside checkpoint",
    ),
    Row(
        'a prefix that no weight has',
        lambda s: s.teacher.update(prefix='hed'),
        "no weight .* begins with prefix='hed.'; did you mean 'head.'",
    ),
    Row(
        'a prefix that is a list',
        lambda s: s.teacher.update(prefix=['student.']),
        r"prefix must be a string such as 'student.', got \['student.'\]",
    ),
    Row(
        'the weights of the backbone alone',
        lambda s: s.teacher.update(prefix='backbone.'),
        "it holds the weights of 'backbone' alone; give a checkpoint of the whole",
    ),
    Row(
        'NaN in a weight',
        lambda s: s.teacher_weights(lambda w: w['head.fc.bias'].fill_(math.nan)),
        r'has NaN or infinity in 1 tensors \(head.fc.bias\)',
    ),
    Row(
        'other classes',
        each(
            lambda s: s.teacher_model(model__head__num_classes=7),
            lambda s: s.teacher_weights(
                lambda w: w.update({k: w[k][:7] for k in w if k.startswith('head')})
            ),
        ),
        'the student has 10 classes and the teacher 7',
    ),
)

DISTILL = (
    Row('no term', lambda s: s.hook.update(distill={}), 'at least one term'),
    Row(
        'a list of terms',
        lambda s: s.hook.update(distill=[s.term]),
        'distill needs at least one term, such as dict',
    ),
    Row(
        'a term that is a name',
        lambda s: s.hook.update(distill=dict(ckd='CKDLoss')),
        "term 'ckd' must be a dict with on and loss",
    ),
    Row('no on', lambda s: s.term.pop('on'), r"term 'ckd' lacks 'on', .*\['loss'\]"),
    Row(
        'a term whose name is a number',
        lambda s: s.hook.update(distill={1: s.term}),
        'must have only letters, digits, _ and -, .* got 1',
    ),
    Row(
        'a term without a name',
        lambda s: s.hook.update(distill={'': s.term}),
        "must have only letters, digits, _ and -, .* got ''",
    ),
    Row(
        'an empty list of parts',
        lambda s: s.term.update(on=[]),
        r"term 'ckd': on=\[\] names nothing to compare",
    ),
    Row(
        'a module of the student alone',
        lambda s: s.term.update(on=dict(student='backbone')),
        "term 'ckd': on=.* names nothing to compare",
    ),
    Row(
        'a module that is not there, with the name of the term',
        lambda s: s.term.update(on='module:backbone.layer9'),
        "term 'ckd': ImageClassifier has no module 'backbone.layer9'; did you mean",
    ),
    Row(
        'a schedule that is a number',
        lambda s: s.term.update(schedule=5),
        "term 'ckd': schedule must be a dict such as .* got 5",
    ),
    Row('no loss', lambda s: s.term.pop('loss'), "term 'ckd' lacks 'loss'"),
    Row(
        'a misspelt option of a term',
        lambda s: s.term.update(shedule={}),
        "no option 'shedule'; did you mean 'schedule'",
    ),
    Row(
        "a name with 'loss' in it",
        lambda s: s.hook.update(distill=dict(my_loss=s.term)),
        "must not contain 'loss', got 'my_loss'",
    ),
    Row(
        'a misspelt on',
        lambda s: s.term.update(on='logit'),
        "unknown on='logit' for ImageClassifier and .*; did you mean 'logits'",
    ),
    Row(
        "another task's on",
        lambda s: s.term.update(on='logits'),
        "unknown on='logits' for FasterRCNN .*; did you mean .*'roi_logits'",
        DET,
    ),
    Row('an on that is a number', lambda s: s.term.update(on=3), 'unknown on=3'),
    Row(
        'a misspelt module of the student',
        lambda s: s.term.update(on='module:neck.fpn_conv.0'),
        "no module 'neck.fpn_conv.0'; did you mean 'neck.fpn_convs.0'",
        DET,
    ),
    Row(
        'a misspelt module of the teacher',
        lambda s: s.term.update(on=dict(student='neck', teacher='nek')),
        "no module 'nek'; did you mean 'neck'",
        DET,
    ),
    Row(
        'a module that the teacher is not run as far as',
        lambda s: s.term.update(on=dict(student='neck', teacher='roi_head')),
        "not run as far as module 'roi_head'",
        DET,
    ),
    Row(
        'a negative weight of the student',
        lambda s: s.hook.update(student_loss_weight=-1),
        'student_loss_weight must be a finite number >= 0',
    ),
    Row(
        'a weight of the student that is NaN',
        lambda s: s.hook.update(student_loss_weight=math.nan),
        'student_loss_weight must be a finite number >= 0',
    ),
    Row(
        'a weight of the student that is text',
        lambda s: s.hook.update(student_loss_weight=dict(loss='a')),
        'student_loss_weight must be a finite number >= 0',
    ),
    Row(
        'an unknown option of the hook',
        lambda s: s.hook.update(teachers=[]),
        "DistillationHook has no option 'teachers'; did you mean 'teacher'?",
    ),
)

LOSSES = (
    Row(
        'a loss that is a name',
        lambda s: s.term.update(loss='CKDLoss'),
        r'a distillation loss is given as dict\(type=NAME, ...\)',
    ),
    Row(
        'a misspelt loss',
        lambda s: s.loss(type='CDKLoss'),
        "unknown distillation loss 'CDKLoss'; did you mean .*'CKDLoss'",
    ),
    Row(
        'an unknown option of a loss',
        lambda s: s.loss(tau=4),
        "CKDLoss does not take {'tau': 4}",
    ),
    *(
        Row(
            f'temperature {value!r}',
            with_temperature(value),
            'temperature must be a finite number > 0, got',
        )
        for value in (0, -1.0, math.nan, math.inf, '4')
    ),
    Row(
        'a negative weight',
        lambda s: s.loss(loss_weight=-0.5),
        'loss_weight must be a finite number >= 0, got -0.5',
    ),
    Row(
        'an unknown anchor',
        lambda s: s.loss(anchor='Teacher'),
        "anchor must be one of 'teacher', 'student', 'both', got 'Teacher'",
    ),
    Row(
        'a flag that is text',
        lambda s: s.loss(gather_distributed='False'),
        "gather_distributed must be True or False, got 'False'",
    ),
    Row(
        'a block without rows',
        lambda s: s.loss(block_size=0),
        'block_size must be an integer >= 1, got 0',
    ),
    Row(
        'an option of a loss that needs labels where there are none',
        lambda s: s.term.update(
            on='module:neck.fpn_convs.0',
            loss=dict(type='CKDLoss', same_class_negatives=False),
        ),
        "needs 'target', which this pair does not have; it has student, teacher, epoch",
        DET,
    ),
    Row(
        'negatives of one image from all ranks',
        lambda s: s.loss(per_image=True, gather_distributed=True),
        'negatives of one image and gather_distributed=True exclude each other',
    ),
    Row(
        'a loss that needs labels where there are none',
        lambda s: s.term.update(
            on='module:neck.fpn_convs.0', loss=dict(type='DKDLoss')
        ),
        "needs 'target', which this pair does not have; it has student, teacher, epoch",
        DET,
    ),
)

SCHEDULES = tuple(
    Row(
        f'schedule {options}',
        with_schedule(options),
        error,
    )
    for options, error in (
        (dict(begin=-1), 'begin must be a finite number >= 0, got -1'),
        (dict(begin=2, end=1), 'end must be after begin, got begin=2'),
        (dict(warmup=math.nan), 'warmup must be a finite number >= 0'),
        (dict(warmup='2'), "warmup must be a finite number >= 0, got '2'"),
        (dict(warm_up=2), "schedule has no option 'warm_up'; did you mean 'warmup'"),
        (dict(begin=1), r'begin=1 is not before the end of training \(1 epochs\)'),
        (
            dict(begin=99, by_epoch=False),
            r'begin=99 is not before the end of training \(\d+ iterations\)',
        ),
    )
)

DATA = (
    Row(
        'evaluate without a validation loop',
        each(
            lambda s: s.teacher.update(evaluate=True),
            lambda s: s.cfg.update(
                val_dataloader=None, val_cfg=None, val_evaluator=None
            ),
        ),
        'needs a validation loop; add val_dataloader',
    ),
)

ENVIRONMENT = (
    Row(
        'a checkpoint that is a number',
        lambda s: s.teacher.update(checkpoint=5),
        'teacher: checkpoint must be a path or URL, got 5',
    ),
    Row(
        'an average that is a word',
        lambda s: s.hook.update(teacher=dict(ema='yes')),
        "teacher: ema must be True or False, got 'yes'",
    ),
    Row(
        'a teacher of another task',
        lambda s: s.hook.update(teacher=s.cfg.other_teacher),
        'the student is a FasterRCNN and the teacher a ImageClassifier',
        DET,
    ),
    Row(
        'a package that is not installed',
        lambda s: s.teacher.update(config='mmseg::unet/unet.py'),
        "'mmseg::unet/unet.py' cannot be read",
    ),
    Row(
        'a URL without a network',
        lambda s: s.teacher.update(checkpoint='http://localhost:9/teacher.pth'),
        "'http://localhost:9/teacher.pth' cannot be read: URLError",
    ),
    Row(
        'a teacher that is a folder',
        lambda s: s.teacher.update(checkpoint=str(s.folder)),
        'cannot be read: FileNotFoundError.*give a path or URL',
    ),
)

ROWS = TEACHER + DISTILL + LOSSES + SCHEDULES + DATA + ENVIRONMENT


@pytest.mark.parametrize('row', ROWS, ids=lambda row: row.name)
def test_it_is_refused_before_the_first_iteration_and_nothing_is_lost(
    row: Row, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    work_dir = tmp_path / 'work'
    work_dir.mkdir()
    (work_dir / 'epoch_1.pth').write_bytes(b'precious')
    (work_dir / 'last_checkpoint').write_text(str(work_dir / 'epoch_1.pth'))
    setup = sound(request, row.task, work_dir, tmp_path)
    row.spoil(setup)
    setup.cfg.pop('other_teacher')
    setup.cfg.custom_hooks = [setup.hook]
    seen = Watch()
    with pytest.raises((ValueError, TypeError), match=row.error):
        runner = Runner.from_cfg(setup.cfg)
        runner.register_hook(seen)
        runner.train()
    assert seen.num_steps == 0
    assert (work_dir / 'epoch_1.pth').read_bytes() == b'precious'
    assert [path.name for path in work_dir.glob('*.pth')] == ['epoch_1.pth']


def test_the_config_that_the_rows_spoil_is_sound(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    for task in ON:
        setup = sound(request, task, tmp_path / task, tmp_path)
        setup.cfg.custom_hooks = [setup.hook]
        setup.cfg.pop('other_teacher')
        runner, seen = Runner.from_cfg(setup.cfg), Watch()
        runner.register_hook(seen)
        runner.train()
        assert seen.num_steps > 0


def test_the_table_is_long_enough() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS) >= 40


class Watch(Hook):
    """Counts the steps that training begins."""

    def __init__(self) -> None:
        self.num_steps = 0

    def before_train_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
        self.num_steps += 1


def sound(
    request: pytest.FixtureRequest, task: str, work_dir: Path, folder: Path
) -> Setup:
    make: Callable[..., Config] = request.getfixturevalue(f'{task}_config')
    teacher = dict(request.getfixturevalue(f'{task}_teacher'))
    term = dict(on=ON[task], loss=dict(type='CKDLoss'))
    hook = dict(type='DistillationHook', teacher=teacher, distill=dict(ckd=term))
    cfg = make(work_dir)
    cfg.other_teacher = request.getfixturevalue('classifier_teacher')
    return Setup(cfg, hook, folder)
