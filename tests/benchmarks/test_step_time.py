"""benchmarks/step_time.py compares what it says it compares."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from mmdet.testing import demo_mm_inputs
from mmdet.utils import register_all_modules
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import MODELS, DefaultScope
from torch import Tensor

from benchmarks.steps import options
from benchmarks.steps import setting as setting_module
from benchmarks.steps.alone import alone
from benchmarks.steps.cases import cases_of, distiller_of, term_of
from benchmarks.steps.meters import flops, peak
from benchmarks.steps.options import measure_options, options_table
from benchmarks.steps.peers import peers
from benchmarks.steps.report import every, memory, steps, stream, work
from benchmarks.steps.setting import (
    Setting,
    digits_dense,
    digits_queries,
    imagenet,
    sample_of,
)
from benchmarks.steps.shares import ALONE, STEP, shares, shares_table
from benchmarks.steps.timing import Case, interleaved, ratios, spread
from ckd_mm.teachers import ModelView, Speed

from ..tasks import differences

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


@pytest.fixture
def setting(built: Setting) -> Setting:
    """The small detector of the tests, which learns: each test has its own."""
    return deepcopy(built)


@pytest.fixture(scope='module')
def built(
    detector_config: Callable[..., Config], tmp_path_factory: pytest.TempPathFactory
) -> Setting:
    torch.manual_seed(0)
    folder: Path = tmp_path_factory.mktemp('unused')
    models = []
    for width in (8, 16):
        with DefaultScope.overwrite_default_scope('mmdet'):
            model = MODELS.build(detector_config(folder, width=width).model)
        model.init_weights()
        models.append(model)
    student, teacher = models[0].train(), models[1].eval().requires_grad_(False)
    optimizer = build_optim_wrapper(
        student, dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.1))
    )
    batches = [demo_mm_inputs(2, [[3, 64, 96]] * 2, num_items=[3, 2], num_classes=10)]
    samples = [sample_of(student, batch) for batch in batches]
    return Setting('small', student, teacher, optimizer, samples, (32, 64))


def after(setting: Setting, title: str, name: str) -> dict[str, Tensor]:
    """The student's weights after one run of a case."""
    setting = deepcopy(setting)
    torch.manual_seed(0)
    cases_of(setting, title)[name](setting.samples[0])
    return setting.student.state_dict()


@pytest.mark.parametrize('title', ['CKD', 'KD', 'DKD', 'DIST'])
def test_the_step_of_the_authors_does_the_same_as_that_with_the_hook(
    setting: Setting, title: str
) -> None:
    hooked = after(setting, title, 'c')
    assert differences(hooked, after(setting, title, 'd'), tolerance=1e-4) == {}
    assert differences(hooked, after(setting, title, 'a'), tolerance=1e-4)


def test_the_teachers_case_leaves_the_student_alone(setting: Setting) -> None:
    before = deepcopy(setting.student.state_dict())
    assert differences(before, after(setting, 'CKD', 'b')) == {}


def test_the_hook_is_on_in_its_case_only(setting: Setting) -> None:
    case = cases_of(setting, 'CKD')['c']
    before = len(setting.student._forward_hooks)
    with case.prepared():
        assert len(setting.student._forward_hooks) == before + 1
    assert len(setting.student._forward_hooks) == before


def test_cases_run_in_turn_and_none_is_always_first(setting: Setting) -> None:
    order: list[str] = []

    @contextmanager
    def noted() -> Any:
        order.append('(')
        yield
        order.append(')')

    cases = {
        name: Case(lambda *_, name=name: order.append(name), noted) for name in 'abc'
    }
    seconds = interleaved(cases, setting.samples, rounds=3, warmup=1)
    assert ''.join(order) == '(a)(b)(c)(b)(c)(a)(c)(a)(b)(a)(b)(c)'
    assert {name: len(values) for name, values in seconds.items()} == dict(
        a=3, b=3, c=3
    )


def test_a_case_cannot_change_the_batch_of_the_next(setting: Setting) -> None:
    sample = setting.samples[0]
    Case(lambda batch, _: batch['inputs'].clear())(sample)
    assert len(sample.batch['inputs']) == 2


def test_ratios_are_taken_round_by_round() -> None:
    assert ratios([6.0, 2.0], [2.0, 1.0], [1.0, 1.0]) == [2.0, 1.0]
    assert spread([1.0, 2.0, 3.0, 4.0, 5.0], 1) == '3.0 (2.0 to 4.0)'
    assert spread([1.0]) == '1.000'


@pytest.mark.skipif(torch.cuda.is_available(), reason='counts tensors on the CPU')
def test_the_peak_is_what_is_held_at_a_time() -> None:
    def tensor() -> Tensor:
        return torch.empty(2**20, dtype=torch.uint8)

    def one_after_the_other() -> None:
        first = tensor()
        del first
        tensor()

    assert peak(lambda: [tensor(), tensor()]) == 2 * 2**20
    assert peak(one_after_the_other) == 2**20


def test_the_pieces_of_the_overhead_add_up_to_the_step(setting: Setting) -> None:
    found = shares(deepcopy(setting), ['CKD', 'DKD', 'ReviewKD'], rounds=2, warmup=1)
    assert found["the teacher's forward"][0] > 0
    assert all(found[f'{name}Loss'][0] > 0 for name in ('CKD', 'DKD', 'ReviewKD'))
    for number, whole in enumerate(found[STEP]):
        pieces = [values[number] for name, values in found.items() if name != STEP]
        assert sum(pieces) == pytest.approx(whole)
    assert len(shares_table(found)) == 2 + len(found)
    assert list(found)[0] == ALONE


