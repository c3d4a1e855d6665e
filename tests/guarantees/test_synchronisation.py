"""The hook adds no point at which the processor waits for the GPU.

What the student's stock step and the teacher's own forward wait for is theirs: a RoI
extractor, for one, asks how many RoIs lie on each level.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from mmdet.testing import demo_mm_inputs
from mmengine.config import Config
from mmengine.hub import get_config
from mmengine.model import BaseModel
from mmengine.registry import MODELS, DefaultScope
from mmengine.runner import Runner
from mmpretrain.structures import DataSample
from torch import Tensor

from ckd_mm.adapters.core.class_names import ClassNames
from ckd_mm.engine.distiller import Distiller
from ckd_mm.engine.terms import build_terms
from ckd_mm.hooks import DistillationHook
from ckd_mm.losses._indices import IndexCheck
from ckd_mm.registry import LOSSES
from ckd_mm.teachers import ModelTeacher

from .waits import waits

pytestmark = pytest.mark.slow

NECK = dict(student_channels=[32] * 5, teacher_channels=[32] * 5)
ND = dict(num_classes=11, teacher_channels=64, student_channels=64)
CRD = dict(num_samples=9, student_channels=64, teacher_channels=64, num_negatives=4)
ON: dict[str, dict[str, dict[str, Any]]] = {
    'roi_logits': {
        **{f'{name}Loss': {} for name in ('CKD', 'KD', 'DKD', 'DIST', 'MLKD', 'NKD')},
        **{f'{name}Loss': {} for name in ('OFA', 'PLD', 'JS', 'SinKD', 'BDKD')},
        'CTKDLoss': {},
    },
    'embedding': {
        **{f'{name}Loss': {} for name in ('RKD', 'SP', 'PKT', 'CC')},
        'NDLoss': ND,
    },
    'roi_boxes': {'BoxRegressionLoss': {}},
    'neck': {
        **{f'{name}Loss': {} for name in ('AT', 'NST', 'HCL', 'CWD', 'PKD')},
        **{f'{name}Loss': NECK for name in ('FitNet', 'VID', 'OFD', 'MGD', 'FGD')},
        **{f'{name}Loss': NECK for name in ('ReviewKD', 'FGFI')},
    },
}
# MMDetection's anchor generator copies its five levels' anchors to the device.
KNOWN = {'FGFILoss': Counter(to=5)}


@pytest.fixture(autouse=True)
def no_index_check(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a GPU it runs in the first step only."""
    monkeypatch.setattr(IndexCheck, '__call__', lambda self, indices: None)


def built(model: Any, scope: str = 'mmdet') -> BaseModel:
    """A student in training."""
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope(scope):
        student = MODELS.build(model)
    student.init_weights()
    return student.train()


@pytest.fixture(scope='module')
def detector(detector_config: Callable[..., Config], tmp_path_factory: Any) -> Any:
    return built(detector_config(tmp_path_factory.mktemp('unused')).model)


@pytest.fixture(scope='module')
def classifier(classifier_config: Callable[..., Config], tmp_path_factory: Any) -> Any:
    cfg = classifier_config(tmp_path_factory.mktemp('unused'))
    cfg.model.data_preprocessor = cfg.data_preprocessor
    return built(cfg.model, 'mmpretrain')


@pytest.fixture(scope='module')
def masks() -> BaseModel:
    cfg = get_config('mmdet::mask_rcnn/mask-rcnn_r50_fpn_1x_coco.py').model
    cfg.backbone.update(depth=18, base_channels=8, stem_channels=8, init_cfg=None)
    cfg.neck.update(in_channels=[8, 16, 32, 64], out_channels=32)
    cfg.rpn_head.update(in_channels=32, feat_channels=32)
    roi_head = cfg.roi_head
    roi_head.bbox_roi_extractor.out_channels = 32
    roi_head.bbox_head.update(in_channels=32, fc_out_channels=32, num_classes=10)
    roi_head.mask_head.update(in_channels=32, conv_out_channels=32, num_classes=10)
    roi_head.mask_roi_extractor.out_channels = 32
    return built(cfg)


