"""Adapters of plugins that cannot work are refused when they are defined."""

from __future__ import annotations

import pytest

from ckd_mm.adapters import Adapter, build_adapter

from ..detectors import faster_rcnn


@pytest.mark.parametrize('old', ['comparisons', 'run_teacher', 'extras'])
def test_an_adapter_of_version_0_1_is_told_what_its_methods_are_called(
    old: str,
) -> None:
    with pytest.raises(ValueError, match=rf'Mine has the method {old}\(\) of version'):
        type('Mine', (Adapter,), {old: lambda self: {}})


def test_two_modules_are_named_by_strings() -> None:
    adapter = build_adapter(faster_rcnn(), faster_rcnn(seed=1))
    on = dict(student=['backbone.layer1'], teacher=['backbone.layer1'])
    with pytest.raises(ValueError, match="'maps': .*by a string; several pairs are"):
        adapter.bind('maps', on, ())
