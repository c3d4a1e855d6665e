"""What does each loss add to a training step at COCO's size: memory and launches.

    python benchmarks/map_cost.py [--device cpu] [--json FILE]   # cuda: real figures
    python benchmarks/map_cost.py --losses FDLoss GramLoss       # these alone
    PYTHONPATH=OTHER_CHECKOUT python benchmarks/map_cost.py --json BEFORE.json
    python benchmarks/map_cost.py --table BEFORE.json AFTER.json [--out REPORT.md]

Forward and backward of every registered loss that keeps nothing of earlier steps: on an
FPN's maps of two images of 800 x 1333, or on the rows of 1024 RoIs. In float32, and
under AMP, where the models give maps and rows in half precision. On the default device
`fake` nothing is computed: fake tensors have sizes and no numbers, which takes seconds.
"""

from __future__ import annotations

import argparse
import inspect
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch
from environment import describe
from live_memory import Cost, LiveMemory
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

import ckd_mm.losses  # noqa: F401 (registers)
from ckd_mm.registry import LOSSES

__all__: list[str] = []

WIDTH, IMAGES, IMAGE_SIZE = 256, 2, (800, 1344)  # padded to a multiple of 32
NECKS = {
    'FPN, strides 4 to 64': (4, 8, 16, 32, 64),
    'FPN, strides 8 to 128': (8, 16, 32, 64, 128),
}
LOGITS, EMBEDDINGS = '1024 x 81 logits', '1024 x 1024 embeddings'
ROWS = {LOGITS: 81, EMBEDDINGS: 1024}
NUM_ROWS, BOXES_PER_IMAGE, NUM_QUERIES = 1024, 7, 300
OF_LOGITS = ('CKDLoss',)  # takes any rows, and is meant for logits
OTHER = ('BoxRegressionLoss', 'CRDLoss', 'NDLoss', 'TaTLoss')
"""They take boxes, keep a table of the data, or refuse maps of a neck's size."""
MODES = ('float32', 'AMP')
Costs = dict[str, dict[str, dict[str, float]]]


def main() -> None:
    args = _parse_args()
    if args.table:
        before, after = args.table
        text = _report(before, after)
        print(text)
        if args.out:
            args.out.write_text(text)
        return
    command = f'python benchmarks/map_cost.py --device {args.device}'
    if args.losses:
        command += ' --losses ' + ' '.join(args.losses)
    found: dict[str, Any] = {
        'environment': describe(command),
        'device': args.device,
        'costs': costs(args.device, args.losses),
    }
    if args.json:
        args.json.write_text(json.dumps(found, indent=1) + '\n')
    print(json.dumps(found['costs'], indent=1))


def costs(device: str, losses: Sequence[str] = ()) -> Costs:
    """MiB and launches, by input, loss and mode."""
    found: Costs = {}
    for name in sorted(losses or LOSSES.module_dict):
        for on in _inputs_of(name):
            found.setdefault(on, {})[name] = {
                f'{mode}, {unit}': number
                for mode in MODES
                for unit, number in _measure(name, on, mode, device).items()
            }
    return found


def _inputs_of(name: str) -> tuple[str, ...]:
    cls = LOSSES.module_dict[name]
    if name in OTHER or not cls.__module__.startswith('ckd_mm.'):
        return ()
    if 'maps' in cls.takes:
        return tuple(NECKS)
    return (LOGITS if cls.takes == 'distribution' or name in OF_LOGITS else EMBEDDINGS,)


def _measure(name: str, on: str, mode: str, device: str) -> dict[str, float]:
    real = 'cpu' if device == 'fake' else device
    half = torch.float16 if real == 'cuda' else torch.bfloat16
    with FakeTensorMode() if device == 'fake' else nullcontext():
        with torch.device(real):
            loss = _build(name)
        dtype = half if mode == 'AMP' else torch.float32
        inputs = list(_inputs(loss, on, dtype, real))

        def step() -> None:
            with torch.autocast(real, dtype=half, enabled=mode == 'AMP'):
                value = loss(*inputs)
            value.backward()

        found = _cost(step, [inputs, list(loss.parameters())], real)
    return {'MiB': round(found.peak / 2**20, 1), 'launches': found.launches}


def _cost(step: Any, known: Any, device: str) -> Cost:
    with _cuda_peak(device) as peak, LiveMemory(known) as live:
        step()
    return Cost(peak() if device == 'cuda' else live.peak, live.launches)


@contextmanager
def _cuda_peak(device: str) -> Iterator[Any]:
    if device != 'cuda':
        yield None
        return
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    yield lambda: torch.cuda.max_memory_allocated() - before


