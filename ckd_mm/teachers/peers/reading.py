"""Reads `peers=` of a hook: a list of models that are trained along."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import fields
from typing import Any

from ckd_mm.registry import did_you_mean
from ckd_mm.teachers.peers.kind import PeerKind

__all__ = ['read_peers']

RESERVED = ('student', 'teacher', 'both')
"""Names that a config or the log has for others."""


def read_peers(peers: Any, terms: Collection[str] = ()) -> list[PeerKind]:
    """The peers of a hook; none of `None`.

    Args:
        peers: The option of the hook.
        terms: The names of its terms.

    Raises:
        ValueError: An option is unknown or wrong, or two things have one name.
    """
    if peers is None:
        return []
    is_list = isinstance(peers, (list, tuple))
    if not is_list or not peers or not all(isinstance(one, dict) for one in peers):
        raise ValueError(
            'peers must be a list of dicts, each with the config of a model that is '
            f'trained along, got {peers!r}; write peers=[dict(config=PATH)], or leave '
            'peers out'
        )
    kinds = [_read(one, number) for number, one in enumerate(peers)]
    names = [kind.name for kind in kinds]
    for name in names:
        _check_name(name, names, terms)
    return kinds


def _read(options: dict[str, Any], number: int) -> PeerKind:
    name = options.get('name', f'peer{number}')
    known = [option.name for option in fields(PeerKind)]
    for option in options:
        if option not in known:
            raise ValueError(
                f'peer {name!r} has no option {option!r}{did_you_mean(option, known)}; '
                f'the options are {", ".join(known)}'
            )
    if 'config' not in options:
        raise ValueError(
            f'peer {name!r} lacks its config, it has {sorted(options)}; give '
            'config=PATH, a zoo name, or a dict'
        )
    return PeerKind(**{**options, 'name': name})


def _check_name(name: Any, names: list[Any], terms: Collection[str]) -> None:
    """Check that a name can be logged, and is of one thing.

    Raises:
        ValueError: It cannot, or it is not.
    """
    if not isinstance(name, str) or not re.fullmatch(r'[A-Za-z][\w-]*', name):
        raise ValueError(
            'the name of a peer must be letters, digits, _ and -, and begin with a '
            f'letter, as it names what is logged, got {name!r}; leave it out for '
            "'peer0', 'peer1', ..."
        )
    if 'loss' in name:
        raise ValueError(
            f"the name of a peer must not contain 'loss', got {name!r}: MMEngine sums "
            'every logged key that does, and would add its accuracy to the loss; '
            'choose another name'
        )
    used = 'another peer' if names.count(name) > 1 else ''
    used = 'a distill term' if name in terms else used
    used = f'the {name} of the hook' if name in RESERVED else used
    if used:
        raise ValueError(
            f'the name {name!r} of a peer is that of {used}; give each a name of its '
            'own with peers=[dict(name=..., config=...)]'
        )
