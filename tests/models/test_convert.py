"""Converting checkpoints of the benchmark, and what is said about other files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from ckd_mm.models import CIFARResNet
from ckd_mm.models.benchmark import NETWORKS, tensors
from ckd_mm.models.convert import convert_checkpoint, convert_weights, recognise
from ckd_mm.teachers import load_weights

from .benchmark import GOLDEN, NAMES, random_weights


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / 'ckpt_epoch_240.pth'
    weights = random_weights('resnet20')
    torch.save({'epoch': 240, 'model': weights, 'best_acc': torch.tensor(69.0)}, path)
    return path


def test_every_network_of_the_benchmark_is_known() -> None:
    assert list(NETWORKS) == NAMES


@pytest.mark.parametrize('name', NAMES)
def test_names_and_shapes_are_the_benchmarks(name: str) -> None:
    ours = {theirs: list(shape) for theirs, (_, shape) in tensors(name).items()}
    assert ours == dict(GOLDEN[name]['state_dict'])


@pytest.mark.parametrize('name', NAMES)
def test_a_network_is_recognised_by_its_weights(name: str) -> None:
    assert recognise(random_weights(name)) == name


def test_a_converted_file_loads_as_a_teachers_checkpoint(
    source: Path, tmp_path: Path
) -> None:
    target = tmp_path / 'new' / 'resnet20.pth'
    convert_checkpoint(source, target, 'resnet20')
    model = torch.nn.Module()
    model.backbone = CIFARResNet(20)
    model.head = torch.nn.Module()
    model.head.fc = torch.nn.Linear(64, 100)
    meta = load_weights(model, str(target))
    assert meta == dict(network='resnet20', source='ckpt_epoch_240.pth')
    expected = random_weights('resnet20')['layer2.0.downsample.0.weight']
    assert torch.equal(model.backbone.layer2[0].downsample[0].weight, expected.float())


def test_an_existing_target_is_replaced_only_on_demand(
    source: Path, tmp_path: Path
) -> None:
    target = tmp_path / 'resnet20.pth'
    target.write_text('mine')
    with pytest.raises(FileExistsError, match=r'resnet20.pth exists; .*--force'):
        convert_checkpoint(source, target, 'resnet20')
    assert target.read_text() == 'mine'
    convert_checkpoint(source, target, 'resnet20', overwrite=True)
    assert torch.load(target)['meta']['network'] == 'resnet20'


def test_weights_of_another_network_are_named() -> None:
    message = (
        r'expected the weights of resnet32x4, but \d+ tensors differ \(layer1\.1\S+ is '
        r'missing; .*; \.\.\.\); these are the weights of resnet8x4: convert them as'
    )
    with pytest.raises(ValueError, match=message):
        convert_weights(random_weights('resnet8x4'), 'resnet32x4')


def test_weights_of_one_layout_and_other_shapes_are_named() -> None:
    message = r'has shape \(32, 16, 3, 3\) instead of .*the weights of wrn_40_2'
    with pytest.raises(ValueError, match=message):
        convert_weights(random_weights('wrn_40_2'), 'wrn_40_1')


def test_weights_of_no_network_are_said_to_be_that() -> None:
    weights = random_weights('vgg8')
    weights['classifier.weight'] = torch.zeros(10, 512)
    message = r'1 tensors differ \(classifier.weight has shape \(10, 512\) instead of '
    with pytest.raises(ValueError, match=message + r'.*no network of the benchmark'):
        convert_weights(weights, 'vgg8')


def test_an_additional_tensor_is_not_dropped() -> None:
    weights = random_weights('vgg8') | {'connector.weight': torch.zeros(1)}
    with pytest.raises(ValueError, match='connector.weight is unknown'):
        convert_weights(weights, 'vgg8')


def test_an_unknown_network_suggests_near_ones() -> None:
    with pytest.raises(ValueError, match="unknown network 'resnet34'; did you mean"):
        convert_weights({}, 'resnet34')


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ([1.0], 'holds a list; expected a checkpoint of the benchmark'),
        ({'state_dict': {}}, "a dict with state_dict; .*whose 'model' is a dict"),
        ({'model': Path('x')}, r'cannot be read \(UnpicklingError\); .*could run code'),
    ],
)
def test_a_file_of_another_kind_is_refused(
    tmp_path: Path, content: Any, message: str
) -> None:
    torch.save(content, tmp_path / 'source.pth')
    with pytest.raises(ValueError, match=message):
        convert_checkpoint(tmp_path / 'source.pth', tmp_path / 'target.pth', 'vgg8')
    assert not (tmp_path / 'target.pth').exists()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r'none\.pth does not exist'):
        convert_checkpoint(tmp_path / 'none.pth', tmp_path / 'target.pth', 'vgg8')