def _build(name: str) -> Any:
    cls = LOSSES.module_dict[name]
    takes = inspect.signature(cls).parameters
    width = [WIDTH] * 5
    channels = {'student_channels': width, 'teacher_channels': width}
    return cls(**{key: value for key, value in channels.items() if key in takes})


def _inputs(loss: Any, on: str, dtype: torch.dtype, device: str) -> Iterator[Any]:
    """Student and teacher, then what else the loss asks for, in its order."""
    rows = torch.arange(NUM_ROWS, device=device)
    of_boxes = torch.rand(BOXES_PER_IMAGE, 2, device=device) * 400
    anchors = [torch.rand(h * w * 3, 4, device=device) for h, w in _sizes(on)]
    others = {
        'target': rows % 81,
        'image_index': rows // 512,
        'epoch': 2.5,
        'boxes': [torch.cat([of_boxes, of_boxes + 90], dim=1)] * IMAGES,
        'image_size': IMAGE_SIZE,
        'image_shapes': [(800, 1333)] * IMAGES,
        'anchors': anchors,
        'queries': torch.randn(6, IMAGES, NUM_QUERIES, WIDTH, device=device),
        'quality': torch.rand(6, IMAGES, NUM_QUERIES, device=device),
    }
    for requires_grad in (True, False):
        yield _both(on, dtype, device, requires_grad)
    for name in list(inspect.signature(loss.forward).parameters)[2:]:
        yield others[name]


def _both(on: str, dtype: torch.dtype, device: str, requires_grad: bool) -> Any:
    def draw(*shape: int) -> Tensor:
        drawn = torch.randn(shape, device=device).to(dtype)
        return drawn.requires_grad_(requires_grad)

    if on in ROWS:
        return draw(NUM_ROWS, ROWS[on])
    return [draw(IMAGES, WIDTH, *size) for size in _sizes(on)]


def _sizes(on: str) -> list[tuple[int, int]]:
    height, width = IMAGE_SIZE
    return [(-(-height // s), -(-width // s)) for s in NECKS.get(on, ())]


def _report(before: dict[str, Any], after: dict[str, Any]) -> str:
    lines = [
        '# Memory and launches that each loss adds to a step',
        '',
        *(
            f'{title}:\n\n{found["environment"]}\n'
            for title, found in (('Before', before), ('After', after))
        ),
        f'- Device: {after["device"]}. Forward and backward of the loss alone. MiB at '
        'the peak, beyond the inputs and the parameters; the gradients of both count. '
        'Launches: operators that compute something, views left out.',
        f'- {IMAGES} images of 800 x 1333, padded to {IMAGE_SIZE[0]} x '
        f'{IMAGE_SIZE[1]}, with {BOXES_PER_IMAGE} boxes each; all levels {WIDTH} '
        'channels wide, in both models. AMP: bfloat16 on a CPU, float16 on a GPU.',
    ]
    for on in after['costs']:
        lines += ['', f'## {on}', '', *_table(before['costs'][on], after['costs'][on])]
    return '\n'.join(lines) + '\n'


def _table(before: Any, after: Any) -> Iterator[str]:
    columns = [f'{mode}, {unit}' for unit in ('MiB', 'launches') for mode in MODES]
    heads = [f'{column}: {when}' for column in columns for when in ('before', 'after')]
    yield '| loss | ' + ' | '.join(heads) + ' |'
    yield '|---' * (1 + len(heads)) + '|'
    for name, costs_after in after.items():
        cells = [
            f'{found[column]:,.0f}'
            for column in columns
            for found in (before[name], costs_after)
        ]
        yield f'| {name} | ' + ' | '.join(cells) + ' |'


def _parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or '').splitlines()[0])
    parser.add_argument('--device', default='fake', choices=('fake', 'cpu', 'cuda'))
    parser.add_argument('--losses', nargs='+', default=(), help='of these alone')
    parser.add_argument('--json', type=Path, help='write the figures to a file')
    parser.add_argument(
        '--table',
        nargs=2,
        type=_figures,
        metavar=('BEFORE', 'AFTER'),
        help='make a table of two files that --json has written',
    )
    parser.add_argument('--out', type=Path, help='where the table is written')
    args = parser.parse_args()
    if args.device == 'cuda' and not torch.cuda.is_available():
        parser.error('torch sees no GPU here; leave --device out, which needs none')
    return args


def _figures(name: str) -> Any:
    try:
        found = json.loads(Path(name).read_text())
        return {key: found[key] for key in ('environment', 'device', 'costs')}
    except OSError as error:
        raise argparse.ArgumentTypeError(f'{name}: {error.strerror}') from error
    except (ValueError, KeyError, TypeError) as error:
        raise argparse.ArgumentTypeError(
            f'{name} is not what --json has written'
        ) from error


if __name__ == '__main__':
    main()
