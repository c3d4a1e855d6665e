"""The student of an epoch ago: what is refused before training, and what is kept."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.model import BaseModel
from mmengine.runner import IterBasedTrainLoop

from ckd_mm.engine.distiller import Distiller
from ckd_mm.engine.teacher_states import KEY, TeacherStates
from ckd_mm.engine.terms import build_terms
from ckd_mm.teachers import RememberedTeacher, previous, read_teachers
from ckd_mm.teachers.memory import OutputMemory

from ..adapters.detectors import faster_rcnn
from ..conftest import stock_model

CPU = torch.device('cpu')
KD = dict(on='logits', loss=dict(type='KDLoss'))


@pytest.fixture(scope='module')
def student(
    classifier_config: Callable[..., Config], tmp_path_factory: Any
) -> BaseModel:
    return stock_model(classifier_config(tmp_path_factory.mktemp('unused')))


class Thrice:
    """As MMEngine's RepeatDataset."""

    dataset = range(300)

    def __len__(self) -> int:
        return 3 * len(self.dataset)


def run_of(model: Any, loop: Any = None) -> Any:
    """As much of a run as a teacher is built of."""
    loader = SimpleNamespace(dataset=range(300))
    return SimpleNamespace(model=model, train_dataloader=loader, _train_loop=loop)