def data_of(detector: BaseModel, with_mask: bool = False) -> dict[str, Any]:
    batch = demo_mm_inputs(
        2, [[3, 64, 96]] * 2, num_items=[3, 2], num_classes=10, with_mask=with_mask
    )
    return detector.data_preprocessor(batch, True)


def added(
    student: BaseModel,
    data: dict[str, Any],
    distill: dict[str, Any],
    names: ClassNames | None = None,
) -> Counter[str]:
    """What a step waits for with the terms, beyond the stock step and the teacher."""
    student, teacher = deepcopy(student), deepcopy(student).eval().requires_grad_(False)

    def step() -> None:
        torch.manual_seed(0)
        total, _ = student.parse_losses(student(**data, mode='loss'))
        total.backward()

    stock = waits(step)
    distiller = Distiller(
        student, [ModelTeacher(teacher, names=names)], build_terms(distill)
    )
    view: Any = distiller.views[0]
    own: Counter[str] = Counter()

    def counted(run: Callable[..., Any]) -> Callable[..., Any]:
        def note(*arguments: Any) -> Any:
            found: list[Any] = []
            own.update(waits(lambda: found.append(run(*arguments))))
            return found[0]

        return note

    distiller.attach()
    step()  # what a loss does in its first step only
    view.run_teacher = counted(view.run_teacher)
    distilled = waits(step)
    distiller.detach()
    distilled.subtract(stock)
    distilled.subtract(own)
    return +distilled


def named(student: str, teacher: str) -> ClassNames:
    lists = [dict(classes=list(one)) for one in (student, teacher)]
    return ClassNames(lists[0], lists[1], {})


def term(on: Any, **loss: Any) -> dict[str, Any]:
    return dict(term=dict(on=on, loss=loss))


def test_every_loss_is_here() -> None:
    tested = {name for losses in ON.values() for name in losses} | {'CRDLoss'}
    assert tested == set(LOSSES.module_dict)


@pytest.mark.parametrize(
    ('on', 'name'), [(on, name) for on, losses in ON.items() for name in losses]
)
def test_no_loss_of_a_detector_waits(detector: BaseModel, on: str, name: str) -> None:
    distill = term(on, type=name, **ON[on][name])
    assert added(detector, data_of(detector), distill) == KNOWN.get(name, {})


@pytest.mark.parametrize('on', ['roi_logits', 'roi_boxes'])
def test_classes_in_another_order_do_not_wait(detector: BaseModel, on: str) -> None:
    loss = {'roi_logits': 'CKDLoss', 'roi_boxes': 'BoxRegressionLoss'}[on]
    names = named('0123456789', '9876543210')
    assert added(detector, data_of(detector), term(on, type=loss), names) == {}


def test_rows_of_classes_that_the_teacher_lacks_wait_once(detector: BaseModel) -> None:
    names = named('0123456789', '98765abcde')
    distill = term('roi_logits', type='DKDLoss')
    found = added(detector, data_of(detector), distill, names)
    assert found == Counter(nonzero=1)


@pytest.mark.parametrize('ratio', [0.0, 1.0])
def test_the_choice_of_background_does_not_wait(
    detector: BaseModel, ratio: float
) -> None:
    distill = term(dict(part='roi_logits', background_ratio=ratio), type='CKDLoss')
    assert added(detector, data_of(detector), distill) == {}


def test_the_choice_of_negatives_does_not_wait(detector: BaseModel) -> None:
    options = dict(same_class_negatives=False, per_image=True)
    distill = term('roi_logits', type='CKDLoss', **options)
    assert added(detector, data_of(detector), distill) == {}


