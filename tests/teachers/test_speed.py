"""A cheaper forward of the teacher says nearly the same, and changes nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.hub import get_config
from mmengine.model import BaseModel
from mmengine.registry import MODELS, DefaultScope
from mmengine.runner import Runner
from torch import Tensor, nn

from ckd_mm.hooks import DistillationHook
from ckd_mm.teachers import EMATeacher, Speed, read_teachers
from ckd_mm.teachers.streams import SideStream

from ..tasks import Task, differences, teacher_model, weights
from .tf32 import emulate_tf32, precision

pytestmark = pytest.mark.slow

Train = Callable[[Config], Runner]
ON = {'detector': 'neck', 'classifier': 'backbone'}
OPTIONS: dict[str, tuple[dict[str, Any], float]] = {
    'bfloat16': (dict(dtype='bfloat16'), 3e-2),
    'float16': (dict(dtype='float16'), 3e-3),
    'channels_last': (dict(channels_last=True), 1e-4),
    'fuse_bn': (dict(fuse_bn=True), 1e-4),
    'compile': (dict(compile=dict(backend='eager')), 1e-4),
    'stream': (dict(stream=True), 0.0),
}


def config(task: Task, work_dir: Path, weight: float, **options: Any) -> Config:
    """A term on all levels of the feature maps, which every option reaches."""
    term = dict(on=ON[task.name], loss=dict(type='NSTLoss', loss_weight=weight))
    hook = dict(
        type='DistillationHook',
        teacher=dict(task.teacher, **options),
        distill=dict(nst=term),
    )
    return few(task.config(work_dir, custom_hooks=[hook]))


def few(cfg: Config) -> Config:
    """Two whole batches; a batch of another size would be compiled once more."""
    cfg.train_dataloader.dataset.indices = 2 * cfg.train_dataloader.batch_size
    return cfg


def first_loss(runner: Runner) -> float:
    return float(runner.message_hub.get_scalar('train/loss_nst').data[0][0])


@pytest.fixture(scope='module')
def plain(task: Task, run: Train, tmp_path_factory: Any) -> Runner:
    return run(config(task, tmp_path_factory.mktemp('plain'), 1.0))


def test_these_tests_compare_in_whole_float32() -> None:
    assert not torch.backends.cudnn.allow_tf32


@pytest.mark.parametrize('name', OPTIONS)
def test_its_outputs_are_nearly_those_of_the_plain_forward(
    task: Task, plain: Runner, run: Train, tmp_path: Path, name: str
) -> None:
    options, tolerance = OPTIONS[name]
    fast = run(config(task, tmp_path, 1.0, **options))
    assert first_loss(fast) == pytest.approx(first_loss(plain), rel=tolerance)
    if 'dtype' in options:
        assert first_loss(fast) != first_loss(plain), 'ran in float32'


@pytest.mark.parametrize('rois', ['sampled', 'teacher'])
def test_bfloat16_reaches_the_roi_logits_though_roi_align_does_not_know_it(
    request: pytest.FixtureRequest, run: Train, tmp_path: Path, rois: str
) -> None:
    detector = Task(request, 'detector')

    def loss(**options: Any) -> float:
        cfg = config(detector, tmp_path / str(len(options)), 1.0, **options)
        on = dict(part='roi_logits', rois=rois)
        term = dict(on=on, loss=dict(type='KDLoss'))
        cfg.custom_hooks[0].distill = dict(nst=term)
        return first_loss(run(cfg))

    plain, half = loss(), loss(dtype='bfloat16')
    assert half != plain, 'ran in float32'
    assert half == pytest.approx(plain, rel=0.1)


@pytest.mark.parametrize('dtype', ['bfloat16', 'float16'])
def test_with_all_of_them_and_weight_zero_the_student_is_the_stock_one(
    task: Task, run: Train, tmp_path: Path, dtype: str
) -> None:
    options: dict[str, Any] = {}
    for option, _ in OPTIONS.values():
        options.update(option)
    options['dtype'] = dtype
    zero = run(config(task, tmp_path / 'zero', 0.0, **options))
    stock = run(few(task.config(tmp_path / 'stock')))
    assert differences(weights(stock), weights(zero)) == {}


@pytest.mark.parametrize('stream', [False, True])
def test_with_a_stream_the_teacher_begins_before_the_student(
    task: Task, run: Train, tmp_path: Path, stream: bool
) -> None:
    begun: list[str] = []

    class Watch(Hook):
        priority = 'LOWEST'

        def before_train(self, runner: Runner) -> None:
            hooks = (h for h in runner.hooks if isinstance(h, DistillationHook))
            teacher = teacher_model(next(hooks))
            models = dict(student=runner.model, teacher=teacher)
            for name, model in models.items():
                model.backbone.register_forward_pre_hook(
                    lambda *_, name=name: begun.append(name)
                )

    cfg = config(task, tmp_path, 1.0, stream=stream)
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    runner = Runner.from_cfg(cfg)
    runner.register_hook(Watch())
    runner.train()
    assert begun[:2] == (['teacher', 'student'] if stream else ['student', 'teacher'])
    assert len(begun) == 2 * runner.iter


@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')
def test_on_a_gpu_work_beside_is_waited_for() -> None:
    device = torch.device('cuda')
    stream, x = SideStream(device), torch.ones(4096, 4096, device=device)
    with stream.beside():
        y = x
        for _ in range(20):
            y = y @ x / 4096
    stream.join()
    assert torch.equal(y.cpu(), torch.ones(4096, 4096))


@pytest.fixture
def model(task: Task) -> BaseModel:
    cfg = Config.fromfile(task.teacher['config'])
    if cfg.get('data_preprocessor'):
        cfg.model.data_preprocessor = cfg.data_preprocessor
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        model = MODELS.build(cfg.model)
    model.init_weights()
    return model.eval().requires_grad_(False)


def set_statistics(model: BaseModel) -> None:
    """BatchNorms as in a trained network, whose folding changes the weights."""
    for name, buffer in model.named_buffers():
        if name.endswith('running_mean'):
            buffer.uniform_(-1, 1)
        elif name.endswith('running_var'):
            buffer.uniform_(0.5, 2)


def test_fusing_leaves_no_batch_norm_and_the_global_random_state(
    model: BaseModel,
) -> None:
    set_statistics(model)
    state = torch.get_rng_state()
    Speed(fuse_bn=True).prepare(model)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in model.modules())
    assert torch.equal(torch.get_rng_state(), state)


def test_fusing_is_not_refused_where_convolutions_compute_in_tf32(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As they do by default on every GPU since Ampere."""
    model = zoo_teacher_with_statistics_of_data()
    emulate_tf32(monkeypatch)
    assert precision() == 'tf32'
    Speed(fuse_bn=True).prepare(model)
    assert precision() == 'tf32'


