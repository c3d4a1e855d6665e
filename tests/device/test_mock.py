"""Controls of the mock: it sees what it is there to see, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from mmcv.ops import nms
from torch import Tensor, nn

from device.mock import MockTensor, mock_device

ROOT = Path(__file__).parents[2]


def by_mask(x: Tensor) -> None:
    x[x > 0] = torch.zeros(1, device='cuda')


def into_cpu(x: Tensor) -> None:
    torch.zeros(3).copy_(x)


WAITS: dict[str, Callable[[Tensor], Any]] = {
    'item': lambda x: x.sum().item(),
    'float': lambda x: float(x.sum()),
    'if': lambda x: 1 if x.any() else 0,
    'tolist': lambda x: x.tolist(),
    'mask': lambda x: x[x > 0],
    'write by mask': by_mask,
    'nonzero': lambda x: x.nonzero(),
    'where': lambda x: torch.where(x > 0),
    'masked_select': lambda x: torch.masked_select(x, x > 0),
    'equal': lambda x: torch.equal(x, x),
    'unique': lambda x: x.unique(),
    'repeat_interleave': lambda x: x.repeat_interleave(x.new_full((3,), 2).long()),
    'multinomial': lambda x: x.abs().multinomial(1, replacement=True),
    'cpu': lambda x: x.cpu(),
    'to cpu': lambda x: x.to('cpu'),
    'copy_ to cpu': into_cpu,
    'copy_ from cpu': lambda x: x.copy_(torch.zeros(3)),
    'to cuda': lambda x: torch.zeros(3).to('cuda'),
    'tensor': lambda x: torch.tensor([1.0], device='cuda'),
    'as_tensor': lambda x: torch.as_tensor([1.0], device='cuda'),
    'new_tensor': lambda x: x.new_tensor([1.0]),
    'list': lambda x: x[[0, 2]],
    'write by list': lambda x: x.__setitem__([0, 2], 0.0),
    'CPU indices': lambda x: x[torch.tensor([0, 2])],
    'synchronize': lambda x: torch.cuda.synchronize(),
}


@pytest.mark.parametrize('kind', WAITS)
def test_each_kind_of_wait_is_seen_with_its_line(device: Any, kind: str) -> None:
    x = torch.arange(-1.0, 2.0).to('cuda')
    if kind == 'synchronize' and not device.is_mock:
        pytest.skip('torch does not report those that one asks for')
    with device.record() as record:
        WAITS[kind](x)
    assert len(record.waits) == 1 or not device.is_mock and record.waits
    assert record.waits[0].lines[0].startswith('tests/device/test_mock.py:')


def test_what_does_not_wait_is_not_counted(device: Any) -> None:
    x, index = torch.rand(4, 3, device='cuda'), torch.arange(2, device='cuda')
    with device.record() as record:
        x[index].where(x[index] > 0.5, x[0].argmax()).sum()
        x[x > 0.5] = 0.0
        x[x[:, 0] > 0.5] = 0.0
        x.masked_fill(x > 0.5, 1.0)[:, :2].double().repeat_interleave(2, dim=0)
        torch.zeros(3).to('cuda', non_blocking=True)
        torch.zeros(2**16).pin_memory().to('cuda', non_blocking=True)
        torch.full((), 3, device='cuda') + torch.tensor(1.0)
        x.to('cpu', non_blocking=True)
    assert record.counts() == {}


def test_much_pageable_memory_waits_whatever_it_is_told(mock: Any) -> None:
    with mock.record() as record:
        torch.zeros(2**16).to('cuda', non_blocking=True)
    assert [one.what for one in record.waits] == [
        'copy of pageable memory to the device'
    ]


def test_a_wait_in_the_backward_pass_is_seen(device: Any) -> None:
    x = torch.ones(3, device='cuda', requires_grad=True)
    total = x[x > 0].sum()
    with device.record() as record:
        total.backward()
    assert len(record.waits) == 1


@pytest.mark.parametrize(
    'work',
    [
        lambda x: x + torch.ones(3),
        lambda x: torch.cat([x, torch.ones(3)]),
        lambda x: torch.stack([x.sum(), torch.tensor(1.0)]),
        lambda x: torch.ones(3)[x.long()],
        lambda x: torch.ones(3).add_(x),
        lambda x: torch.tensor(1.0).add_(x.sum()),
        lambda x: x.index_put_((x.long(),), torch.ones(3)),
        lambda x: nn.Linear(3, 1)(x),
        lambda x: torch.where(x > 0, x, torch.ones(3)),
        lambda x: nms(x.expand(4, 3).T.contiguous(), torch.ones(3), 0.5),
    ],
)
def test_tensors_of_both_devices_are_refused_together(
    device: Any, work: Callable[[Tensor], Any]
) -> None:
    x = torch.zeros(3, device='cuda')
    with pytest.raises(RuntimeError, match='device'):
        work(x)


def test_gradients_are_those_of_the_cpu(device: Any) -> None:
    net = nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.Flatten())
    images = torch.rand(2, 2, 5, 5)
    grads = []
    for place in ('cpu', 'cuda'):
        net.to(place).zero_grad()
        net(images.to(place)).square().sum().backward()
        grads.append([p.grad.cpu() + 0 for p in net.parameters() if p.grad is not None])
    torch.testing.assert_close(*grads)


def test_a_tensor_of_numbers_on_the_device_waits_for_them(device: Any) -> None:
    x = torch.arange(3.0).to('cuda')
    with device.record() as record:
        made = x.new_tensor([[x[1], 5.0], [x[2], 6.0]])
    assert len(record.waits) >= 2
    assert made.tolist() == [[1.0, 5.0], [2.0, 6.0]]


def test_an_empty_list_as_indices_chooses_nothing(device: Any) -> None:
    x = torch.zeros(3, 2).to('cuda')
    assert x[[]].shape == (0, 2) and x[:, []].shape == (3, 0)


def test_sparse_tensors_are_summed_as_on_the_cpu(device: Any) -> None:
    """As FreeAnchor does, which needs no gradient of them."""

    def summed(rows: Tensor) -> Tensor:
        indices = torch.tensor([[0, 1, 2], [1, 0, 1]], device=rows.device)
        return torch.sparse.sum(torch.sparse_coo_tensor(indices, rows), dim=0)

    rows = torch.arange(12.0).reshape(3, 4)
    with torch.no_grad():
        found = summed(rows.to('cuda')).to_dense()
    assert found.is_cuda
    torch.testing.assert_close(found.cpu(), summed(rows).to_dense())


def test_autocast_computes_in_half_precision(device: Any) -> None:
    a, b = torch.rand(2, 3, 3, device='cuda').unbind()
    with torch.autocast('cuda', torch.float16):
        assert (a @ b).dtype == torch.float16
        assert (a @ b).sum().dtype == torch.float32


def test_peak_and_launches_are_those_of_the_work(device: Any) -> None:
    x = torch.rand(2**18, device='cuda')  # 1 MiB
    with device.record() as record:
        with device.record() as inner:
            y = x + 1
            del y
        y, z = x + 1, x[::2]
        z = y * 2
        y = z
        del x
    assert (inner.launches, record.launches) == (1, 3)
    assert inner.peak_bytes == 2**20
    if device.is_mock:  # a peak of a GPU is that since the inner record
        assert record.peak_bytes == 2 * 2**20


def test_memory_that_the_graph_holds_is_live(device: Any) -> None:
    x = torch.rand(2**18, device='cuda', requires_grad=True)
    with device.record() as record:
        y = x.exp().exp().sum()
        del y
        y = x.exp().exp().sum()
        y.backward()
    assert record.peak_bytes >= 3 * 2**20  # both results, and a gradient


def race_free(side: Any, x: Tensor) -> Tensor:
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        y = x * 2
    torch.cuda.current_stream().wait_stream(side)
    return y + 1


def not_waited_before(side: Any, x: Tensor) -> Tensor:
    with torch.cuda.stream(side):
        y = x * 2
    torch.cuda.current_stream().wait_stream(side)
    return y + 1


def not_joined(side: Any, x: Tensor) -> Tensor:
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        y = x * 2
    return y + 1


def written_under_its_reader(side: Any, x: Tensor) -> Tensor:
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        x * 2
    return x.add_(1)


def given_away_too_early(side: Any, x: Tensor) -> Tensor:
    y = x * 2
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        y * 2
    del y
    return x + 1


def races(work: Callable[[Any, Tensor], Tensor], mock: Any) -> list[str]:
    x = torch.rand(3, device='cuda')
    with mock.record() as record:
        work(torch.cuda.Stream(), x)
    return record.races


@pytest.mark.parametrize(
    ('work', 'words'),
    [
        (not_waited_before, 'reads what another stream writes'),
        (not_joined, 'reads what another stream writes'),
        (written_under_its_reader, 'writes what another stream uses'),
        (given_away_too_early, 'may get memory that another stream still uses'),
    ],
)
def test_a_wait_stream_that_is_left_out_is_a_race(
    mock: Any, work: Callable[[Any, Tensor], Tensor], words: str
) -> None:
    assert words in races(work, mock)[0]


def test_streams_that_wait_for_each_other_do_not_race(mock: Any) -> None:
    assert races(race_free, mock) == []


def test_a_recorded_stream_keeps_the_memory(mock: Any) -> None:
    def recorded(side: Any, x: Tensor) -> Tensor:
        y = x * 2
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            y * 2
        y.record_stream(side)
        del y
        return x + 1

    assert races(recorded, mock) == []


def test_nothing_is_left_when_it_is_closed() -> None:
    before = torch.cuda.is_available(), torch.tensor, nn.Module.to, torch.load
    with mock_device():
        assert torch.cuda.is_available()
        assert isinstance(torch.ones(2, device='cuda'), MockTensor)
    assert before == (
        *(torch.cuda.is_available(), torch.tensor, nn.Module.to, torch.load),
    )
    x = torch.ones(2, requires_grad=True)
    (2 * x).sum().backward()
    assert x.grad is not None and x.grad.tolist() == [2.0, 2.0]


@pytest.mark.slow
def test_a_backward_pass_before_it_is_told() -> None:
    code = (
        'import torch\n'
        'torch.ones(1, requires_grad=True).backward()\n'
        'from device.mock import start_autograd\n'
        'start_autograd()'
    )
    done = subprocess.run(
        [sys.executable, '-c', code], cwd=ROOT, capture_output=True, text=True
    )
    assert 'call device.mock.start_autograd() before' in done.stderr


@pytest.mark.slow
def test_two_processes_build_at_once(tmp_path: Path) -> None:
    code = (
        'import pathlib\n'
        'from device.mock.build import load\n'
        f'load(pathlib.Path({str(tmp_path)!r}))'
    )
    builds = [
        subprocess.Popen([sys.executable, '-c', code], cwd=ROOT) for _ in range(2)
    ]
    assert [build.wait(timeout=100) for build in builds] == [0, 0]
    assert len(list(tmp_path.glob('*.so'))) == 1
    assert not list(tmp_path.glob('*.part'))
