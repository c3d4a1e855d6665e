"""The option `shard` of a teacher in one process; `distributed` has two."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from torch import nn

from ckd_mm.teachers import ZooTeacher, read_teachers

from ..tasks import Task, differences, weights


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(config='x.py', shard=1), 'shard must be True or False, got 1'),
        (dict(config='x.py', shard='yes'), "shard must be True or False, got 'yes'"),
        (dict(config='x.py', shards=True), "'shards'; did you mean 'shard'"),
        (dict(ema=True, shard=True), 'dtype and stream go with it, got shard'),
        (dict(cache='c', shard=True), 'go with it, got shard'),
        (
            dict(config='x.py', shard=True, channels_last=True),
            'shard=True does not go with channels_last, as FSDP2 shards contiguous',
        ),
        (
            dict(config='x.py', shard=True, stream=True),
            'shard=True does not go with stream, as .* was not tried on a GPU',
        ),
    ],
)
def test_wrong_options_are_refused_when_the_hook_is_built(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        read_teachers(options)


def test_it_goes_with_the_other_options() -> None:
    options = dict(dtype='bfloat16', fuse_bn=True, compile=True)
    (kind,) = read_teachers(dict(config='x.py', shard=True, **options))
    assert isinstance(kind, ZooTeacher) and kind.shard


def test_pytorch_shards_no_weights_in_channels_last(one_rank: None) -> None:
    from torch.distributed.fsdp import fully_shard

    conv = nn.Conv2d(3, 4, 3)
    channels_last = conv.weight.contiguous(memory_format=torch.channels_last)
    conv.weight = nn.Parameter(channels_last)
    with pytest.raises(NotImplementedError, match='non-contiguous'):
        fully_shard(conv)


@pytest.mark.slow
@pytest.mark.parametrize('task', ['classifier'], indirect=True)
def test_with_one_process_the_teacher_stays_whole_and_a_warning_says_so(
    task: Task, run: Callable[[Config], Runner], tmp_path: Path
) -> None:
    ends = []
    for shard in (False, True):
        cfg = task.config(tmp_path / str(shard), custom_hooks=[task.hook()])
        cfg.custom_hooks[0].teacher.shard = shard
        ends.append(weights(run(cfg)))
    assert differences(*ends) == {}
    log = next((tmp_path / 'True').glob('*/*.log')).read_text()
    assert 'this run has one; the teacher stays whole' in log
