"""COCO configs of other families: teachers by name, settings, hooks that survive."""

from __future__ import annotations

from pathlib import Path

import pytest

from .catalog import (
    DISTILLED,
    RECIPES,
    distilling_hook,
    document,
    loaded,
    plain,
    student_of,
    zoo_entry,
)
from .families import FAMILIES as TRAINED

CKD = dict(type='CKDLoss', temperature=0.1, loss_weight=1.0)
CASCADE = 'cascade_rcnn/cascade-mask-rcnn_x101-64x4d_fpn_20e_coco.py'
SWIN = 'swin/mask-rcnn_swin-s-p4-w7_fpn_amp-ms-crop-3x_coco.py'
# By folder: the part that CKD compares, and the zoo's teacher of each pair
FAMILIES: dict[str, tuple[str, dict[str, str]]] = {
    'retinanet': (
        'dense_logits',
        {
            'r101-r50': 'retinanet/retinanet_r101_fpn_2x_coco.py',
            'r50-r18': 'retinanet/retinanet_r50_fpn_2x_coco.py',
            'fcos-x101-r50': 'fcos/fcos_x101-64x4d_fpn_gn-head_ms-640-800-2x_coco.py',
            'cascade-x101-r50': CASCADE,
            'x101-r50': 'retinanet/retinanet_x101-64x4d_fpn_1x_coco.py',
            'ms-x101-r50': 'retinanet/retinanet_x101-64x4d_fpn_ms-640-800-3x_coco.py',
        },
    ),
    'fcos': (
        'dense_logits',
        {
            'r101-r50': 'fcos/fcos_r101-caffe_fpn_gn-head-1x_coco.py',
            'ms-r101-r50': 'fcos/fcos_r101-caffe_fpn_gn-head_ms-640-800-2x_coco.py',
            'mask-swin-s-r50': SWIN,
        },
    ),
    'gfl': (
        'dense_logits',
        dict.fromkeys(['r101-r50', 'r101-r18'], 'gfl/gfl_r101_fpn_ms-2x_coco.py'),
    ),
    'rtmdet': ('dense_logits', {'l-s': 'rtmdet/rtmdet_l_8xb32-300e_coco.py'}),
    'yolox': ('dense_logits', {'l-s': 'yolox/yolox_l_8xb8-300e_coco.py'}),
    'deformable_detr': (
        'query_logits',
        {
            **dict.fromkeys(
                ['twostage-r50-r50', 'twostage-r50-r18'],
                'deformable_detr/deformable-detr-refine-twostage_r50_16xb2-50e_coco.py',
            ),
            'r50-r18': 'deformable_detr/deformable-detr_r50_16xb2-50e_coco.py',
        },
    ),
    'dino': ('query_logits', {'r50-r18': 'dino/dino-4scale_r50_8xb2-12e_coco.py'}),
    'dab_detr': ('query_logits', {'r50-r18': 'dab_detr/dab-detr_r50_8xb2-50e_coco.py'}),
    'atss': ('dense_logits', {'r101-r50': 'atss/atss_r101_fpn_1x_coco.py'}),
}
FOUR_LEVELS = dict(part='neck', levels=[0, 1, 2, 3])
# Of the released configs: weights of foreground, background, attention and relation,
# and what MGD masks
BY_AUTHORS = {
    'one-stage': ((1e-3, 5e-4, 5e-4, 5e-6), dict(mask_ratio=0.65, loss_weight=2e-5)),
    'two-stage': ((5e-5, 2.5e-5, 5e-5, 5e-7), dict(mask_ratio=0.45, loss_weight=5e-7)),
}
HERE = sorted(
    path for path in {*DISTILLED, *RECIPES} if Path(path).parts[2] in FAMILIES
)


@pytest.mark.parametrize('path', HERE)
def test_a_pair_has_the_zoos_teacher_and_ckd_one_setting(path: str) -> None:
    part, teachers = FAMILIES[Path(path).parts[2]]
    method, models, *_ = Path(path).stem.split('_')
    hook = distilling_hook(path)
    assert hook['teacher'] == dict(config=f'mmdet::{teachers[models]}')
    if method == 'ckd':
        assert hook['distill'] == dict(ckd=dict(on=part, loss=CKD))


@pytest.mark.parametrize('folder', FAMILIES)
def test_every_pair_is_there(folder: str) -> None:
    models = {Path(path).stem.split('_')[1] for path in HERE if f'/{folder}/' in path}
    assert models == set(FAMILIES[folder][1])