def fails(graph: Any, inputs: Any) -> Any:
    """A backend of torch.compile that has no compiler."""
    raise RuntimeError('no compiler')


def test_an_option_that_does_not_run_is_left_out(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = dict(options.OPTIONS)
    known.pop('compile=True')
    broken = {'broken': Speed(compile=dict(backend=fails))}
    monkeypatch.setattr(options, 'OPTIONS', known | broken)
    measured = measure_options(setting, rounds=1, warmup=0)
    table = '\n'.join(options_table(measured))
    assert '- broken: does not run here (BackendCompilerFailed' in table
    assert '| broken' not in table
    assert measured.changes['fuse_bn=True'] < 1e-3
    assert measured.changes['channels_last=True'] < 1e-3
    assert 1e-4 < measured.changes["dtype='bfloat16'"] < 0.1
    assert 1e-5 < measured.changes["dtype='float16'"] < 0.01


def test_the_hook_adds_no_forward(setting: Setting) -> None:
    def counted(title: str) -> dict[str, int]:
        found = {}
        for name, case in cases_of(setting, title).items():
            with case.prepared():
                batch = deepcopy(setting.samples[0].batch)
                found[name] = flops(partial(case.run, batch, setting.samples[0]))
        return found

    kd = counted('KD')
    assert kd['c'] == kd['a'] + kd['b'] < kd['d']
    assert counted('CKD')['c'] > kd['c'], 'its cosines are matrix products'


@pytest.mark.parametrize('section', [steps, memory, work, every, stream])
def test_every_section_has_its_rows(setting: Setting, section: Any) -> None:
    titles = ['DKD', 'ReviewKD']
    text = '\n'.join(section(deepcopy(setting), titles, 1, 0))
    rows = {every: ['no hook', 'CKD', 'CKD, sched'], stream: ['CKD', 'CKD, stream']}
    for title in rows.get(section, titles):
        assert f'| {title}' in text


def test_the_teachers_options_reach_the_step(setting: Setting) -> None:
    term = term_of('CKD', setting)
    for speed in (Speed(), Speed(stream=True)):
        (view,) = distiller_of(setting, term, speed).views
        assert isinstance(view, ModelView)
        assert view.speed == speed


def test_memory_that_is_kept_needs_no_new_pages() -> None:
    """In a process of its own, as nothing takes it back."""
    code = """
import torch
from benchmarks.steps.meters import keep_freed, page_faults

def new_pages():
    return page_faults(lambda: torch.ones(2**24))

assert min(new_pages() for _ in range(16)) >= 32  # of 2 MiB, or more of 4 KiB
keep_freed()
assert min(new_pages() for _ in range(64)) < 8  # once there is room in the heap
"""
    subprocess.run([sys.executable, '-c', code], cwd=ROOT, check=True)


@pytest.mark.parametrize(
    ('size', 'titles'),
    [
        (digits_dense, ['CrossKD', 'CrossKD-connector']),
        (digits_queries, ['CrossKD']),
    ],
)
def test_dense_heads_and_queries_are_timed(
    size: Any, titles: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = demo_mm_inputs(2, [[3, 96, 96]] * 2, num_items=[3, 2], num_classes=10)
    monkeypatch.setattr(setting_module, '_digit_scenes', lambda cfg: [batch])
    register_all_modules()
    *_, step = steps(size(), titles, 3, 1)
    cells = [cell.strip() for cell in step.split('|')[1:-1]]
    pass_, hooked = (float(cell.split()[0]) for cell in cells[2:4])
    assert cells[0] == titles[-1] and pass_ < hooked
    assert not cells[4], 'the authors of CKD have none'


@pytest.fixture
def small_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """Instead of those of ImageNet's size."""
    random_images = setting_module._random_images
    monkeypatch.setattr(
        setting_module, '_random_images', lambda *_: random_images(4, 64)
    )


def test_a_peer_is_timed_beside_its_own_step_and_the_terms(
    setting: Setting, small_images: None
) -> None:
    still = build_optim_wrapper(  # as all that is timed
        setting.student,
        dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.0)),
    )
    rows = []
    for one, names in (
        (replace(setting, optimizer=still), ['| `neck`', '| `roi_logits`']),
        (imagenet(), ['| `logits`']),
    ):
        _, _, *table = peers(one, ['CKD'], rounds=1, warmup=0)
        assert [row.split(' | ')[0] for row in table[2:]] == names
        rows += table[2:]
    for row in rows:
        seconds = [float(cell) for cell in row.strip('| ').split(' | ')[1:]]
        assert seconds[4] == pytest.approx(seconds[3] / sum(seconds[:3]), rel=0.2)
        student, peer, _, step, _ = seconds  # the terms may take less than is shown
        assert min(student, peer, step) > 0


def test_a_student_alone_is_timed_beside_its_own_step_and_the_term(
    setting: Setting, small_images: None
) -> None:
    of_images = [
        'a deeper layer',
        'soft labels of its own (USKD)',
        'its logits of the epoch before',
    ]
    for one, names in (
        (setting, ['a deeper level of its neck']),
        (imagenet(), of_images),
    ):
        _, _, *table = alone(one, ['CKD'], rounds=2, warmup=1)
        cells = [row.strip('| ').split(' | ') for row in table[2:]]
        assert [row[0] for row in cells] == names
        for _, student, term, step, _ in cells:
            seconds = [float(each.split()[0]) for each in (student, term, step)]
            assert seconds[2] > 0 and seconds[0] > seconds[1]
