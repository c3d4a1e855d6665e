"""The share of a toy's gradient, against a loop by hand with one backward per loss."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import torch
from mmengine.optim import OptimWrapper
from torch import Tensor

from ckd_mm.engine.controllers import Controllers
from ckd_mm.engine.share_controller import ShareController, correction

from .shares import LR, PER_EPOCH, STEPS, Toy, share_of, train


def gradient(toy: Toy, loss: Tensor) -> Tensor:
    """Of the backbone, by a backward pass of its own."""
    toy.zero_grad()
    loss.backward()
    found = [p.grad for p in toy.backbone.parameters() if p.grad is not None]
    return torch.cat([one.flatten() for one in found]).double()


def by_hand(
    toy: Toy, batches: list[Tensor], shares: dict[str, float], keep: float = 0.9
) -> dict[str, list[float]]:
    """Measures every step: fixed shares, tolerance 0, a running mean."""
    found: dict[str, list[float]] = {name: [] for name in shares}
    weight = dict.fromkeys(shares, 1.0)
    means: dict[str, tuple[float, float]] = {}
    for i, batch in enumerate(batches):
        for name in shares:
            found[name].append(weight[name])
        own = {name: gradient(toy, toy(batch)[f'loss_{name}']) for name in shares}
        fixed = [key for key in toy(batch) if key.removeprefix('loss_') not in shares]
        others = sum(gradient(toy, toy(batch)[key]) for key in fixed)
        step = others + sum(weight[name] * own[name] for name in shares)
        for name in shares:
            part = weight[name] * own[name].abs().sum().item()
            rest = (step - weight[name] * own[name]).abs().sum().item()
            if i:
                rate = max(1 - keep, 1 / (i + 1))
                part = means[name][0] + rate * (part - means[name][0])
                rest = means[name][1] + rate * (rest - means[name][1])
            r = part / (part + rest)
            ratio = shares[name] * (1 - r) / (r * (1 - shares[name]))
            ratio = min(max(ratio, 0.1), 10.0)
            means[name] = part * ratio, rest
            weight[name] *= ratio
        losses = toy(batch)
        total = sum(
            value * (found[key[5:]][-1] if key[5:] in shares else 1.0)
            for key, value in losses.items()
        )
        toy.zero_grad()
        total.backward()
        with torch.no_grad():
            for parameter in toy.parameters():
                if parameter.grad is not None:
                    parameter -= LR * parameter.grad
    return found


@pytest.mark.parametrize('shares', [dict(kd=0.2), dict(kd=0.2, map=0.05)])
def test_weights_are_those_of_a_loop_with_a_backward_pass_per_loss(
    toy: Toy, batches: list[Tensor], shares: dict[str, float]
) -> None:
    expected = by_hand(deepcopy(toy), batches, shares)
    schedules = {k: share_of(share=share, interval=1) for k, share in shares.items()}
    found, _ = train(toy, batches, schedules)
    for name, weights in expected.items():
        assert found[name] == pytest.approx(weights, rel=1e-4)
        assert found[name][0] == 1.0 != pytest.approx(found[name][1])


def test_each_of_two_terms_gets_its_share(toy: Toy, batches: list[Tensor]) -> None:
    """The weights of one follow the weight of the other until both fit."""
    shares = dict(kd=0.4, map=0.3)
    schedules = {k: share_of(share=share, interval=1) for k, share in shares.items()}
    still = OptimWrapper(torch.optim.SGD(toy.parameters(), 0.0))
    _, controllers = train(toy, batches[:1] * 60, schedules, still)
    for name, share in shares.items():
        statistics = controllers[name].statistics()
        assert statistics['share'].item() == pytest.approx(share, rel=0.02)


def test_one_correction_is_exact_and_the_next_changes_nothing(
    toy: Toy, batches: list[Tensor]
) -> None:
    still = OptimWrapper(torch.optim.SGD(toy.parameters(), 0.0))
    weights, controllers = train(
        toy, batches[:1] * 4, dict(kd=share_of(interval=1)), still
    )
    first, *after = weights['kd']
    assert first == 1.0
    assert after == pytest.approx([after[0]] * 3, rel=1e-5)
    parts = [gradient(toy, toy(batches[0])[f'loss_{k}']) for k in ('kd', 'cls', 'map')]
    part = after[0] * parts[0].abs().sum()
    rest = (parts[1] + parts[2]).abs().sum()
    assert (part / (part + rest)).item() == pytest.approx(0.2, rel=1e-5)


def test_per_epoch_the_weight_changes_by_the_mean_of_the_epoch(
    toy: Toy, batches: list[Tensor]
) -> None:
    still = OptimWrapper(torch.optim.SGD(toy.parameters(), 0.0))
    schedule = share_of(interval=1, update='epoch')
    weights, _ = train(toy, batches, dict(kd=schedule), still)
    steps = weights['kd']
    assert [steps[i] != steps[i - 1] for i in range(1, STEPS)] == [
        i % PER_EPOCH == 0 for i in range(1, STEPS)
    ]
    for end in (PER_EPOCH, 2 * PER_EPOCH):
        part = rest = 0.0
        for batch in batches[end - PER_EPOCH : end]:
            found = {k: gradient(toy, toy(batch)[k]) for k in toy(batch)}
            part += found['loss_kd'].abs().sum().item()
            rest += (found['loss_cls'] + found['loss_map']).abs().sum().item()
        assert steps[end] == pytest.approx(0.2 * rest / (part * 0.8), rel=1e-5)


def test_measure_module_is_the_modules_part_of_the_whole_gradient(
    toy: Toy, batches: list[Tensor]
) -> None:
    toy.head.bias.requires_grad_(False)
    schedule = share_of(share=0.5, interval=1, measure='module')
    _, controllers = train(deepcopy(toy), batches[:1], dict(map=schedule))
    total, _ = toy.parse_losses(toy(batches[0]))
    total.backward()
    sums = {
        name: sum(
            p.grad.abs().sum().item() for p in module.parameters() if p.grad is not None
        )
        for name, module in (('backbone', toy.backbone), ('head', toy.head))
    }
    expected = sums['backbone'] / sum(sums.values())
    share = controllers['map'].statistics()['share'].item()
    assert share == pytest.approx(expected, rel=1e-5)


def test_within_the_tolerance_the_weight_stays(toy: Toy, batches: list[Tensor]) -> None:
    _, controllers = train(deepcopy(toy), batches[:1], dict(kd=share_of()))
    now = controllers['kd'].statistics()['share'].item()
    near = share_of(share=now + 0.01, tolerance=0.011, interval=1)
    weights, _ = train(deepcopy(toy), batches[:1] * 2, dict(kd=near))
    assert weights['kd'] == [1.0, 1.0]
    off = share_of(share=now + 0.01, tolerance=0.009, interval=1)
    weights, _ = train(deepcopy(toy), batches[:1] * 2, dict(kd=off))
    assert weights['kd'][1] > 1.0


def test_the_aim_is_the_share_and_not_an_end_of_the_band() -> None:
    part, rest = torch.tensor(1.0), torch.tensor(9.0)
    ratio = correction(part, rest, share=0.2, tolerance=0.05)
    assert (ratio / (ratio + 9.0)).item() == pytest.approx(0.2)


@pytest.mark.parametrize(
    ('part', 'rest', 'ratio'),
    [(1e-6, 1.0, 10.0), (1.0, 1e-6, 0.1), (0, 1, 1), (1, 0, 1)],
)
def test_a_correction_is_limited_and_needs_both_parts(
    part: float, rest: float, ratio: float
) -> None:
    found = correction(torch.tensor(float(part)), torch.tensor(float(rest)), 0.5)
    assert found.item() == pytest.approx(ratio)


def test_the_factor_of_a_warmup_is_not_corrected_away(
    toy: Toy, batches: list[Tensor]
) -> None:
    shares = []
    for factor in (1.0, 0.25):
        controller = share_of(interval=1).controller()
        controllers = Controllers(toy, dict(kd=controller))
        controllers.begin(0, PER_EPOCH)
        losses = toy(batches[0])
        own = dict(kd=losses['loss_kd'])
        losses['loss_kd'] = factor * own['kd']
        found = controllers.observe(own, dict(kd=factor), losses)
        shares.append(found['kd_share'].item())
    assert shares[1] == pytest.approx(shares[0], rel=1e-5)


def test_accumulated_iterations_of_one_update_have_one_weight(
    toy: Toy, batches: list[Tensor]
) -> None:
    wrapper = OptimWrapper(torch.optim.SGD(toy.parameters(), LR), accumulative_counts=3)
    weights, _ = train(toy, batches, dict(kd=share_of(interval=1)), wrapper)
    steps = weights['kd']
    assert [steps[i] != steps[i - 1] for i in range(1, STEPS)] == [
        i % 3 == 0 for i in range(1, STEPS)
    ]


def test_clipping_does_not_change_what_is_measured(
    toy: Toy, batches: list[Tensor]
) -> None:
    ends = []
    for clip in (None, dict(type='value', clip_value=1e-9), dict(max_norm=1e-9)):
        model = deepcopy(toy)
        sgd = torch.optim.SGD(model.parameters(), 0.0)
        wrapper = OptimWrapper(sgd, clip_grad=clip)
        ends.append(train(model, batches, dict(kd=share_of(interval=1)), wrapper)[0])
    assert ends[0] == ends[1] == ends[2]


class Skipping(OptimWrapper):
    """As a loss scaler: no step with gradients that are not finite."""

    def step(self, **kwargs: Any) -> None:
        pass


def test_a_measurement_that_is_not_finite_is_left_out(
    toy: Toy, batches: list[Tensor]
) -> None:
    def spoil(i: int, losses: dict[str, Tensor]) -> None:
        if i == 1:
            losses['loss_kd'] = losses['loss_kd'] * torch.inf

    skipping = Skipping(torch.optim.SGD(toy.parameters(), 0.0))
    schedules = dict(kd=share_of(interval=1))
    plain, _ = train(toy, batches[:5], schedules, skipping)
    with_one_more = [batches[0], *batches[:5]]
    spoilt, _ = train(toy, with_one_more, schedules, skipping, spoil)
    assert len(set(plain['kd'])) == 5
    assert spoilt['kd'] == [*plain['kd'][:2], *plain['kd'][1:]]


def test_a_loss_scale_cancels(toy: Toy, batches: list[Tensor]) -> None:
    class Scaled(OptimWrapper):
        loss_scaler = torch.amp.GradScaler('cpu', init_scale=2.0**12)

    plain, _ = train(deepcopy(toy), batches[:4], dict(kd=share_of(interval=1)))
    model = deepcopy(toy)
    wrapper = Scaled(torch.optim.SGD(model.parameters(), LR))
    scaled, controllers = train(
        model, batches[:4], dict(kd=share_of(interval=1)), wrapper
    )
    assert scaled['kd'] == pytest.approx(plain['kd'], rel=1e-6)
    assert controllers['kd'].parts.sum() > 2.0**10


def test_measuring_leaves_the_gradients_of_the_step_alone(
    toy: Toy, batches: list[Tensor]
) -> None:
    """A share that is there already: training is that of a fixed weight, bit by bit."""
    stock = deepcopy(toy)
    optimizer = OptimWrapper(torch.optim.SGD(stock.parameters(), LR))
    for batch in batches:
        total, _ = stock.parse_losses(stock(batch))
        optimizer.update_params(total)
    schedule = share_of(share=0.5, tolerance=0.4999, interval=1)
    weights, _ = train(toy, batches, dict(kd=schedule))
    assert set(weights['kd']) == {1.0}
    for name, value in stock.state_dict().items():
        assert torch.equal(value, toy.state_dict()[name]), name


@pytest.mark.parametrize('update', ['iteration', 'epoch'])
@pytest.mark.parametrize('stop', [PER_EPOCH, 5, 6])
def test_a_restored_state_goes_on_bit_by_bit(
    toy: Toy, batches: list[Tensor], update: str, stop: int
) -> None:
    schedule = share_of(interval=2, update=update)
    still = [OptimWrapper(torch.optim.SGD(toy.parameters(), 0.0)) for _ in range(3)]
    whole, controllers = train(toy, batches, dict(kd=schedule), still[0])
    _, interrupted = train(toy, batches[:stop], dict(kd=schedule), still[1])
    resumed = schedule.controller()
    resumed.load_state_dict(interrupted['kd'].state_dict())
    rest = _continued(toy, batches, resumed, stop)
    assert rest == whole['kd'][stop:]
    for name, value in controllers['kd'].state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


def _continued(
    toy: Toy, batches: list[Tensor], controller: ShareController, start: int
) -> list[float]:
    controllers = Controllers(toy, dict(kd=controller))
    weights = []
    for i, batch in enumerate(batches[start:], start):
        controllers.begin(i, PER_EPOCH)
        losses = toy(batch)
        own = dict(kd=losses['loss_kd'])
        losses['loss_kd'] = controllers.weighed('kd', own['kd'])
        weights.append(controller.weight.item())
        controllers.observe(own, dict(kd=1.0), losses)
    return weights
