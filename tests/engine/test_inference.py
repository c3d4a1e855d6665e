"""What a checkpoint has in place of the student's modules."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ckd_mm.engine.connectors import KEY as CONNECTORS
from ckd_mm.engine.connectors import Connectors
from ckd_mm.engine.inference import KEY, AtInference
from ckd_mm.teachers import ALONE


class Reusing(nn.Module):
    """A loss whose extra state is gone when its module is made, at the same address."""

    inference_modules = ('backbone',)

    def __init__(self) -> None:
        super().__init__()
        self.learned = nn.Parameter(torch.ones(2))
        self.memory = torch.zeros(4).numpy()

    def get_extra_state(self) -> Tensor:
        return torch.from_numpy(self.memory)

    def set_extra_state(self, state: Tensor) -> None: ...

    def at_inference(self, teacher: Any) -> Any:
        self.memory[:] = 7
        head = nn.Linear(1, 4)
        head.bias = nn.Parameter(torch.from_numpy(self.memory))
        head.learned = self.learned
        return {'head': (dict(type='Linear'), head)}


def test_a_weight_is_not_taken_for_what_lay_at_its_address_before() -> None:
    loss, student = Reusing(), nn.Module()
    student.head = nn.Linear(1, 4)
    teacher = SimpleNamespace(model=nn.Module(), names=None)
    request = SimpleNamespace(counts=True)
    term: Any = SimpleNamespace(
        name='x', loss=loss, on='backbone', teachers=None, request=request
    )
    kind: Any = SimpleNamespace(can_be_cached=True)
    found = AtInference(student, [term], [kind], [teacher])
    connectors: Any = SimpleNamespace(modules=nn.ModuleDict({'x': loss}))
    loss.memory[:] = 0
    state = {name: one.clone() for name, one in connectors.modules.state_dict().items()}
    checkpoint = {CONNECTORS: state}
    found.save(checkpoint, connectors)
    weights: Any = checkpoint[KEY]['head']['state_dict']
    assert weights['bias'].tolist() == [7, 7, 7, 7]
    assert weights['learned'].data_ptr() == state['x.learned'].data_ptr(), 'saved once'


class Beside(nn.Module):
    """A loss whose head has the student's inside, and nothing of a teacher."""

    inference_modules = ('embedding',)

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 4)

    def at_inference(self, student: Any, config: Any) -> Any:
        both = nn.ModuleDict(dict(own=student.head, second=self.linear))
        return {'head': (dict(type='Both', head=config['head']), both)}


def student_and_term(on: Any = 'embedding') -> tuple[Any, Any]:
    student = nn.Module()
    student.head = nn.Linear(3, 4)
    request = SimpleNamespace(counts=True)
    return student, SimpleNamespace(
        name='x', loss=Beside(), on=on, teachers=None, request=request
    )


ON = dict(student='embedding', teacher='logits')
CONFIG = dict(head=dict(type='LinearClsHead'))


@pytest.mark.parametrize('number', [1, 2])
def test_several_or_changing_teachers_suit_a_loss_that_takes_nothing_of_them(
    number: int,
) -> None:
    student, term = student_and_term(ON)
    kinds: list[Any] = [SimpleNamespace(can_be_cached=False)] * number
    teachers: list[Any] = [SimpleNamespace()] * number  # a cache has no model
    found = AtInference(student, [term], kinds, teachers, CONFIG)
    stock = student.head
    stock.train()
    found.begin()
    assert student.head['own'] is stock and not stock.training
    found.end()
    assert student.head is stock and stock.training
    checkpoint: dict[str, Any] = {CONNECTORS: {}}
    found.save(checkpoint, Connectors([]))
    part = checkpoint[KEY]['head']
    assert set(part['state_dict']) == {'second.weight', 'second.bias'}
    assert part['of_student'] == {
        'own.weight': 'head.weight',
        'own.bias': 'head.bias',
    }


def test_the_modes_of_the_students_modules_are_as_before() -> None:
    student, term = student_and_term(ON)
    found = AtInference(student, [term], [], [], CONFIG)
    student.eval()
    found.begin()
    found.end()
    assert not student.head.training


@pytest.mark.parametrize(
    ('on', 'config', 'names', 'message'),
    [
        ('logits', CONFIG, None, r"such as on=dict\(student='embedding', teacher='log"),
        (ON, None, None, 'which this runner lacks; build the runner with Runner.from'),
        (ON, CONFIG, (['a', 'b'], ['b', 'a']), 'of the teacher under other names; tak'),
    ],
)
def test_what_does_not_fit_such_a_loss_is_refused(
    on: Any, config: Any, names: Any, message: str
) -> None:
    student, term = student_and_term(on)
    kind: Any = SimpleNamespace(can_be_cached=False)
    teacher: Any = SimpleNamespace(names=None)
    if names:
        ours, theirs = ({'classes': one} for one in names)
        teacher.names = SimpleNamespace(student=ours, teacher=theirs, class_map=None)
    with pytest.raises(ValueError, match=f"'x': .*{message}"):
        AtInference(student, [term], [kind], [teacher], config)


def test_an_argument_that_is_not_given_is_named() -> None:
    student, term = student_and_term(ON)
    term.loss.at_inference = lambda student, runner: {}
    with pytest.raises(ValueError, match="asks for 'runner'; name its arguments by"):
        AtInference(student, [term], [], [], CONFIG)


def test_a_loss_of_the_student_alone_gives_no_modules_of_a_teacher() -> None:
    request = SimpleNamespace(counts=True)
    term: Any = SimpleNamespace(
        name='x', loss=Reusing(), on='backbone', teachers=(ALONE,), request=request
    )
    with pytest.raises(ValueError, match="'x': Reusing .*reads the student alone; giv"):
        AtInference(nn.Module(), [term], [], [])
