"""What a checkpoint has in place of the student's modules."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ckd_mm.engine.connectors import KEY as CONNECTORS
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


def test_a_loss_of_the_student_alone_gives_no_modules_of_a_teacher() -> None:
    request = SimpleNamespace(counts=True)
    term: Any = SimpleNamespace(
        name='x', loss=Reusing(), on='backbone', teachers=(ALONE,), request=request
    )
    with pytest.raises(ValueError, match="'x': Reusing .*reads the student alone; giv"):
        AtInference(nn.Module(), [term], [], [])
