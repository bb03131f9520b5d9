"""Compute presets: the shipped ones line by line, those of vec-playbook as they are, and where they are looked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperherd.config import document
from hyperherd.launcherfinder import configuration, presets
from hyperherd.launcherfinder.configuration import SHIPPED, Sources
from hyperherd.launchers.slurm.forms import Kind
from hyperherd.launchers.slurm.options import KINDS

from .described import lines, patient, told, write

GIB = 2**30
# The table of the contract: name -> GPUs and tasks, cores of a task, GiB, what else Slurm is asked for.
TABLE = {
    **{f"bon_echo/a40_{n}x": (n, 8, 40 * n, "a40", "a40") for n in (1, 2, 4)},
    **{f"bon_echo/a100_{n}x": (n, 16, 80 * n, "a100", "a100") for n in (1, 4)},
    "bon_echo/cpu_1x": (0, 2, 8, "", ""),
    **{f"killarney/l40s_{n}x": (n, 16, 120 * n, "l40s", "") for n in (1, 2, 4)},
    **{f"killarney/h100_{n}x": (n, 6, 240 * n, "h100", "") for n in (1, 2, 4, 8)},
}
OF_VEC_PLAYBOOK = """\
cluster: killarney
nodes: 1
gpu_type: l40s
gpus_per_node: 1
time_limit: "1:00:00"
timeout_min: 60
mem_gb: 64
cpus_per_task: 32
gres: gpu:${.gpu_type}:${.gpus_per_node}
slurm: {gpus_per_node: null}
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "sweep"
    folder.mkdir()
    return folder


def preset(body: str, more: str = "", sources: Sources | None = None) -> presets.Preset:
    """The preset that this file is, with this ``user.yaml``."""
    write(configuration.folder() / "compute/mine.yaml", body)
    write(configuration.folder() / "user.yaml", more)
    return presets.load("mine", sources or Sources())


