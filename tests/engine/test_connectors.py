"""What is trained along is kept by any name, and resumed only where it fits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from torch import nn

from ckd_mm.engine.connectors import Connectors


def test_a_name_may_be_that_of_a_method_of_a_module() -> None:
    names = ('train', 'keys', 'modules', 'type', 'training')
    kept = Connectors([], {name: nn.Linear(2, 1) for name in names})
    saved: dict[str, Any] = {}
    kept.save(saved)
    assert {key.split('.')[0] for key in saved['ckd_mm']} == {*names}
    assert len([*kept.modules.parameters()]) == 2 * len(names)
    kept.load(saved)


@pytest.mark.parametrize(
    ('peers', 'message'),
    [
        ({}, "expected none, got 'wide' \\(2 tensors\\); it is of a run with other"),
        ({'narrow': nn.Linear(2, 1)}, "expected 'narrow' .* got 'wide'"),
        (
            {'wide': nn.Linear(3, 1)},
            r'wide.weight is \(1, 3\) here, \(1, 2\) in the checkpoint',
        ),
    ],
    ids=['none', 'renamed', 'other width'],
)
def test_a_state_of_others_is_refused(
    peers: Mapping[str, nn.Module], message: str
) -> None:
    saved: dict[str, Any] = {}
    Connectors([], {'wide': nn.Linear(2, 1)}).save(saved)
    with pytest.raises(ValueError, match=message):
        Connectors([], peers).load(saved)
