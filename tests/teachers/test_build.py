from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.hub import get_config
from mmengine.registry import DefaultScope
from mmpretrain.registry import MODELS as PRETRAIN_MODELS

from ckd_mm.teachers import build_teacher, read_teachers
from ckd_mm.teachers.loading import build


def test_the_weights_are_those_of_the_checkpoint(
    detector_teacher: dict[str, Any],
) -> None:
    saved = torch.load(detector_teacher['checkpoint'])['state_dict']
    teacher = build_teacher(**detector_teacher)
    assert saved.keys() == teacher.state_dict().keys()
    for name, value in teacher.state_dict().items():
        assert torch.equal(value, saved[name]), name


def test_the_teacher_is_frozen_and_in_eval_mode(
    classifier_teacher: dict[str, Any],
) -> None:
    teacher = build_teacher(**classifier_teacher)
    assert not any(module.training for module in teacher.modules())
    assert not any(parameter.requires_grad for parameter in teacher.parameters())


def test_building_does_not_consume_the_global_random_state(
    detector_teacher: dict[str, Any],
) -> None:
    def states() -> tuple[Any, ...]:
        numpy_state = np.random.get_state(legacy=True)[1]  # type: ignore[index]
        return random.getstate(), list(numpy_state), torch.get_rng_state().tolist()

    before = states()
    build_teacher(**detector_teacher)
    assert states() == before


def test_a_config_can_be_a_dict_or_only_its_model(
    classifier_teacher: dict[str, Any],
) -> None:
    cfg = Config.fromfile(classifier_teacher['config'])
    whole = build_teacher(cfg.to_dict(), classifier_teacher['checkpoint'])
    model = dict(cfg.model.to_dict(), _scope_='mmpretrain')
    alone = build_teacher(model, classifier_teacher['checkpoint'])
    assert type(whole) is type(alone)


