"""The forms in which weights are published: a classifier's, wrapped in many ways."""

from __future__ import annotations

import math
import re
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from torch import Tensor

from ckd_mm.teachers import build_teacher, load_weights
from ckd_mm.teachers.loading import checkpoint
from ckd_mm.teachers.loading.safe import TRUST

from ..adapters.detectors import narrow_dense
from .conversions import rename
from .zoo_models import build, detector

State = dict[str, Tensor]


pytestmark = pytest.mark.usefixtures('quiet')


@pytest.fixture
def warned(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    seen: list[str] = []
    monkeypatch.setattr(checkpoint, 'print_log', lambda text, **_: seen.append(text))
    return seen


def prefixed(state: State, prefix: str) -> State:
    return {prefix + name: value for name, value in state.items()}


def history() -> HistoryBuffer:
    buffer = HistoryBuffer()
    buffer.update(1.0)
    return buffer


FORMS: dict[str, Callable[[State], Any]] = {
    'state_dict': lambda state: dict(state_dict=state),
    'plain': lambda state: state,
    'module.': lambda state: prefixed(state, 'module.'),
    'module. twice': lambda state: dict(state_dict=prefixed(state, 'module.module.')),
    '_orig_mod.': lambda state: dict(state_dict=prefixed(state, '_orig_mod.')),
    'module._orig_mod.': lambda state: prefixed(state, 'module._orig_mod.'),
    '_orig_mod. of a part': lambda state: rename(('backbone.', 'backbone._orig_mod.'))(
        state
    ),
    'numpy': lambda state: {name: value.numpy() for name, value in state.items()},
    'parameters': lambda state: {
        name: torch.nn.Parameter(value) if value.is_floating_point() else value
        for name, value in state.items()
    },
    'HistoryBuffer and numpy in the rest': lambda state: dict(
        state_dict=state,
        message_hub=dict(log_scalars=dict(loss=history())),
        meta=dict(seed=np.int64(1), lr=np.float32(0.1)),
    ),
    'without num_batches_tracked': lambda state: {
        name: value for name, value in state.items() if 'num_batches' not in name
    },
    'versions, without num_batches_tracked': lambda state: dict(
        state_dict=versioned(
            {name: value for name, value in state.items() if 'num_b' not in name}, state
        )
    ),
    'None as state_dict': lambda state: dict(state_dict=None, **state),
}


def versioned(weights: State, like: Any) -> OrderedDict[str, Tensor]:
    kept = OrderedDict(weights)
    kept._metadata = like._metadata  # type: ignore[attr-defined]
    return kept


@pytest.mark.parametrize('form', FORMS)
def test_a_published_form_loads_without_a_word(
    form: str, state: State, load: Any, warned: list[str]
) -> None:
    model, _ = load(FORMS[form](state))
    for name, value in model.state_dict().items():
        assert torch.equal(value, state[name]), name
    assert not warned


def test_float16_is_loaded_into_float32(state: State, load: Any) -> None:
    half = {
        name: value.half() if value.is_floating_point() else value
        for name, value in state.items()
    }
    for name, value in load(half)[0].state_dict().items():
        assert value.dtype == state[name].dtype
        assert torch.equal(value, half[name].to(value.dtype)), name


def test_a_whole_model_loads_if_the_user_trusts_it(
    classifier_teacher: dict[str, Any],
    state: State,
    load: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(TRUST, '1')
    loaded, _ = load(build_teacher(**classifier_teacher))
    for name, value in loaded.state_dict().items():
        assert torch.equal(value, state[name]), name


TOO_MUCH: dict[str, tuple[dict[str, Any], str]] = {
    'data_preprocessor': (
        {'data_preprocessor.mean': torch.ones(3, 1, 1), 'data_preprocessor.std': 1},
        r'2 entries .* ignored: data_preprocessor.mean, data_preprocessor.std$',
    ),
    'ema': (
        {f'ema_backbone_layer{i}_weight': torch.ones(1) for i in range(20)},
        r'20 entries .* ignored: ema_\* \(20\)$',
    ),
    'ema with NaN': (
        {'ema_backbone_conv1_weight': torch.full((1,), math.nan)},
        r'1 entries .* ignored: ema_backbone_conv1_weight$',
    ),
    'steps of an averaged model': ({'steps': torch.tensor(3)}, 'ignored: steps$'),
    'a number': ({'_extra_state': 3}, 'ignored: _extra_state$'),
    'a deeper model': (
        {f'backbone.layer3.{i}.conv1.weight': torch.ones(1) for i in range(2, 23)},
        r'ignored: backbone.layer3.2.\* \(1\), .*, \.\.\.; this may be the file of a '
        'deeper model$',
    ),
    'another head': (
        {f'head.fcs.{i}.weight': torch.ones(1) for i in range(9)}
        | {f'neck.convs.{i}.weight': torch.ones(1) for i in range(2)},
        r'11 entries .* ignored: head.fcs.\* \(9\), neck.\* \(2\)$',
    ),
}


@pytest.mark.parametrize('name', TOO_MUCH)
def test_what_a_file_has_too_much_is_one_warning(
    name: str, state: State, load: Any, warned: list[str]
) -> None:
    more, text = TOO_MUCH[name]
    model, _ = load(dict(state_dict={**state, **more}))
    assert all(torch.equal(v, state[k]) for k, v in model.state_dict().items())
    (line,) = warned
    assert re.search(text, line), line
    assert 'ImageClassifier' in line


PARTS: dict[str, tuple[Callable[[State, State], Any], str]] = {
    'mmrazor': (lambda right, _: prefixed(right, 'architecture.'), 'architecture.'),
    'lightning': (
        lambda right, _: dict(state_dict=prefixed(right, 'model.')),
        'model.',
    ),
    'model': (lambda right, _: dict(model=right, epoch=3, optimizer={}), 'model.'),
    'model of a wrapper': (
        lambda right, _: dict(model=prefixed(right, 'module.')),
        'model.',
    ),
    'average beside None': (
        lambda right, _: dict(state_dict=None, state_dict_ema=right),
        'state_dict_ema.',
    ),
    'student of two': (
        lambda right, wrong: prefixed(right, 'student.') | prefixed(wrong, 'teacher.'),
        'student.',
    ),
    'teacher of two': (
        lambda right, wrong: prefixed(wrong, 'student.') | prefixed(right, 'teacher.'),
        'teacher.',
    ),
    'two levels': (
        lambda right, _: dict(model=prefixed(right, 'student.')),
        'model.student.',
    ),
}


@pytest.mark.parametrize('name', PARTS)
def test_the_error_says_the_prefix_that_loads(
    name: str, state: State, load: Any
) -> None:
    make, prefix = PARTS[name]
    content = make(state, {name: value + 1 for name, value in state.items()})
    with pytest.raises(ValueError, match='its names begin with .*; write prefix=') as e:
        load(content)
    assert repr(prefix) in str(e.value)
    for written in (prefix, prefix.removesuffix('.')):
        model, _ = load(content, written)
        for key, value in model.state_dict().items():
            assert torch.equal(value, state[key]), key


def test_a_prefix_can_take_weights_that_lie_beside_state_dict(
    state: State, load: Any
) -> None:
    """MMEngine keeps the weights before averaging as `ema_state_dict`."""
    raw = prefixed({name: value + 1 for name, value in state.items()}, 'module.')
    model, meta = load(
        dict(state_dict=state, ema_state_dict=raw, meta=dict(epoch=2)),
        'ema_state_dict.',
    )
    assert torch.equal(model.head.fc.weight, state['head.fc.weight'] + 1)
    assert meta == dict(epoch=2)


def test_a_prefix_that_nothing_has_names_those_that_there_are(
    state: State, load: Any
) -> None:
    with pytest.raises(ValueError, match="'studnet.'; did you mean 'student.'"):
        load(prefixed(state, 'student.'), 'studnet.')


def test_versions_of_modules_are_kept_behind_a_prefix(
    imported: None, tmp_path: Path
) -> None:
    """FCOS renames old names only in files without its version."""
    config = detector('fcos/fcos_r50-caffe_fpn_gn-head_1x_coco', narrow_dense)
    fcos = build(config(), seed=0)
    old = rename(('conv_cls', 'fcos_cls'))(prefixed(fcos.state_dict(), 'student.'))
    torch.save(old, tmp_path / 'file.pth')
    load_weights(fcos, str(tmp_path / 'file.pth'), 'student.')
    noted = OrderedDict(old)
    noted._metadata = {'student.bbox_head': dict(version=1)}  # type: ignore[attr-defined]
    torch.save(noted, tmp_path / 'file.pth')
    error = r'missing \(bbox_head.conv_cls.* unexpected \(bbox_head.fcos_cls'
    with pytest.raises(ValueError, match=error):
        load_weights(fcos, str(tmp_path / 'file.pth'), 'student.')
