"""``launchers.yaml``: every key, what is asked of Slurm for it, and all faults of the file at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperherd.errors import ConfigError, HerdError
from hyperherd.launcherfinder import configuration, hosts, registry
from hyperherd.launcherfinder.configuration import Sources
from hyperherd.launcherfinder.layers import Layered
from hyperherd.launchers.shipped import native
from hyperherd.requirements import CudaSpecification, MPSSpecification
from hyperherd.requirements.parser import parse

from .described import hosts_of, lines, one_host, patient, told, write

GIB = 2**30


def asked(body: str, requirement: str) -> list[str]:
    """What Slurm is asked for, where this host runs what is required."""
    host = one_host(body)
    match = parse(requirement).match(host.specification)
    assert match
    return sorted(native().lines(hosts.filled(host, match.requirement)))


def test_every_key_is_read() -> None:
    host = one_host(
        """\
        launcher: slurm
        cluster: big
        partition: gpu
        account: ml
        qos: fast
        constraint: ib
        reservation: course
        machines: 4
        cores: 16
        memory: 190GiB
        accelerators:
          - {kind: cuda, model: a100, memory: 40GiB, min_memory: 10GiB, count: 2, gres: "gpu:a100"}
          - {kind: mps, memory: 8G}
        max_duration: 7d
        min_gpu: 1
        priority: 10.5
        tags: [fast, new]
        work_root: /scratch
        slurm: {exclusive: user}
        """
    )
    has = host.specification
    assert (host.name, host.launcher, host.cluster, host.machines, host.work_root) == (
        "it",
        "slurm",
        "big",
        4,
        "/scratch",
    )
    assert (has.cpu.cores, has.cpu.memory, has.max_duration, has.min_gpu, has.priority) == (
        16,
        190 * GIB,
        604800,
        1,
        10.5,
    )
    a100 = CudaSpecification(40 * GIB, "a100", 10 * GIB)
    assert list(has.accelerators) == [a100, a100, MPSSpecification(8 * 10**9)]
    assert host.gres == ("gpu:a100", "gpu:a100", "")
    assert host.tags == {"fast", "new"}
    assert lines(host) == [
        "#SBATCH --account=ml",
        "#SBATCH --constraint=ib",
        "#SBATCH --exclusive=user",
        "#SBATCH --partition=gpu",
        "#SBATCH --qos=fast",
        "#SBATCH --reservation=course",
    ]
    assert host.source.endswith("launchers.yaml:2: hosts.it")


def test_a_host_that_says_nothing_has_nothing() -> None:
    host = one_host("{}")
    assert (host.launcher, list(host.specification.accelerators), host.specification.cpu.cores) == (
        "slurm",
        [],
        0,
    )


def test_accelerators_may_be_one_mapping_and_the_memory_of_known_models_is_known() -> None:
    assert (
        list(one_host("accelerators: {model: l40s, count: 2}").specification.accelerators)
        == [CudaSpecification(48 * GIB, "l40s")] * 2
    )
    write(configuration.folder() / "gpus.yaml", "cuda: {zzz: 3}")
    hosts._known_memory.cache_clear()
    assert one_host("accelerators: {model: zzz}").specification.accelerators[0].memory == 3 * GIB
    hosts._known_memory.cache_clear()


@pytest.mark.parametrize("word", ["local", "direct"])
def test_this_machine_has_two_names(word: str) -> None:
    assert one_host(f"launcher: {word}").launcher == "local"


# --- what is asked of Slurm ------------------------------------------------------------------------------------------

MIXED = """\
cores: 64
memory: 400GiB
accelerators:
  - {model: a10, memory: 24GiB, count: 2, gres: "gpu:a10"}
  - {model: a100, memory: 80GiB, count: 2, gres: "gpu:a100"}