# --- those that ship -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TABLE)
def test_a_shipped_preset_becomes_the_lines_of_the_table(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USER", "ada")
    gpus, cores, memory, gpu, partition = TABLE[name]
    found = presets.load(name, Sources())
    wanted = ["--nodes=1", f"--cpus-per-task={cores}", f"--mem={memory}G", "--time=60"]
    wanted += [f"--gres=gpu:{gpu}:{gpus}", f"--ntasks-per-node={gpus}"] if gpus else []
    wanted += [f"--partition={partition}"] if partition else []
    assert lines(found.host) == sorted(f"#SBATCH {one}" for one in wanted)
    has = found.host.specification
    assert (len(has.accelerators), has.cpu.memory, has.max_duration) == (gpus, memory * GIB, 3600)
    assert {one.model for one in has.accelerators} == ({gpu} if gpu else set())
    cluster, _, _ = name.partition("/")
    scratch = "/scratch/ssd004/scratch/ada" if cluster == "bon_echo" else "/scratch/ada"
    assert (found.host.cluster, found.host.work_root) == (cluster, scratch)


def test_nothing_else_ships_but_local() -> None:
    shipped = [name for name, path in Sources().presets() if path.is_relative_to(SHIPPED)]
    assert sorted(shipped) == sorted([*TABLE, "local"])


def test_local_is_this_machine_and_asks_for_one_node() -> None:
    found = presets.load("local", Sources()).host
    assert (found.launcher, lines(found)) == ("local", ["#SBATCH --nodes=1"])


# --- those of vec-playbook -------------------------------------------------------------------------------------------


def test_a_preset_of_vec_playbook_is_read_as_it_is() -> None:
    assert lines(preset(OF_VEC_PLAYBOOK).host) == [
        "#SBATCH --cpus-per-task=32",
        "#SBATCH --gres=gpu:l40s:1",
        "#SBATCH --mem=64G",
        "#SBATCH --nodes=1",
        "#SBATCH --time=60",
    ]


def test_a_preset_of_vec_playbook_without_gpus_asks_for_none() -> None:
    text = "nodes: 1\ngpus_per_node: 0\ngres: null\ncpus_per_task: 2\nmem_gb: 8\ntime_limit: 2:00:00\n"
    assert lines(preset(text).host) == [
        "#SBATCH --cpus-per-task=2",
        "#SBATCH --mem=8G",
        "#SBATCH --nodes=1",
        "#SBATCH --time=2:00:00",
    ]


def test_additional_parameters_are_options_and_none_is_dropped() -> None:
    more = "user: {slurm: {account: ml, additional_parameters: {qos: fast, mail_user: a@b, exclusive: true}}}"
    found = preset("nodes: 1\nslurm: {additional_parameters: {constraint: ib, licenses: 'x:2'}}", more)
    assert lines(found.host) == [
        "#SBATCH --account=ml",
        "#SBATCH --constraint=ib",
        "#SBATCH --exclusive",
        "#SBATCH --licenses=x:2",
        "#SBATCH --mail-user=a@b",
        "#SBATCH --nodes=1",
        "#SBATCH --qos=fast",
    ]


def test_null_among_additional_parameters_is_left_out_and_takes_nothing_away() -> None:
    more = "user: {slurm: {account: ml, additional_parameters: {qos: null}}}"
    assert "#SBATCH --qos=normal" in lines(preset("qos: normal", more).host)
    assert "#SBATCH --qos=normal" in lines(preset("slurm: {qos: normal}", more).host)


# --- what wins -------------------------------------------------------------------------------------------------------

WAYS = {
    "partition": [
        ("partition: {}", ""),
        ("slurm: {{partition: {}}}", ""),
        ("slurm: {{additional_parameters: {{partition: {}}}}}", ""),
    ],
    "qos": [
        ("qos: {}", ""),
        ("slurm: {{qos: {}}}", ""),
        ("slurm: {{additional_parameters: {{qos: {}}}}}", ""),
    ],
    "time": [
        ("timeout_min: {}", ""),
        ("time_limit: {}", ""),
        ("slurm: {{time: {}}}", ""),
        ("slurm: {{additional_parameters: {{time: {}}}}}", ""),
    ],
    "cpus-per-task": [("cpus_per_task: {}", ""), ("slurm: {{cpus_per_task: {}}}", "")],
    "ntasks-per-node": [("tasks_per_node: {}", ""), ("slurm: {{ntasks_per_node: {}}}", "")],
    "mem": [("mem_gb: {}", "G"), ("slurm: {{mem: {}G}}", "G")],
    "gres": [("gres: gpu:{}", ""), ("slurm: {{gres: gpu:{}}}", "")],
    "mail-user": [
        ("slurm: {{mail_user: {}}}", ""),
        ("slurm: {{additional_parameters: {{mail_user: {}}}}}", ""),
    ],
}
PAIRS = [(name, below, above) for name, ways in WAYS.items() for below in ways for above in ways]


@pytest.mark.parametrize(("name", "below", "above"), PAIRS)
def test_the_user_wins_over_the_preset_in_whatever_way_both_write_it(
    name: str, below: Any, above: Any
) -> None:
    found = preset(below[0].format(11) + "\n", above[0].format(22) + "\n")
    value = "gpu:22" if name == "gres" else f"22{above[1]}"
    assert lines(found.host) == [f"#SBATCH --{name}={value}"]


@pytest.mark.parametrize(("name", "below", "above"), PAIRS)
def test_a_preset_wins_over_its_base_in_whatever_way_both_write_it(name: str, below: Any, above: Any) -> None:
    write(configuration.folder() / "compute/below.yaml", below[0].format(11) + "\n")
    found = preset("base: below\n" + above[0].format(22) + "\n")
    value = "gpu:22" if name == "gres" else f"22{above[1]}"
    assert lines(found.host) == [f"#SBATCH --{name}={value}"]


def test_null_takes_away_what_a_base_asks_for() -> None:
    found = preset(
        "base: bon_echo/a40_1x\ngres: null\nslurm: {partition: null, cpus_per_task: null}\nmem_gb: null"
    )
    assert lines(found.host) == [
        "#SBATCH --gpus-per-node=1",
        "#SBATCH --nodes=1",
        "#SBATCH --ntasks-per-node=1",
        "#SBATCH --time=60",
    ]


# --- where they are --------------------------------------------------------------------------------------------------


def test_presets_are_looked_for_in_the_workspace_then_configs_then_the_user_then_what_ships(
    workspace: Path,
) -> None:
    sources, name = Sources(workspace), "killarney/l40s_1x"
    places = [configuration.folder() / "compute", workspace / "configs/compute", workspace / "compute"]
    for number, place in enumerate(places, start=2):
        write(place / f"{name}.yaml", f"nodes: {number}")
        assert presets.load(name, sources).values == {"nodes": number}
        assert dict(sources.presets())[name] == place / f"{name}.yaml"
    assert presets.load(name, Sources()).values == {"nodes": 2}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project's folder, with a preset and a ``user.yaml`` that its sweeps are to find."""
    folder = tmp_path / "project"
    write(folder / "configs/compute/lab/one.yaml", "nodes: 1")
    write(folder / "configs/user.yaml", "user: {slurm: {account: a, qos: q}}")
    return folder


@pytest.mark.parametrize("mark", [".git/", "pyproject.toml", "configs/compute/"])
def test_presets_and_user_yaml_are_found_from_anywhere_below_the_projects_root(root: Path, mark: str) -> None:
    (root / mark).mkdir(exist_ok=True) if mark.endswith("/") else (root / mark).touch()
    deep = root / "src/mlp/single"
    write(deep.parent / "configs/compute/lab/one.yaml", "nodes: 2")
    write(deep.parent / "configs/user.yaml", "user: {slurm: {qos: nearer}}")
    if mark != "configs/compute/":
        write(deep / "configs/compute/lab/other.yaml", "nodes: 3")
    for sources in (Sources(deep), Sources(here=deep)):
        found = presets.load("lab/one", sources)
        assert found.values["nodes"] == 2
        assert found.host.request.native["qos"] == "nearer"
        assert found.host.request.native.get("account") == (None if mark == "configs/compute/" else "a")


def test_a_project_ends_at_its_root_and_below_a_folder_that_everyone_may_write_into(root: Path) -> None:
    inner = root / "a/b"
    (inner / ".git").mkdir(parents=True)
    assert configuration.project(inner / "c") == [inner / "c", inner]
    assert configuration.project(root / "x") == [root / "x", root]
    (root / "a").chmod(0o1777)
    assert configuration.project(root / "a/d/e") == [root / "a/d/e"]
    assert configuration.project(root / "a") == [root / "a", root]


def test_a_preset_of_ones_own_may_stand_on_one_that_ships(workspace: Path) -> None:
    write(workspace / "configs/compute/big.yaml", "base: killarney/h100_8x\nnodes: 2\n")
    found = presets.load("big", Sources(workspace)).host
    assert {"#SBATCH --nodes=2", "#SBATCH --gres=gpu:h100:8"} <= set(lines(found))


def test_user_yaml_is_read_at_its_places_and_the_nearest_wins(workspace: Path) -> None:
    write(configuration.folder() / "user.yaml", "user: {slurm: {account: a, qos: q, mail_user: m}}")
    write(workspace / "configs/user.yaml", "user: {slurm: {account: b, qos: r}}")
    write(workspace / "user.yaml", "slurm: {account: c}")
    asked = presets.load("killarney/l40s_1x", Sources(workspace)).host.request.native
    assert (asked["account"], asked["qos"], asked["mail_user"]) == ("c", "r", "m")
    assert presets.load("killarney/l40s_1x", Sources()).host.request.native["account"] == "a"


@pytest.mark.parametrize("text", ["", "user:", "user: {}", "# nothing\n", "user: {slurm: {account: null}}"])
def test_a_user_yaml_that_says_nothing_changes_nothing(text: str) -> None:
    plain = presets.load("killarney/l40s_1x", Sources()).host.request
    write(configuration.folder() / "user.yaml", text)
    assert presets.load("killarney/l40s_1x", Sources()).host.request == plain


# --- faults ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("killarney/l40_1x", "killarney/l40s_1x"),
        ("l40s_2x", "killarney/l40s_2x"),
        ("bonecho/a40_4x", "bon_echo/a40_4x"),
        ("xyzzy", "herd compute list"),
        ("", "no compute preset ''"),
    ],
)
def test_a_preset_that_is_not_there_is_told_with_the_nearest_all_names_and_where_they_were_looked_for(
    name: str, words: str, root: Path
) -> None:
    with told(
        f"no compute preset '{name}'", words, "lab/one, ", "killarney/h100_8x, ", f"looked for in {root}/"
    ):
        presets.load(name, Sources(here=root))


