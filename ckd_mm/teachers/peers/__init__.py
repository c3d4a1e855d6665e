"""Peers: models that are trained along with the student, and learn in terms as well."""

from __future__ import annotations

from ckd_mm.teachers.peers.kind import PeerKind
from ckd_mm.teachers.peers.peer import Peer, introduced, seed_of
from ckd_mm.teachers.peers.reading import read_peers
from ckd_mm.teachers.peers.view import PeerView

__all__ = ['Peer', 'PeerKind', 'PeerView', 'introduced', 'read_peers', 'seed_of']
