"""What other libraries raise when a model cannot be made, in one sentence."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError

from ckd_mm.teachers.loading.misfit import Misfit, listed

__all__ = ['check_args', 'explained', 'first_line', 'has_no_connection']

_UNKNOWN = re.compile(r"unexpected keyword argument '(\w+)'")
_NO_CONNECTION = (
    'ConnectionError',  # of requests, and Python's own
    'LocalEntryNotFoundError',  # of the hub: neither cached nor reached
    'OfflineModeIsEnabled',
    'Timeout',  # of requests
    'TimeoutError',
    'TransportError',  # of httpx
    'gaierror',
)


@contextmanager
def explained(title: str, source: str, args: Mapping[str, Any]) -> Iterator[None]:
    """Turn what a library raises into one sentence.

    Args:
        title: What the model is called in messages.
        source: Where its weights are from; empty for random ones.
        args: What the config gives to the library's function or class.

    Raises:
        ValueError: The model could not be built, or its weights not loaded as a whole.
    """
    try:
        yield
    except Exception as error:
        # what the hub raises without a network is an OSError and a ValueError
        if isinstance(error, ValueError) and not isinstance(error, OSError):
            raise
        raise ValueError(_sentence(title, source, args, error)) from error


def check_args(title: str, args: Mapping[str, Any], known: Container[str]) -> None:
    """Check that a model takes the arguments that a config gives.

    Raises:
        ValueError: There are some that it does not take.
    """
    if unknown := [name for name in args if name not in known]:
        raise ValueError(_unknown_args(title, args, unknown))


def has_no_connection(error: BaseException | None) -> bool:
    """Whether a server could not be reached, by the error or by what caused it."""
    while error is not None:
        names = {cls.__name__ for cls in type(error).__mro__}
        is_url = isinstance(error, URLError) and not isinstance(error, HTTPError)
        if is_url or not names.isdisjoint(_NO_CONNECTION):
            return True
        error = error.__cause__ or error.__context__
    return False


def first_line(error: Exception) -> str:
    """The kind of an error, and the first line of its text."""
    return f'{type(error).__name__}: {error}'.splitlines()[0][:300]


def _sentence(
    title: str, source: str, args: Mapping[str, Any], error: Exception
) -> str:
    is_args = isinstance(error, TypeError)
    unknown = [name for name in _UNKNOWN.findall(str(error)) if name in args]
    if is_args and unknown:
        return _unknown_args(title, args, unknown)
    if not source or (is_args and args):
        return (
            f'{title} cannot be built with args={dict(args)}: {first_line(error)}; '
            "give args that the library's function or class takes"
        )
    return _misfit(title, source, error) or _unread(title, source, error)


def _unknown_args(title: str, args: Mapping[str, Any], unknown: Iterable[str]) -> str:
    return (
        f'{title} does not take args {", ".join(unknown)}; take them out of '
        f"the teacher's args={dict(args)}"
    )


def _misfit(title: str, source: str, error: Exception) -> str:
    """What does not fit between the weights and the model; empty if something else."""
    text = str(error)
    missing, unexpected = (
        re.findall(r'"([^"]+)"', (re.findall(rf'{what} key.*?: (.*)', text) or [''])[0])
        for what in ('Missing', 'Unexpected')
    )
    misfit = Misfit.of(missing, (), unexpected, [], error)
    if not missing and not unexpected and not misfit.reshaped:
        return ''
    found = [
        listed('missing', missing, most=3),
        listed('unexpected', unexpected, most=3),
        listed('of another shape', misfit.reshaped, most=3),
    ]
    said = f'{source} does not hold the weights of {title}: {"; ".join(found)}'
    if missing or unexpected or len(misfit.reshaped) > 2:
        return f'{said}; give the file of this model: this one is of another'
    return (
        f'{said}; give the file of this model. If its head has another number of '
        'classes, say so with args=dict(num_classes=...)'
    )


def _unread(title: str, source: str, error: Exception) -> str:
    """Why the weights could not be read, and what to give instead."""
    if has_no_connection(error):
        return (
            f'the weights of {title} are not on this machine, and {source} cannot be '
            'reached to download them; give a local file with checkpoint=PATH, or '
            'pretrained=False to try the run with random weights'
        )
    if Path(source).exists():
        return (
            f'the weights of {title} cannot be loaded from {source}: '
            f'{first_line(error)}; the file may be cut short or of another program: '
            'write it again'
        )
    return (
        f'the weights of {title} cannot be loaded from {source}: {first_line(error)}; '
        'give a local file with checkpoint=PATH, or pretrained=False for random weights'
    )