"""


@pytest.mark.parametrize(
    ("requirement", "gres"),
    [
        ("cuda(mem=40GiB)", "gpu:a100:1"),
        ("cuda(mem=40GiB) * 2", "gpu:a100:2"),
        ("cuda(model=a10)", "gpu:a10:1"),
        ("cuda(mem=40GiB) & cuda(model=a10)", "gpu:a10:1,gpu:a100:1"),
        ("gpu() * 4", "gpu:a10:2,gpu:a100:2"),
    ],
)
def test_the_accelerators_that_fit_are_asked_for_by_what_slurm_calls_them(
    requirement: str, gres: str
) -> None:
    assert asked(MIXED, requirement) == [f"#SBATCH --gres={gres}"]


def test_accelerators_without_a_type_are_asked_for_by_number() -> None:
    body = "accelerators: {memory: 24GiB, count: 4}\npartition: gpu"
    assert asked(body, "cuda(mem=20GiB) * 3") == ["#SBATCH --gpus-per-node=3", "#SBATCH --partition=gpu"]


def test_time_cores_and_memory_are_what_is_required() -> None:
    body = "cores: 64\nmemory: 400GiB\nmax_duration: 7d"
    assert asked(body, "duration=36h & cpu(mem=500M, cores=3)") == [
        "#SBATCH --cpus-per-task=3",
        "#SBATCH --mem=477M",
        "#SBATCH --time=1-12:00:00",
    ]
    assert asked(body, "cpu(mem=32GiB)") == ["#SBATCH --cpus-per-task=1", "#SBATCH --mem=32G"]


def test_what_a_requirement_does_not_say_is_as_the_base_has_it() -> None:
    assert asked("base: killarney/l40s_1x", "cuda(mem=40GiB)") == [
        "#SBATCH --cpus-per-task=16",
        "#SBATCH --gres=gpu:l40s:1",
        "#SBATCH --mem=120G",
        "#SBATCH --nodes=1",
        "#SBATCH --ntasks-per-node=1",
        "#SBATCH --time=60",
    ]


def test_tasks_of_a_base_share_the_cores_that_are_required() -> None:
    found = asked("base: killarney/l40s_4x", "cpu(cores=64) & cuda(mem=40GiB) * 4")
    assert {"#SBATCH --ntasks-per-node=4", "#SBATCH --cpus-per-task=16"} <= set(found)


def test_what_sbatch_would_not_take_together_is_not_asked_together() -> None:
    body = "cores: 8\nmemory: 64GiB\naccelerators: {count: 4}\n"
    body += "slurm: {mem_per_cpu: 4G, gpus: 4, gres: 'gpu:4,lscratch:100'}"
    assert asked(body, "cpu(mem=8GiB, cores=2) & cuda() * 2") == [
        "#SBATCH --cpus-per-task=2",
        "#SBATCH --gpus-per-node=2",
        "#SBATCH --gres=lscratch:100",
        "#SBATCH --mem=8G",
    ]


# --- bases -----------------------------------------------------------------------------------------------------------


def test_a_host_may_stand_on_another_host_and_on_a_preset() -> None:
    found = hosts_of(
        """\
        hosts:
          big: {base: small, cores: 64, tags: [big]}
          small: {partition: cpu, cores: 4, memory: 8GiB, tags: [cheap]}
          gpu: {base: bon_echo/a40_4x, partition: rtx, priority: 3}
        """
    )
    assert list(found) == ["big", "small", "gpu"]
    big = found["big"]
    assert (big.specification.cpu.cores, big.specification.cpu.memory, big.tags) == (
        64,
        8 * GIB,
        frozenset({"big", "cheap"}),
    )
    assert (found["small"].specification.cpu.cores, found["small"].tags) == (4, frozenset({"cheap"}))
    assert len(found["gpu"].specification.accelerators) == 4
    assert "#SBATCH --partition=rtx" in lines(found["gpu"])


def test_presets_of_the_workspace_can_be_bases(tmp_path: Path) -> None:
    write(tmp_path / "sweep/compute/mine.yaml", "partition: x\ncpus_per_task: 4\ntasks_per_node: 2")
    found = hosts_of("hosts: {a: {base: mine}}", Sources(tmp_path / "sweep"))
    assert found["a"].specification.cpu.cores == 8


# --- faults ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("launcher: lsf", ["launcher: slurm or local expected, not 'lsf'"]),
        ("launcher: [slurm]", ["launcher: slurm or local expected"]),
        ("machines: many", ["machines: a whole number", "'many'"]),
        ("cores: 1.5", ["cores: a whole number", "1.5"]),
        ("cores: -1", ["cores: a whole number"]),
        ("cores: true", ["cores: a whole number"]),
        ("memory: 190", ["memory: an amount of memory such as 190GiB expected, not 190"]),
        ("memory: 190 potatoes", ["memory:", "potatoes"]),
        ("memory: {a: 1}", ["memory: an amount of memory"]),
        ("max_duration: 7", ["max_duration: a duration such as 7d"]),
        ("max_duration: 7 moons", ["max_duration:", "moons"]),
        ("min_gpu: one", ["min_gpu: a whole number"]),
        ("priority: high", ["priority: a number"]),
        ("priority: .nan", ["priority: a number"]),
        ("tags: fast", ["tags: a list of texts expected, not 'fast'"]),
        ("tags: [[1]]", ["tags: text expected"]),
        ("partition: [a]", ["partition: text expected"]),
        ("partition: ''", ["partition: it needs a value"]),
        ("accelerators: 4", ["accelerators: a mapping such as", "not 4"]),
        ("accelerators: [a100]", ["accelerators: a mapping such as"]),
        ("accelerators: {kind: tpu}", ["accelerators.kind: one of cuda, mps, gpu expected, not 'tpu'"]),
        ("accelerators: [{}, {kind: [cuda]}]", ["accelerators[1].kind: one of cuda, mps, gpu"]),
        (
            "accelerators: [{memory: 24}]",
            ["accelerators[0].memory: an amount of memory such as 190GiB expected, not 24"],
        ),
        ("accelerators: {memory: 24 Gb of RAM}", ["accelerators.memory:"]),
        ("accelerators: {count: two}", ["accelerators.count: a whole number"]),
        ("accelerators: {count: 99999999999}", ["accelerators.count: a whole number up to"]),
        ("accelerators: {model: [a]}", ["accelerators.model: text"]),
        ("accelerators: {gres: {a: 1}}", ["accelerators.gres: text"]),
        (
            "accelerators: [{memroy: 24GiB}]",
            ["accelerators[0].memroy: unknown key", "did you mean 'memory'?"],
        ),
        ("acelerators: {}", ["acelerators: unknown key", "did you mean 'accelerators'?"]),
        ("zzz: {}", ["zzz: unknown key", "known are launcher"]),
        ("slurm: {tiem: 4}", ["slurm.tiem: sbatch has no option '--tiem'", "did you mean 'time'?"]),
        ("base: nobody", ["base: no compute preset 'nobody'"]),
        ("base: ../../secret", ["base: no compute preset"]),
        ("base: it", ["base: 'base' goes in a circle: it -> it"]),
    ],
)
def test_a_fault_is_told_with_its_line_and_what_would_be_right(body: str, words: list[str]) -> None:
    with told(f"launchers.yaml:4: hosts.it.{words[0]}", *words[1:]):
        one_host(f"cluster: big\n{body}")


def test_all_faults_of_a_file_are_told_at_once_and_each_once() -> None:
    text = """\
        host: {}
        hosts:
          a: {cores: x, memory: y}
          b: {base: a, tags: z}
          c: 7
          d: {base: nobody}
        """
    with pytest.raises(ConfigError) as caught:
        hosts_of(text)
    wheres = [fault.where.rpartition("/")[2] for fault in caught.value.faults]
    assert wheres == [
        "launchers.yaml:1: host",
        "launchers.yaml:3: hosts.a.cores",
        "launchers.yaml:3: hosts.a.memory",
        "launchers.yaml:4: hosts.b.tags",
        "launchers.yaml:5: hosts.c",
        "launchers.yaml:6: hosts.d.base",
    ]


@pytest.mark.parametrize("text", ["[hosts]", "hosts", "7", "hosts: [a]", "hosts: 7", "hosts: {a: [1]}"])
def test_what_is_no_mapping_of_hosts_is_told(text: str) -> None:
    with told("launchers.yaml:1", "a mapping expected"):
        hosts_of(text)


@pytest.mark.parametrize("text", ["", "hosts:", "hosts: {}", "# none yet\n"])
def test_an_empty_file_describes_nobody(text: str) -> None:
    assert hosts_of(text) == {}


def test_no_file_describes_nobody_and_a_folder_in_its_place_is_told() -> None:
    assert registry.described(Sources()) == []
    (configuration.folder() / "launchers.yaml").mkdir()
    with told("launchers.yaml: cannot be read"):
        registry.described(Sources())


INNER = ["kind", "memory", "count", "model", "gres", "time", "additional_parameters", "x"]
ANY = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=5),
        st.sampled_from(["gpu", "4GiB"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2), st.dictionaries(st.sampled_from(INNER), inner, max_size=3)
    ),
    max_leaves=5,
)


@patient
@given(st.dictionaries(st.sampled_from([*hosts.KEYS, "zzz"]), ANY, max_size=4))
def test_whatever_a_description_says_it_is_read_or_refused_in_words(values: dict[str, Any]) -> None:
    try:
        found = hosts.host("it", Layered(values))
    except HerdError as error:
        assert str(error)
    else:
        native().lines(found.request)


def test_what_a_host_leaves_out_is_filled_in_from_the_users_file_and_what_it_takes_away_is_not() -> None:
    write(configuration.folder() / configuration.USER, "user: {slurm: {account: vision, qos: long}}\n")
    found = hosts_of("""\
        hosts:
          open: {partition: a}
          own: {partition: b, account: mine}
          none: {partition: c, account: null, slurm: {qos: short}}
        """)
    asked = {
        name: (host.request.native.get("account"), host.request.native.get("qos"))
        for name, host in found.items()
    }
    assert asked == {"open": ("vision", "long"), "own": ("mine", "long"), "none": (None, "short")}