def build(model: Any, loop: Any = None, **options: Any) -> Any:
    (kind,) = read_teachers({'previous_epoch': 'memory', **options})
    return kind.build(run_of(model, loop), CPU)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(previous_epoch='memroy'), 'previous_epoch must be one of .*memroy'),
        (dict(previous_epoch='memory', top_k=0), 'top_k must be an integer >= 1, got'),
        (dict(previous_epoch='memory', half=1), 'half must be True or False, got 1'),
        (dict(previous_epoch='memory', in_checkpoint='n'), 'in_checkpoint must be Tr'),
        (dict(previous_epoch='memory', evaluate=True), 'go with it, got evaluate'),
        (dict(previous_epoch='snapshot', top_k=9), 'top_k=9 is of a memory; leave it'),
        (dict(previous_epoch='snapshot', half=True), 'half=True is of a memory; leave'),
        (dict(previous_epoch='memory', weight=0), 'weight must be a finite number > 0'),
    ],
)
def test_options_that_cannot_be_meant_are_refused(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        read_teachers(options)


@pytest.mark.parametrize('form', ['memory', 'snapshot'])
def test_a_loop_without_epochs_is_refused(student: BaseModel, form: str) -> None:
    loop = object.__new__(IterBasedTrainLoop)
    with pytest.raises(ValueError, match='needs epochs, .* has none; set train_cfg='):
        build(student, loop, previous_epoch=form)


def test_a_memory_that_would_not_fit_is_refused_with_its_size(
    student: BaseModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(previous, 'free_bytes', lambda device: 26000)
    with pytest.raises(
        ValueError,
        match='takes 26.7 kB on cpu, for 300 images of 10 classes .*, and 26 kB are '
        "left there; set half=True in the teacher, or take previous_epoch='snap",
    ):
        build(student)
    said: list[str] = []
    monkeypatch.setattr(previous, 'print_log', lambda text, **_: said.append(text))
    assert isinstance(build(student, half=True), RememberedTeacher)
    assert said == [
        'Teacher: the memory of the previous epoch takes 14.7 kB on cpu, for 300 '
        'images of 10 classes and for those of the running epoch'
    ]
    monkeypatch.setattr(previous, 'free_bytes', lambda device: 9)
    with pytest.raises(ValueError, match='9 bytes are left there; take previous_epo'):
        build(student, half=True)
    monkeypatch.setattr(student.head, 'num_classes', 1000)
    with pytest.raises(ValueError, match='set half=True or top_k=32 in the teacher'):
        build(student)


def test_images_that_an_epoch_repeats_count_as_often(
    student: BaseModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(previous, 'print_log', lambda text, **_: said.append(text))
    run = run_of(student)
    run.train_dataloader.dataset = Thrice()
    (kind,) = read_teachers(dict(previous_epoch='memory'))
    kind.build(run, CPU)
    # 300 images that are kept, and 900 with their numbers
    assert f'takes {(300 * (40 + 1) + 900 * (40 + 8)) / 1000} kB on cpu' in said[0]


def test_a_memory_has_no_weights_of_the_student_an_epoch_ago(
    student: BaseModel,
) -> None:
    terms = build_terms(dict(wkd=dict(on='logits', loss=dict(type='WKDLLoss'))))
    message = "asks for 'teacher_classifier' .* a memory .*; take previous_epoch='snap"
    with pytest.raises(ValueError, match=message):
        Distiller(student, [build(student)], terms)


def test_a_detector_has_no_logits_to_remember() -> None:
    with pytest.raises(ValueError, match="is a FasterRCNN; take previous_epoch='snap"):
        build(faster_rcnn())


def test_as_many_classes_as_there_are_need_no_top_k(student: BaseModel) -> None:
    with pytest.raises(ValueError, match='top_k must be below the 10 classes .* 10; l'):
        build(student, top_k=10)


@pytest.mark.parametrize(
    ('term', 'message'),
    [
        (dict(KD, on='backbone'), "on='backbone', and a memory .* logits alone; comp"),
        (dict(KD, on=dict(student='head', teacher='head')), 'has class logits alone'),
        (
            dict(KD, data='unlabelled'),
            'on the images of unlabelled and cannot do without la',
        ),
    ],
)
def test_terms_that_a_memory_cannot_serve_are_refused(
    student: BaseModel, term: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Distiller(student, [build(student)], build_terms(dict(kd=term)))


def test_mixed_images_are_refused(
    student: BaseModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(student.data_preprocessor, 'batch_augments', object())
    with pytest.raises(ValueError, match='outputs of single images, .* take them out'):
        Distiller(student, [build(student)], build_terms(dict(kd=KD)))


def test_labels_are_read_so_that_the_student_runs_with_them(student: BaseModel) -> None:
    distiller = Distiller(student, [build(student)], build_terms(dict(kd=KD)), 0)
    assert distiller.maker.student.label_free is None


def test_a_run_that_resumes_needs_the_memory_unless_it_was_not_to_be_saved() -> None:
    memory = OutputMemory(4, 3)
    memory.note(torch.tensor([1]), torch.ones(1, 3))
    memory.end_epoch()
    saved: dict[str, Any] = {}
    for in_checkpoint in (True, False):
        kinds = read_teachers(
            dict(previous_epoch='memory', in_checkpoint=in_checkpoint)
        )
        states = TeacherStates(kinds)
        states.begin([RememberedTeacher(memory)])
        checkpoint: dict[str, Any] = {}
        states.save(checkpoint)
        assert (KEY in checkpoint) == in_checkpoint
        saved = saved or checkpoint
        states.load({})
        if in_checkpoint:
            with pytest.raises(ValueError, match=r'must have the memory .* got \{\};'):
                states.begin([RememberedTeacher(memory)])
        else:
            states.begin([RememberedTeacher(memory)])
    other = TeacherStates(read_teachers(dict(itself=True)))
    other.load(saved)
    with pytest.raises(ValueError, match='state of another teacher than a ItselfTeach'):
        other.begin([RememberedTeacher(memory)])


def test_the_snapshot_is_a_frozen_copy_that_follows_each_epoch(
    student: BaseModel,
) -> None:
    (kind,) = read_teachers(dict(previous_epoch='snapshot'))
    teacher: Any = kind.build(run_of(student), CPU)
    before = teacher.model.head.fc.bias.clone()
    assert not any(one.requires_grad for one in teacher.model.parameters())
    with torch.no_grad():
        student.head.fc.bias += 1
    assert torch.equal(teacher.model.head.fc.bias, before)
    kind.start_epoch(teacher, run_of(student))
    assert torch.equal(teacher.model.head.fc.bias, student.head.fc.bias)
    assert kind.state(teacher) == {}
    assert kind.needs_sample_index is False
