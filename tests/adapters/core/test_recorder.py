"""Toy modules whose values are known; the real models are in the adapters' tests."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from ckd_mm.adapters.core.recorder import Recorder, Tap


def toy() -> nn.Sequential:
    return nn.Sequential(nn.Identity(), nn.ReLU(), nn.Sequential(nn.Identity()))


def test_inputs_and_outputs_are_the_tensors_themselves() -> None:
    model, x = toy(), torch.tensor([-1.0, 2.0])
    before, after = Tap('1', 'input'), Tap('2.0')
    recorder = Recorder(model, [before, after])
    recorder.attach()
    recorder.open()
    y = model(x)
    assert recorder.calls(before)[0][0] is x
    assert recorder.calls(after)[0] is y


def test_a_module_that_runs_twice_has_two_values() -> None:
    model, tap = toy(), Tap('1')
    recorder = Recorder(model, [tap])
    recorder.attach()
    recorder.open()
    model(torch.ones(1))
    model(torch.full((1,), 2.0))
    assert [value.item() for value in recorder.calls(tap)] == [1.0, 2.0]


def test_nothing_is_noted_while_closed_and_open_forgets() -> None:
    model, tap = toy(), Tap('1')
    recorder = Recorder(model, [tap])
    recorder.attach()
    model(torch.ones(1))
    recorder.open()
    assert recorder.calls(tap) == []
    model(torch.ones(1))
    recorder.close()
    model(torch.ones(1))
    assert len(recorder.calls(tap)) == 1
    recorder.forget()
    recorder.open()
    assert recorder.calls(tap) == []


def test_detach_leaves_no_hook() -> None:
    model = toy()
    recorder = Recorder(model, [Tap('1'), Tap('2', 'input')])
    recorder.attach()
    assert any(module._forward_hooks for module in model.modules())
    recorder.detach()
    for module in model.modules():
        assert not module._forward_hooks
        assert not module._forward_pre_hooks


def test_a_list_is_noted_as_it_was_returned() -> None:
    """FSAF's loss puts other tensors into the list that its head returned."""

    class Levels(nn.Module):
        def forward(self, x: torch.Tensor) -> tuple[list, dict]:
            return [x, x + 1], dict(more=[x + 2])

    model, tap = nn.Sequential(Levels()), Tap('0')
    recorder = Recorder(model, [tap])
    recorder.attach()
    recorder.open()
    levels, more = model(torch.ones(1))
    levels[0] = levels[0] * 3
    levels.append(torch.zeros(1))
    more['more'].clear()
    ((noted, options),) = recorder.calls(tap)
    assert [level.item() for level in noted] == [1.0, 2.0]
    assert options['more'][0].item() == 3.0
    options['more'][0].add_(1)
    with pytest.raises(ValueError, match="output of '0' was overwritten"):
        recorder.calls(tap)


class _Writes(nn.Module):
    """Writes zeros into the first column."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x[:, 0] = 0
        return x


@pytest.mark.parametrize(
    ('after', 'by'),
    [(nn.ReLU(inplace=True), 'ReluBackward0'), (_Writes(), 'CopySlices')],
)
def test_a_value_that_was_overwritten_is_refused(after: nn.Module, by: str) -> None:
    model = nn.Sequential(nn.Linear(2, 2), after)
    tap = Tap('0')
    recorder = Recorder(model, [tap])
    recorder.attach()
    recorder.open()
    model(torch.ones(1, 2))
    with pytest.raises(
        ValueError,
        match=rf"output of '0' was overwritten .* by an operation in place \({by}\);",
    ):
        recorder.calls(tap)


def test_an_unknown_module_gets_near_names() -> None:
    model = nn.ModuleDict({'backbone': nn.Identity(), 'head': nn.Identity()})
    with pytest.raises(
        ValueError, match="no module 'backbon'; did you mean 'backbone'"
    ):
        Recorder(model, [Tap('backbon')])


def test_a_run_apart_is_noted_for_its_taps_alone() -> None:
    model = toy()
    taps = [Tap('1'), Tap('1', run=0), Tap('1', run='two')]
    recorder = Recorder(model, taps)
    recorder.attach()
    recorder.open()
    for number, name in enumerate((0, 1, 'two')):
        with recorder.during(name):
            model(torch.full((1,), float(number)))
    model(torch.full((1,), 5.0))
    noted = [[v.item() for v in recorder.calls(tap)] for tap in taps]
    assert noted == [[5.0], [0.0], [2.0]]


def test_a_run_apart_is_noted_after_the_own_one_is_closed() -> None:
    model, plain, of_run = toy(), Tap('1'), Tap('1', run=0)
    recorder = Recorder(model, [plain, of_run])
    recorder.attach()
    recorder.open()
    model(torch.full((1,), 1.0))
    recorder.close()
    with recorder.during(0):
        model(torch.full((1,), 2.0))
    with recorder.during(0):
        model(torch.full((1,), 3.0))
    model(torch.full((1,), 4.0))
    noted = [[v.item() for v in recorder.calls(tap)] for tap in (plain, of_run)]
    assert noted == [[1.0], [2.0, 3.0]]