def test_every_pair_is_trained_in_small() -> None:
    """In test_families.py, with one of its methods at least."""
    trained = {
        family.path.format(method)
        for family in TRAINED.values()
        for method in family.methods
    }
    pairs = {
        path: (Path(path).parts[2], Path(path).stem.split('_')[1]) for path in HERE
    }
    assert set(pairs.values()) == {
        pair for path, pair in pairs.items() if path in trained
    }


@pytest.mark.parametrize('path', DISTILLED)
def test_the_students_own_hooks_survive_in_their_order(path: str) -> None:
    """A child's `custom_hooks` replaces that of its base."""
    hooks = [*student_of(path).get('custom_hooks', []), distilling_hook(path)]
    assert plain(loaded(path).custom_hooks) == plain(hooks)


@pytest.mark.parametrize(
    'path',
    [
        'configs/mmdet/retinanet/pkd_cascade-x101-r50_retinanet_1x_coco.py',
        'configs/mmdet/fcos/pkd_mask-swin-s-r50_fcos_1x_coco.py',
    ],
)
def test_two_stages_and_one_share_the_levels_of_three_strides(path: str) -> None:
    """A one-stage detector's FPN begins at stride 8, a two-stage detector's at 4."""
    levels = distilling_hook(path)['distill']['pkd']['on']
    strides = [
        (8 * 2 ** int(level['student'][-1]), 4 * 2 ** int(level['teacher'][-1]))
        for level in levels
    ]
    assert strides == [(8, 8), (16, 16), (32, 32)]


@pytest.mark.parametrize('student', ['r18', 'r50'])
def test_the_published_results_of_ld_are_those_of_mmdetections_own(
    student: str,
) -> None:
    entry = zoo_entry(f'mmdet::ld/ld_{student}-gflv1-r101_fpn_1x_coco.py')
    path = f'configs/mmdet/gfl/ld_r101-{student}_gfl_1x_coco.py'
    published = f'| published | {entry["Results"][0]["Metrics"]["box AP"]}, '
    assert published in document(path)


@pytest.mark.parametrize('student', ['r18', 'r50'])
def test_ld_takes_all_anchors_that_have_an_object(student: str) -> None:
    """As its authors; the default is a maximum per image, which cuts in silence."""
    hook = distilling_hook(f'configs/mmdet/gfl/ld_r101-{student}_gfl_1x_coco.py')
    on = dict(part='box_distribution', rows='assigned', topk=None)
    loss = dict(type='KDLoss', temperature=10.0, loss_weight=0.25)
    assert plain(hook['distill']) == dict(ld=dict(on=on, loss=loss))


@pytest.mark.parametrize('student', ['r18', 'r50'])
def test_ld_with_kd_is_ld_and_another_term(student: str) -> None:
    alone, both = (
        distilling_hook(f'configs/mmdet/gfl/{method}_r101-{student}_gfl_1x_coco.py')
        for method in ('ld', 'ld-kd')
    )
    terms = dict(both['distill'])
    assert terms.pop('kd')['on']['part'] == 'dense_logits'
    assert terms == alone['distill']


@pytest.mark.parametrize('method', ['ckd', 'kd', 'dkd', 'dist'])
def test_a_cascade_teaches_faster_rcnn_with_the_settings_of_its_other_teachers(
    method: str,
) -> None:
    cascade, usual = (
        distilling_hook(f'configs/mmdet/faster_rcnn/{method}_{models}_fpn_2x_coco.py')
        for models in ('cascade-x101-r50', 'r101-r50')
    )
    assert cascade == dict(usual, teacher=dict(config=f'mmdet::{CASCADE}'))


@pytest.mark.parametrize(
    ('kind', 'names'),
    [
        ('one-stage', ['retinanet/{}_r101-r50_retinanet_1x_coco.py'] * 2),
        (
            'one-stage',
            [
                'retinanet/{}_x101-r50_retinanet_2x_coco.py',
                'retinanet/{}_ms-x101-r50_retinanet_2x_coco.py',
            ],
        ),
        ('two-stage', ['faster_rcnn/{}_cascade-x101-r50_fpn_2x_coco.py'] * 2),
    ],
)
def test_fgd_and_mgd_have_their_authors_values(kind: str, names: list[str]) -> None:
    (foreground, background, attention, relation), masked = BY_AUTHORS[kind]
    fgd = dict(
        type='FGDLoss',
        foreground_weight=foreground,
        background_weight=background,
        attention_weight=attention,
        relation_weight=relation,
    )
    mgd = dict(type='MGDLoss', **masked)
    for name, method, loss in zip(names, ('fgd', 'mgd'), (fgd, mgd), strict=True):
        hook = distilling_hook(f'configs/mmdet/{name.format(method)}')
        on = 'neck' if kind == 'one-stage' else FOUR_LEVELS
        assert plain(hook['distill']) == {method: dict(on=on, loss=loss)}