@pytest.mark.parametrize(
    "deep", ["../secret", "a/../../secret", "../../sweep/secret", "x\0y", "a" * 300, "./../secret", "/"]
)
def test_a_preset_never_leaves_its_folder(workspace: Path, deep: str) -> None:
    write(workspace / "secret.yaml", "nodes: 1")
    write(workspace / "configs/secret.yaml", "nodes: 1")
    write(configuration.folder() / "secret.yaml", "nodes: 1")
    for name in (deep, str(workspace / "secret")):
        with told("no compute preset"):
            presets.load(name, Sources(workspace))


@patient
@given(st.text(max_size=30))
def test_any_name_is_found_or_refused_in_words(name: str) -> None:
    if name not in dict(Sources().presets()):
        with told("no compute preset"):
            presets.load(name, Sources())


def test_every_option_of_sbatch_is_known_by_name() -> None:
    sample = {
        Kind.TEXT: "word",
        Kind.COUNT: 3,
        Kind.FLAG: True,
        Kind.OPTIONAL: True,
        Kind.TIME: "1:00:00",
        Kind.MEMORY: "4G",
        Kind.FROM_ZERO: 0,
        Kind.NODES: "2-4",
        Kind.GPUS: "a100:2",
        Kind.GRES: "gpu:2",
    }
    for name, kind in KINDS.items():
        text = (
            f"slurm: {{{name}: {str(sample[kind]).lower() if sample[kind] is True else repr(sample[kind])}}}"
        )
        option = name.replace("_", "-")
        given = "" if sample[kind] is True else f"={sample[kind]}"
        assert lines(preset(text).host) == [f"#SBATCH --{option}{given}"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            "\nslurm:\n  cpu_per_task: 4",
            ["compute/mine.yaml:3: slurm.cpu_per_task", "'--cpu-per-task'", "did you mean 'cpus_per_task'?"],
        ),
        (
            "slurm: {additional_parameters: {acount: x}}",
            ["mine.yaml:1: slurm.additional_parameters.acount", "'account'"],
        ),
        ("slurm: {mail-user: a@b}", ["write mail_user"]),
        ("slurm: {job_name: x}", ["'job_name' cannot be set here"]),
        ("slurm: {array: 0-3}", ["'array' cannot be set here"]),
        ("slurm: [1]", ["mine.yaml:1: slurm: a mapping"]),
        ("slurm: {additional_parameters: [1]}", ["mine.yaml:1: slurm", "a mapping"]),
        ("slurm: {additional_parameters: x}", ["mine.yaml:1: slurm", "a mapping"]),
        ("slurm: {mem: [1]}", ["mine.yaml:1: slurm.mem"]),
        ("nodes: 1\ntime_limit: soon", ["mine.yaml:2: time_limit: 'soon' is not a time"]),
        ("nodes: 1\nmem_gb: -4", ["mine.yaml:2: mem_gb"]),
        (
            "nodes: 1\ngpus_per_nod: 2",
            ["mine.yaml:2: gpus_per_nod: unknown key", "did you mean 'gpus_per_node'?"],
        ),
        ("nodes: one", ["mine.yaml:1: nodes: a whole number", "not 'one'"]),
        (
            "nodes: 1\ngres: gpu:${.gpu_typ}:1\ngpu_type: a40",
            ["mine.yaml:2: gres", "did you mean 'gpu_type'?"],
        ),
        ("work_root: /scratch/${oc.env:HH_NOT_SET}", ["mine.yaml:1: work_root", "export HH_NOT_SET=..."]),
        (
            "base: killarney/l40s_3x",
            ["mine.yaml:1: base: no compute preset 'killarney/l40s_3x'", "killarney/l40s_2x"],
        ),
        ("base: [a]", ["mine.yaml:1: base: the name of another"]),
        ("base: 5", ["mine.yaml:1: base: the name of another"]),
        ("base: mine", ["mine.yaml:1: base", "mine -> mine"]),
        ("account: ???", ["mine.yaml:1: account: it has no value yet"]),
        ("- 1", ["mine.yaml:1: a mapping expected"]),
    ],
)
def test_a_fault_is_told_with_file_line_and_what_is_near(body: str, words: list[str]) -> None:
    with told(*words):
        preset(body)


def test_a_fault_of_user_yaml_is_told_in_user_yaml() -> None:
    with told("user.yaml:2: user.slurm.acount", "did you mean 'account'?"):
        preset("nodes: 1", "user:\n  slurm: {acount: ml}")
    with told("user.yaml:1: user: a mapping expected"):
        preset("nodes: 1", "user: [x]")
    with told("user.yaml:1: a mapping expected"):
        preset("nodes: 1", "[x]")


def test_all_faults_are_told_at_once() -> None:
    with told(
        "mine.yaml:1: nodes", "mine.yaml:2: mem_gb", "mine.yaml:3: slurm.partiton", "user.yaml:1: nods"
    ):
        preset("nodes: x\nmem_gb: y\nslurm: {partiton: a}", "nods: 2")


def test_the_shipped_files_are_yaml_and_hold_known_keys_only() -> None:
    for path in SHIPPED.rglob("*.yaml"):
        assert isinstance(document.read(path.read_text(), file=path.name).value, dict)