@pytest.fixture
def own_backbone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, Any]]:
    """`custom_imports` of a file that registers a backbone."""
    (tmp_path / 'own_backbone.py').write_text(
        'from mmpretrain.models import ResNet_CIFAR\n'
        'from mmpretrain.registry import MODELS\n'
        '@MODELS.register_module()\n'
        'class OwnResNet(ResNet_CIFAR): ...\n'
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield dict(imports=['own_backbone'], allow_failed_imports=False)
    PRETRAIN_MODELS.module_dict.pop('OwnResNet', None)
    sys.modules.pop('own_backbone', None)


@pytest.mark.parametrize('form', ['dict', 'Config', 'file'])
def test_custom_imports_are_carried_out_for_each_form_of_a_config(
    form: str,
    own_backbone: dict[str, Any],
    classifier_teacher: dict[str, Any],
    tmp_path: Path,
) -> None:
    cfg = Config.fromfile(classifier_teacher['config'])
    cfg.custom_imports = own_backbone
    cfg.model.backbone.type = 'OwnResNet'
    cfg.dump(tmp_path / 'teacher.py')
    forms = {'dict': cfg.to_dict(), 'Config': cfg, 'file': tmp_path / 'teacher.py'}
    teacher = build_teacher(forms[form], classifier_teacher['checkpoint'])
    assert type(teacher.backbone).__name__ == 'OwnResNet'


@pytest.mark.parametrize('allowed', [True, False])
def test_imports_of_a_dict_may_fail_where_it_says_so(
    allowed: bool, classifier_teacher: dict[str, Any]
) -> None:
    cfg = Config.fromfile(classifier_teacher['config'])
    imports = dict(imports=['no_such_module'], allow_failed_imports=allowed)
    cfg.custom_imports = imports
    if allowed:
        with pytest.warns(UserWarning, match='no_such_module failed to import'):
            build_teacher(cfg.to_dict(), classifier_teacher['checkpoint'])
    else:
        error = 'given as a dict cannot be read: ImportError.*no_such_module'
        with pytest.raises(ValueError, match=error):
            build_teacher(cfg.to_dict(), classifier_teacher['checkpoint'])


def test_a_dict_cannot_inherit(classifier_teacher: dict[str, Any]) -> None:
    config = dict(_base_=classifier_teacher['config'], model=dict())
    with pytest.raises(ValueError, match="'_base_' is resolved in files only; write"):
        build_teacher(config, 'unused.pth')


DINO = 'mmpretrain::dinov2/vit-small-p14_dinov2-pre_headless.py'


@pytest.mark.parametrize('form', ['name', 'dict'])
def test_a_teacher_of_the_other_library_is_found_beside_a_detector(
    form: str, imported: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DINOv2's config names no library; its name in the zoo does."""
    monkeypatch.setattr(build, 'load_weights', lambda *_: {})
    config: Any = DINO
    if form == 'dict':
        config = dict(get_config(DINO).to_dict(), default_scope='mmpretrain')
    with DefaultScope.overwrite_default_scope('mmdet'):
        teacher = build_teacher(config, 'unused.pth')
    assert type(teacher).__module__.startswith('mmpretrain')


def test_a_teacher_whose_library_is_not_known_gets_a_hint(imported: None) -> None:
    config = get_config(DINO).to_dict()
    with (
        DefaultScope.overwrite_default_scope('mmdet'),
        pytest.raises(ValueError, match="mmdet::model.*add default_scope='mmpretrain'"),
    ):
        build_teacher(config, 'unused.pth')


def test_weights_saved_from_a_distributed_wrapper_load(
    classifier_teacher: dict[str, Any], tmp_path: Path
) -> None:
    saved = torch.load(classifier_teacher['checkpoint'])['state_dict']
    wrapped = {f'module.{name}': value for name, value in saved.items()}
    torch.save(wrapped, tmp_path / 'wrapped.pth')
    build_teacher(classifier_teacher['config'], tmp_path / 'wrapped.pth')


def test_a_zoo_config_brings_the_weights_of_its_metafile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The download itself cannot be tried here; what is asked for can."""
    asked: list[str] = []

    def note(_: Any, url: str, prefix: str) -> dict[str, Any]:
        asked.append(url)
        return {}

    monkeypatch.setattr(build, 'load_weights', note)
    build_teacher('mmpretrain::resnet/resnet18_8xb32_in1k.py')
    assert asked[0].startswith('https://') and 'resnet18_8xb32_in1k' in asked[0]


@pytest.mark.parametrize(
    ('meta', 'expected'),
    [
        (dict(dataset_meta=dict(classes=('a', 'b'))), dict(classes=('a', 'b'))),
        (
            dict(dataset_meta=dict(CLASSES=['a'], Palette=[1])),
            dict(classes=('a',), palette=[1]),
        ),
        (dict(CLASSES=['a', 'b']), dict(classes=('a', 'b'))),
        (dict(classes=('a', 'b')), dict(classes=('a', 'b'))),
        (dict(CLASSES='a'), dict(classes=('a',))),
        (dict(dataset_meta=None, CLASSES=None), None),
        ({}, None),
    ],
    ids=['MMEngine', 'keys lowered', 'old', 'lower case', 'one name', 'None', 'none'],
)
def test_the_teacher_knows_the_data_set_of_its_checkpoint(
    meta: dict[str, Any],
    expected: dict[str, Any] | None,
    classifier_teacher: dict[str, Any],
    tmp_path: Path,
) -> None:
    saved = torch.load(classifier_teacher['checkpoint'])['state_dict']
    torch.save(dict(state_dict=saved, meta=meta), tmp_path / 'meta.pth')
    teacher = build_teacher(classifier_teacher['config'], tmp_path / 'meta.pth')
    assert teacher.dataset_meta == expected


def broken_config(folder: Path) -> str:
    (folder / 'broken.py').write_text('model = dict(')
    return str(folder / 'broken.py')


def empty_config(folder: Path) -> str:
    (folder / 'empty.py').write_text('lr = 1')
    return str(folder / 'empty.py')


@pytest.mark.parametrize(
    ('config', 'error'),
    [
        (lambda _: 'no/such/file.py', "'no/such/file.py' cannot be read: FileNotFound"),
        (broken_config, 'broken.py.* cannot be read: '),
        (empty_config, "has no 'model'; it has"),
        (lambda _: 'mmdet::faster_rcnn/no.py', 'cannot be read: '),
        (lambda _: 'mmdetection::faster_rcnn/no.py', 'cannot be read: '),
        (lambda _: dict(type='NoSuchModel'), 'given as a dict cannot be built: '),
    ],
    ids=[
        'missing',
        'broken',
        'empty',
        'unknown name',
        'unknown library',
        'no such type',
    ],
)
def test_a_config_that_cannot_be_used_is_refused(
    config: Callable[[Path], Any], error: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=error):
        build_teacher(config(tmp_path), 'unused.pth')


def test_a_config_without_a_checkpoint_is_refused(
    classifier_teacher: dict[str, Any],
) -> None:
    with pytest.raises(ValueError, match='has no checkpoint: only zoo configs'):
        build_teacher(classifier_teacher['config'])


def cut_short(folder: Path, teacher: dict[str, Any]) -> str:
    content = Path(teacher['checkpoint']).read_bytes()
    (folder / 'cut.pth').write_bytes(content[: len(content) // 2])
    return str(folder / 'cut.pth')


def not_a_dict(folder: Path, _: dict[str, Any]) -> str:
    torch.save([1, 2], folder / 'list.pth')
    return str(folder / 'list.pth')


@pytest.mark.parametrize(
    ('checkpoint', 'error'),
    [
        (
            lambda *_: 'no/such.pth',
            r"^teacher checkpoint 'no/such.pth' cannot be read: FileNotFoundError: "
            r'no/such.pth is no file; give a path or URL that can be loaded$',
        ),
        (cut_short, 'cut.pth.* cannot be read'),
        (not_a_dict, 'list.pth.* holds a list; expected a state dict'),
    ],
    ids=['missing', 'cut short', 'not a dict'],
)
def test_a_checkpoint_that_cannot_be_read_is_refused(
    checkpoint: Callable[..., str],
    error: str,
    classifier_teacher: dict[str, Any],
    tmp_path: Path,
) -> None:
    path = checkpoint(tmp_path, classifier_teacher)
    with pytest.raises(ValueError, match=error):
        build_teacher(classifier_teacher['config'], path)


def test_a_checkpoint_of_another_architecture_is_refused_with_the_keys(
    classifier_teacher: dict[str, Any], detector_teacher: dict[str, Any]
) -> None:
    error = (
        r'2 missing \(head.fc.weight, .*\); \d+ unexpected \(rpn_head.*, \.\.\.\); '
        r'1 of another shape \(backbone.conv1.*\); give the checkpoint'
    )
    with pytest.raises(ValueError, match=error):
        build_teacher(classifier_teacher['config'], detector_teacher['checkpoint'])


def test_a_checkpoint_of_another_width_is_refused_with_both_shapes(
    classifier_teacher: dict[str, Any],
    classifier_config: Callable[..., Config],
    tmp_path: Path,
) -> None:
    wide = classifier_config(tmp_path, width=32)
    wide.dump(tmp_path / 'wide.py')
    error = r'0 missing; 0 unexpected; \d+ of another shape \(.*in the checkpoint'
    with pytest.raises(ValueError, match=error):
        build_teacher(tmp_path / 'wide.py', classifier_teacher['checkpoint'])


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(config=5), 'config must be a path, a zoo name or a dict, got 5'),
        (dict(config='x.py', checkpoint=5), 'checkpoint must be a path or URL, got 5'),
        (dict(cache=5), 'cache must be a path, got 5'),
        (dict(ema=True, checkpoint='x'), 'ema=True .* go with it, got checkpoint'),
        (dict(ema=True, fuse_bn=True), 'ema=True .* go with it, got fuse_bn'),
    ],
)
def test_options_that_cannot_be_meant_are_refused(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        read_teachers(options)