DCN = 'dcn/cascade-mask-rcnn_x101-32x4d-dconv-c3-c5_fpn_1x_coco.py'
X101 = FAMILIES['retinanet'][1]


@pytest.mark.parametrize(
    ('path', 'teacher', 'inherited'),
    [
        ('faster_rcnn/fgd_cascade-x101-r50_fpn_2x_coco.py', DCN, None),
        ('faster_rcnn/mgd_cascade-x101-r50_fpn_2x_coco.py', DCN, None),
        (
            'retinanet/fgd_x101-r50_retinanet_2x_coco.py',
            X101['x101-r50'],
            ['neck', 'bbox_head'],
        ),
        (
            'retinanet/mgd_ms-x101-r50_retinanet_2x_coco.py',
            X101['ms-x101-r50'],
            ['neck', 'bbox_head'],
        ),
    ],
)
def test_fgd_and_mgd_have_teacher_start_and_clipping_of_the_published_run(
    path: str, teacher: str, inherited: list[str] | None
) -> None:
    """Theirs: yzd-v/FGD and yzd-v/MGD, `configs/distillers`."""
    path = f'configs/mmdet/{path}'
    hook = distilling_hook(path)
    assert hook['teacher'] == dict(config=f'mmdet::{teacher}')
    assert hook.get('inherit') == inherited
    assert loaded(path).optim_wrapper.clip_grad == dict(max_norm=35, norm_type=2)


@pytest.mark.parametrize(
    ('models', 'weight'), [('fcos-x101-r50', 10.0), ('r101-r50', 10.0)]
)
def test_pkd_has_its_authors_levels_and_weight(models: str, weight: float) -> None:
    """Theirs: mmrazor, `configs/distill/mmdet/pkd`."""
    hook = distilling_hook(f'configs/mmdet/retinanet/pkd_{models}_retinanet_1x_coco.py')
    loss = dict(type='PKDLoss', loss_weight=weight)
    assert plain(hook['distill']) == dict(pkd=dict(on=FOUR_LEVELS, loss=loss))


@pytest.mark.parametrize(
    ('path', 'inherited', 'rate'),
    [
        ('faster_rcnn/cankd_r101-r50_fpn_2x', ['neck', 'roi_head.bbox_head'], 0.02),
        ('faster_rcnn/cankd_cascade-x101-r50_fpn_2x', None, 0.02),
        ('retinanet/cankd_r101-r50_retinanet_2x', ['neck', 'bbox_head'], 0.02),
        ('retinanet/cankd_x101-r50_retinanet_2x', ['neck', 'bbox_head'], 0.02),
        ('retinanet/cankd_fcos-x101-r50_retinanet_1x', None, 0.02),
        ('fcos/cankd_ms-r101-r50_fcos_ms-2x', ['neck', 'bbox_head'], 0.01),  # says so
    ],
)
def test_cankd_has_its_authors_values_and_start(
    path: str, inherited: list[str] | None, rate: float
) -> None:
    """Theirs: tori-hotaru/CanKD, `configs/distill/mmdet/nlkd`; 10 halved is 5.

    Their rate is 0.005 for 2 GPUs with 2 images each, so 0.02 for 16.
    """
    path = f'configs/mmdet/{path}_coco.py'
    hook = distilling_hook(path)
    loss = dict(type='CanKDLoss', loss_weight=5.0)
    assert plain(hook['distill']) == dict(cankd=dict(on=FOUR_LEVELS, loss=loss))
    assert loaded(path).optim_wrapper.optimizer.lr == rate
    assert hook.get('inherit') == inherited
    assert loaded(path).optim_wrapper.clip_grad == dict(max_norm=35, norm_type=2)


@pytest.mark.parametrize(
    ('models', 'inherited'),
    [('r101-r50', None), ('ms-x101-r50', ['neck', 'bbox_head'])],
)
def test_freekd_has_its_authors_values_and_start(
    models: str, inherited: list[str] | None
) -> None:
    """Theirs: Gumpest/FreeKD, `retinanet_r101-` and `retinanet_x101-retinanet_r50`."""
    path = f'configs/mmdet/retinanet/freekd-mse_{models}_retinanet_2x_coco.py'
    hook = distilling_hook(path)
    mse = dict(type='FitNetLoss', norm=False, relu=False, loss_weight=5.0)
    assert plain(hook['distill']) == dict(
        freekd=dict(on='neck', loss=dict(type='FreeKDLoss')),
        mse=dict(on='neck', loss=mse),
    )
    assert hook.get('inherit') == inherited
    assert loaded(path).optim_wrapper.optimizer.lr == 0.02
    assert loaded(path).param_scheduler[0].end == 1000