def test_channels_last_is_the_layout_of_weights_and_images(model: BaseModel) -> None:
    speed = Speed(channels_last=True)
    weight = speed.prepare(model).backbone.layer2[0].conv1.weight
    assert weight.is_contiguous(memory_format=torch.channels_last)
    images = speed.inputs(torch.rand(2, 3, 8, 8))
    assert images.is_contiguous(memory_format=torch.channels_last)


def zoo_teacher_with_statistics_of_data() -> BaseModel:
    """R50 of Faster R-CNN. Rounding grows where statistics are those of the data."""
    cfg = get_config('mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py').model
    cfg.backbone.init_cfg = None
    with DefaultScope.overwrite_default_scope('mmdet'):
        model = MODELS.build(cfg)
    torch.manual_seed(0)
    model.init_weights()
    model.eval().requires_grad_(False)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.train().reset_running_stats()
            module.momentum = None
    model.extract_feat(torch.randn(2, 3, 96, 96))
    return model.eval()


class Backwards(BaseModel):
    """Normalises before it convolves, whatever the order of its modules suggests."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1)
        self.bn = nn.BatchNorm2d(3)

    def extract_feat(self, images: Tensor) -> Tensor:
        return self.conv(self.bn(images))

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError


def test_a_network_that_normalises_before_it_convolves_is_not_fused() -> None:
    model = Backwards().eval().requires_grad_(False)
    set_statistics(model)
    with pytest.raises(ValueError, match='BatchNorms do not all follow a convolution'):
        Speed(fuse_bn=True).prepare(model)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(dtype='float8'), "'bfloat16' or 'float16', got 'float8'"),
        (dict(channels_last=1), 'channels_last must be True or False, got 1'),
        (dict(fuse_bn='yes'), "fuse_bn must be True or False, got 'yes'"),
        (dict(stream=None), 'stream must be True or False, got None'),
        (dict(compile='inductor'), '^teacher: compile must be True, False or a dict'),
        (dict(compile=dict(bakend='eager')), "^teacher: compile .*'bakend'; did you "),
        (dict(compile=dict(backend='eagr')), "^teacher: compile.*'eagr'"),
        (dict(compile=dict(mode='fast')), '^teacher: compile.*one of: default'),
        (dict(compile=dict(model=1)), "^teacher: compile has no option 'model'"),
        (dict(compile=dict(dynamic='yes')), "^teacher: compile.*'dynamic': 'yes'"),
        (dict(dtyp='float16'), "'dtyp'; did you mean 'dtype'"),
    ],
)
def test_wrong_options_are_refused_when_the_hook_is_built(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        read_teachers(dict(config='x.py', **options))


def test_the_run_s_own_average_stays_as_it_is() -> None:
    with pytest.raises(ValueError, match='dtype and stream go with it'):
        read_teachers(dict(ema=True, fuse_bn=True))
    (kind,) = read_teachers(dict(ema=True, dtype='bfloat16'))
    assert kind == EMATeacher(ema=True, speed=Speed(dtype='bfloat16'))


def test_a_compiled_teacher_is_that_of_the_hook(
    task: Task, run: Train, tmp_path: Path
) -> None:
    """`compile` reaches backbone and neck, whose outputs the terms read."""
    compiled: list[bool] = []

    class Spy(DistillationHook):
        def before_train_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
            super().before_train_iter(runner, *args, **kwargs)
            teacher = teacher_model(self)
            compiled.append(teacher.backbone._compiled_call_impl is not None)

    cfg = config(task, tmp_path, 1.0, compile=dict(backend='eager'))
    hook = cfg.pop('custom_hooks')[0].to_dict()
    hook.pop('type')
    runner = Runner.from_cfg(cfg)
    runner.register_hook(Spy(**hook))
    runner.train()
    assert compiled and all(compiled)