@pytest.mark.parametrize(
    ('activation', 'name'),
    [(None, 'CKDLoss'), ('softmax', 'KDLoss'), ('binary', 'KDLoss')],
)
def test_rows_of_masks_do_not_wait(
    masks: BaseModel, activation: str | None, name: str
) -> None:
    distill = term(dict(part='mask_logits', activation=activation), type=name)
    assert added(masks, data_of(masks, with_mask=True), distill) == {}


@pytest.mark.parametrize(
    ('on', 'loss'),
    [
        ('logits', dict(type='CKDLoss')),
        ('logits', dict(type='DKDLoss')),
        ('embedding', dict(type='CRDLoss', **CRD)),
    ],
    ids=['CKD', 'DKD', 'CRD'],
)
def test_no_loss_of_a_classifier_waits(
    classifier: BaseModel, on: str, loss: dict[str, Any]
) -> None:
    samples = [
        DataSample(metainfo=dict(sample_idx=i)).set_gt_label(i % 10) for i in range(8)
    ]
    batch = dict(inputs=[torch.zeros(3, 16, 16)] * 8, data_samples=samples)
    data = classifier.data_preprocessor(batch, True)
    assert added(classifier, data, term(on, **loss)) == {}


def test_nothing_waits_between_two_steps(
    detector_config: Callable[..., Config],
    detector_teacher: dict[str, Any],
    tmp_path: Path,
) -> None:
    """That a loss is finite is seen in what MMEngine has read for its log."""
    found: list[Counter[str]] = []

    class Counted(DistillationHook):
        def before_train_iter(self, *args: Any, **kwargs: Any) -> None:
            found.append(waits(lambda: super(Counted, self).before_train_iter(*args)))

        def after_train_iter(self, *args: Any, **kwargs: Any) -> None:
            found.append(
                waits(lambda: super(Counted, self).after_train_iter(*args, **kwargs))
            )

    hook = Counted(detector_teacher, term('roi_logits', type='CKDLoss'))
    runner = Runner.from_cfg(detector_config(tmp_path))
    runner.register_hook(hook)
    runner.train()
    assert len(found) == 4
    assert found == [{}] * 4


def test_the_teachers_forward_is_the_teachers(detector: BaseModel) -> None:
    """What is taken off above is what it waits for without a hook."""
    teacher = deepcopy(detector).eval()
    images, rois = torch.zeros(2, 3, 64, 96), torch.tensor([[0, 0, 0, 32.0, 32.0]] * 4)

    def forward() -> None:
        teacher.roi_head._bbox_forward(teacher.extract_feat(images), rois)

    assert waits(forward) == Counter(nonzero=4)  # RoIs of each level


def write_by_mask(x: Tensor) -> None:
    x[x > 0] = torch.zeros(2)


@pytest.mark.parametrize(
    'work',
    [
        lambda x: x.sum().item(),
        lambda x: x.tolist(),
        lambda x: float(x.sum()),
        lambda x: 1 if x.any() else 0,
        lambda x: x[x > 0],
        write_by_mask,
        lambda x: x.nonzero(),
        lambda x: torch.masked_select(x, x > 0),
        lambda x: torch.equal(x, x),
        lambda x: x.unique(),
        lambda x: x.cpu(),
        lambda x: x.numpy(),
        lambda x: x.to('cpu'),
        lambda x: torch.tensor([1.0], device=x.device),
    ],
)
def test_each_kind_of_waiting_is_seen(work: Callable[[Tensor], Any]) -> None:
    x = torch.tensor([1.0, -1.0, 2.0])
    assert sum(waits(lambda: work(x)).values()) == 1


def test_what_does_not_wait_is_not_counted() -> None:
    x, index = torch.randn(4, 3), torch.tensor([0, 2])
    assert waits(lambda: x[index].where(x[index] > 0, x[0].argmax()).sum()) == {}
    assert waits(lambda: x.to(torch.float64).to('cpu', non_blocking=True)) == {}
    assert waits(lambda: torch.tensor([1.0])) == {}
