"""The scores of real classifiers and detectors on their own data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.config import Config
from torch import Tensor, nn

from ckd_mm.functional import diswot_semantics, parc, sp_loss
from ckd_mm.probing import steps
from ckd_mm.probing.steps import prediction_flops
from ckd_mm.ranking import (
    Column,
    Model,
    Ranking,
    Scores,
    correlations,
    ordered,
    rank_students,
    rank_teachers,
    read_ranking,
)
from ckd_mm.ranking.data import batches_of, first_image
from ckd_mm.teachers.loading.build import build_teacher

from ..conftest import stock_model

Write = Callable[..., Path]
OfWidth = Callable[..., dict[str, Any]]


@pytest.fixture(scope='module')
def cfg(
    classifier_config: Callable[..., Config], tmp_path_factory: pytest.TempPathFactory
) -> Config:
    return classifier_config(tmp_path_factory.mktemp('unused'))


def test_students_have_relations_and_semantics_where_they_are_as_wide(
    write: Write, of_width: OfWidth
) -> None:
    students = dict(two=of_width(2), eight=of_width(8))
    ranking = read_ranking(write(students=students, teacher=of_width(8)), 'students')
    state = torch.get_rng_state()
    scores = rank_students(ranking, num_images=8, num_draws=2)
    assert torch.equal(torch.get_rng_state(), state)
    two, eight = scores.rows['two'], scores.rows['eight']
    assert -0.5 < two['relations'] < 0 and two['score'] == two['relations']
    assert -4 < eight['semantics'] < 0 and 'semantics' not in two
    assert two['parameters'] < eight['parameters'] and two['FLOPs'] < eight['FLOPs']
    torch.manual_seed(7)
    again = rank_students(ranking, num_images=8, num_draws=2)
    for column in ('relations', 'parameters', 'FLOPs'):
        assert again.rows['two'][column] == two[column]
    other = rank_students(ranking, num_images=8, num_draws=2, seed=1)
    assert other.rows['two']['relations'] != two['relations']
    only = Ranking(dict(a=ranking.models['eight']), ranking.reference, ranking.data)
    (row,) = rank_students(only, num_images=8, num_draws=1).rows.values()
    assert row['score'] == row['relations'] + row['semantics']


def test_a_student_that_is_the_teacher_scores_zero(cfg: Config, tmp_path: Path) -> None:
    torch.save({'state_dict': stock_model(cfg).state_dict()}, tmp_path / 'a.pth')
    same = Model(cfg, str(tmp_path / 'a.pth'))
    ranking = Ranking(dict(same=same), same, cfg)
    (row,) = rank_students(ranking, num_images=8, num_draws=1).rows.values()
    assert row['score'] == pytest.approx(0, abs=1e-6)


def saved(cfg: Config, seed: int, folder: Path) -> Model:
    """A model with random weights, which are in a file."""
    torch.manual_seed(seed)
    model = stock_model(cfg)
    model.init_weights()
    torch.save({'state_dict': model.state_dict()}, folder / f'{seed}.pth')
    return Model(cfg, str(folder / f'{seed}.pth'))


def test_relations_are_those_of_the_last_maps(cfg: Config, tmp_path: Path) -> None:
    models = [saved(cfg, seed, tmp_path) for seed in range(2)]
    ranking = Ranking(dict(a=models[0]), models[1], cfg)
    (row,) = rank_students(ranking, num_images=8, num_draws=1).rows.values()
    (batch,) = batches_of(cfg, 'train', 8, 8)
    maps = []
    for one in models:
        built = one.build().eval()
        images = built.data_preprocessor(batch, False)['inputs']
        maps.append(built.extract_feat(images, stage='backbone')[-1].flatten(1))
    assert row['relations'] == pytest.approx(-float(sp_loss(*maps)), rel=1e-4)


def test_a_detector_is_scored_by_the_relations_of_its_neck(
    detector_config: Callable[..., Config], tmp_path: Path
) -> None:
    cfg = detector_config(tmp_path)
    ranking = Ranking(dict(a=Model(cfg)), Model(cfg), cfg)
    (row,) = rank_students(ranking, num_images=2, num_draws=1).rows.values()
    assert row['relations'] < 0 and 'semantics' not in row and row['FLOPs'] > 1e6


def test_flops_are_two_for_each_multiply_add(cfg: Config) -> None:
    model = stock_model(cfg)
    sizes: list[int] = []

    def note(module: Any, given: Any, output: Any) -> None:
        weights = module.weight.numel()
        positions = output[0, 0].numel() if output.dim() == 4 else 1
        sizes.append(2 * weights * positions)

    for module in model.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            module.register_forward_hook(note)
    (batch,) = batches_of(cfg, 'train', 2, 2)
    found = prediction_flops(model, first_image(batch))
    assert found == sum(sizes)


def test_a_trained_teacher_is_scored_by_its_own_outputs(
    cfg: Config, tmp_path: Path, run: Callable[[Config], Any]
) -> None:
    weights = {}
    trained = Config(cfg.to_dict())
    trained.work_dir, trained.train_cfg.max_epochs = str(tmp_path), 3
    trained.optim_wrapper.optimizer.lr = 0.05
    torch.manual_seed(0)
    for name, model in (('random', stock_model(cfg)), ('trained', run(trained).model)):
        torch.save({'state_dict': model.state_dict()}, tmp_path / f'{name}.pth')
        weights[name] = Model(cfg, str(tmp_path / f'{name}.pth'))
    ranking = Ranking(weights, weights['trained'], cfg)
    scores = rank_teachers(ranking, num_images=100)
    random, taught = scores.rows['random'], scores.rows['trained']
    assert taught['agreement'] == 1.0 > random['agreement']
    assert taught['accuracy'] > random['accuracy']
    built = build_teacher(cfg, weights['trained'].checkpoint).eval()
    embeddings: list[Tensor] = []
    built.neck.register_forward_hook(lambda _, __, out: embeddings.append(out[-1]))
    samples = []
    for batch in batches_of(cfg, 'val', 100, 50):
        samples += built.val_step(batch)
    labels = torch.cat([sample.gt_label for sample in samples])
    right = sum(int(sample.pred_label == sample.gt_label) for sample in samples)
    assert taught['accuracy'] == right / 100
    assert taught['PARC'] == pytest.approx(parc(torch.cat(embeddings), labels))
    first = max(scores.rows, key=lambda name: scores.rows[name]['PARC'])
    assert ordered(scores).splitlines()[2].startswith(f'| {first} | ')


def test_untrained_teachers_and_detectors_are_refused(
    cfg: Config, detector_teacher: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match="'a' has no checkpoint, and an untrained"):
        rank_teachers(Ranking(dict(a=Model(cfg)), None, cfg), 9)
    detector = Config.fromfile(detector_teacher['config'])
    model = Model(detector, detector_teacher['checkpoint'])
    with pytest.raises(ValueError, match="'a' is a detector; take the mAP"):
        rank_teachers(Ranking(dict(a=model), None, detector), 2)
    trained = dict(a=Model(cfg, 'a.pth'))
    with pytest.raises(ValueError, match='each image must have one class'):
        rank_teachers(Ranking(trained, None, detector), 2)


def test_data_without_the_loader_are_refused(cfg: Config) -> None:
    bare = Config(dict(default_scope='mmpretrain'))
    with pytest.raises(ValueError, match='no train_dataloader .* name one that has it'):
        batches_of(bare, 'train', 2, 2)
    cfg = Config(cfg.to_dict())
    cfg.train_dataloader.drop_last = True
    with pytest.raises(ValueError, match='gives no batch of 9999 images; ask for few'):
        batches_of(cfg, 'train', 9999, 9999)
    sizes = [len(one['data_samples']) for one in batches_of(cfg, 'val', 7, 3)]
    assert sizes == [3, 3, 1]


def test_validation_images_are_of_all_classes_and_the_same_at_each_call(
    cfg: Config,
) -> None:
    """The data set has them in the order of their classes."""
    (once,), (again,) = batches_of(cfg, 'val', 60, 60), batches_of(cfg, 'val', 60, 60)
    labels = [int(sample.gt_label) for sample in once['data_samples']]
    assert {*labels} == {*range(10)}
    assert labels == [int(sample.gt_label) for sample in again['data_samples']]


def test_augmentation_is_the_same_at_each_call(cfg: Config) -> None:
    cfg = Config(cfg.to_dict())
    crop = dict(type='RandomCrop', crop_size=16, padding=4)
    cfg.train_dataloader.dataset.pipeline.insert(-1, crop)
    found = []
    for state, seed in ((0, 0), (1, 0), (0, 1)):
        np.random.seed(state)
        (batch,) = batches_of(cfg, 'train', 8, 8, seed)
        found.append(torch.stack([*batch['inputs']]))
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_semantics_are_those_of_the_gradient_of_the_cross_entropy(
    cfg: Config, tmp_path: Path
) -> None:
    models, gradients = [saved(cfg, seed, tmp_path) for seed in range(2)], []
    (batch,) = batches_of(cfg, 'train', 8, 8)
    target = torch.tensor([int(sample.gt_label) for sample in batch['data_samples']])
    for one in models:
        model = one.build().eval()
        images = model.data_preprocessor(batch, False)['inputs']
        embedding = model.extract_feat(images)[-1].detach()
        error = model.head.fc(embedding).softmax(dim=1)
        error -= torch.nn.functional.one_hot(target, 10)
        gradients.append(error.T @ embedding / 8)
    ranking = Ranking(dict(a=models[0]), models[1], cfg)
    (row,) = rank_students(ranking, num_images=8, num_draws=1).rows.values()
    expected = float(diswot_semantics(*gradients))
    assert row['semantics'] == pytest.approx(expected, rel=1e-3)


def test_the_first_prediction_does_not_count(
    cfg: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([0.0, 100.0, 200.0, 201.0, 300.0, 303.0])
    times = SimpleNamespace(perf_counter=lambda: next(clock))
    monkeypatch.setattr(steps, 'time', times)
    (batch,) = batches_of(cfg, 'train', 8, 8)
    found = steps.forward_seconds(stock_model(cfg), batch, repeats=2)
    assert found == 2.0


def test_a_model_that_cannot_run_is_named(write: Write, of_width: OfWidth) -> None:
    wide = of_width(4)
    wide['cfg_options']['model.head.in_channels'] = 99
    ranking = read_ranking(
        write(students=dict(a=of_width(2), b=wide), teacher=of_width(2)), 'students'
    )
    with pytest.raises(ValueError, match="a forward of 'b' ended in .*; mend its conf"):
        rank_students(ranking, num_images=4, num_draws=1)


def test_the_order_is_compared_with_training() -> None:
    rows = {name: dict(a=float(i), b=-float(i)) for i, name in enumerate('xyz')}
    rows['x'].pop('b')
    scores = Scores((Column('a', '{:.1f}'), Column('b', '{:.1f}')), rows, 'a')
    trained = dict(x=80.0, y=95.0, z=90.0)
    assert ordered(scores, trained).splitlines()[2:] == [
        '| z | 2.0 | -2.0 | 90 |',
        '| y | 1.0 | -1.0 | 95 |',
        '| x | 0.0 | - | 80 |',
    ]
    assert correlations(scores, trained).splitlines()[2:] == [
        '| a | 0.50 | 0.33 |',
        '| b | - | - |',
    ]
