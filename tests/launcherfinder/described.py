"""What the tests of descriptions share: YAML in a folder, hosts and presets of it, and the faults that are told."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from hyperherd.errors import HerdError
from hyperherd.launcherfinder import configuration, registry
from hyperherd.launcherfinder.configuration import Sources
from hyperherd.launcherfinder.hosts import Host
from hyperherd.launchers.shipped import native

patient = settings(deadline=None, database=None, suppress_health_check=list(HealthCheck))


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    return path


def hosts_of(text: str, sources: Sources | None = None) -> dict[str, Host]:
    """The hosts of a ``launchers.yaml`` in the configuration folder."""
    write(configuration.folder() / configuration.HOSTS, text)
    return {host.name: host for host in registry.described(sources or Sources())}


def one_host(body: str) -> Host:
    """The host that these keys make."""
    return hosts_of("hosts:\n  it:\n" + textwrap.indent(textwrap.dedent(body), "    "))["it"]


def lines(host: Host) -> list[str]:
    """What Slurm is asked for, in any order."""
    return sorted(native().lines(host.request))


@contextmanager
def told(*parts: str, folder: Path | None = None) -> Iterator[None]:
    """An error whose words, without the names of folders, hold each of these."""
    with pytest.raises(HerdError) as caught:
        yield
    words = str(caught.value).replace(f"{folder or configuration.folder()}/", "")
    missing = [part for part in parts if part not in words]
    assert not missing, f"{missing} not in:\n{words}"
