"""Files on shared disks: atomic replacement, exclusive creation, and a lock whose owner is known.

A workspace lies on NFS or Lustre and is written from several hosts. Nothing here needs more of a file system
than exclusive creation and atomic renames. Trainers import this: the standard library only, and little of it.
"""

from hyperherd.fsio.files import (
    content,
    create,
    make_folders,
    opened,
    read_settled,
    refused,
    replace,
    unreadable,
)
from hyperherd.fsio.lock import Lock

__all__ = [
    "Lock",
    "content",
    "create",
    "make_folders",
    "opened",
    "read_settled",
    "refused",
    "replace",
    "unreadable",
]
