from __future__ import annotations

import pytest
import scipy.stats

from ckd_mm.compare.intervals import Difference, difference, spread, t_quantile


@pytest.mark.parametrize(
    ('degrees', 'expected'), [(1, 12.7062), (2, 4.3027), (3, 3.1824), (10, 2.2281)]
)
def test_quantiles_are_those_of_the_printed_tables(
    degrees: int, expected: float
) -> None:
    assert t_quantile(degrees) == pytest.approx(expected, abs=5e-5)


@pytest.mark.parametrize('degrees', [1, 2, 3, 4, 7, 29, 100, 1001])
def test_quantiles_are_those_of_scipy(degrees: int) -> None:
    expected = scipy.stats.t.ppf(0.975, degrees)
    assert t_quantile(degrees) == pytest.approx(expected, rel=1e-9)


def test_the_difference_is_paired_by_seed() -> None:
    """Differences 1, 2, 3: mean 2, deviation 1, half width 4.3027 / sqrt(3)."""
    baseline = {0: 10.0, 1: 50.0, 2: 90.0}
    found = difference({2: 93.0, 1: 52.0, 0: 11.0}, baseline)
    assert found is not None
    assert found.mean == pytest.approx(2.0)
    assert found.half_width == pytest.approx(2.48413, abs=1e-5)
    assert found.num_seeds == 3


def test_only_seeds_that_both_have_count() -> None:
    found = difference({0: 2.0, 1: 5.0, 3: 7.0}, {0: 1.0, 1: 2.0, 2: 0.0})
    assert found is not None
    assert (found.mean, found.num_seeds) == (2.0, 2)
    assert found.half_width == pytest.approx(12.7062, abs=5e-5)  # sqrt(2) / sqrt(2)
    assert difference({0: 1.0}, {1: 1.0}) is None


def test_one_seed_has_no_interval_and_no_spread() -> None:
    assert difference({0: 2.0}, {0: 1.5}) == Difference(0.5, None, 1)
    assert spread([1.0]) is None


def test_the_spread_divides_by_one_less_than_the_number() -> None:
    assert spread([1.0, 3.0]) == pytest.approx(2**0.5)


def test_without_a_difference_between_seeds_the_interval_has_no_width() -> None:
    assert difference({0: 1.0, 1: 2.0}, {0: 0.0, 1: 1.0}) == Difference(1.0, 0.0, 2)
