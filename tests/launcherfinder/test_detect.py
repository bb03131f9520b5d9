"""`herd launchers detect`: what clusters say (five written-out sites, the fake Slurm, the real one) becomes hosts.

A folder of ``sites`` holds what Slurm's commands print there (``who`` is the user and the groups), and the
``launchers.yaml`` that comes of it.
"""

from __future__ import annotations

import getpass
import random
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from hyperherd.errors import SchedulerSilentError
from hyperherd.launcherfinder import gpu_names, hosts_yaml
from hyperherd.launchers.slurm import detect, site
from hyperherd.launchers.slurm.client import Client
from hyperherd.launchers.slurm.detect import survey
from hyperherd.launchers.slurm.site import Site
from hyperherd.launchers.survey import Detected
from hyperherd.requirements.parser import parse

from .described import patient

SITES = Path(__file__).with_name("sites")
TABLE = gpu_names.read()
NAMES = sorted(folder.name for folder in SITES.iterdir())
WRITTEN = "2026-11-21 by herd 1.0"


def answers_of(name: str) -> dict[str, str]:
    return {file.stem: file.read_text() for file in (SITES / name).glob("*.out")}


def read(name: str, answers: Mapping[str, str]) -> Site:
    user, groups = (SITES / name / "who").read_text().split()
    return site.site(answers, user=user, groups=groups.split(","))


def detected(name: str) -> Detected:
    return detect.describe(read(name, answers_of(name)), TABLE)


def said(found: Detected, *parts: str) -> bool:
    return any(all(part in sentence for part in parts) for sentence in found.unknown)


# --- five sites ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_site_becomes_the_file_that_lies_beside_it(name: str) -> None:
    assert hosts_yaml.text(detected(name), written=WRITTEN) == (SITES / name / "launchers.yaml").read_text()


@pytest.mark.parametrize("name", NAMES)
def test_the_file_says_the_same_to_every_reader_of_yaml(name: str) -> None:
    text = hosts_yaml.text(detected(name), written=WRITTEN)
    expected = {"hosts": detected(name).hosts}
    assert YAML(typ="safe", pure=True).load(text) == expected
    assert yaml.safe_load(text) == expected  # YAML 1.1


@pytest.mark.parametrize("name", NAMES)
def test_every_host_is_of_the_form(name: str) -> None:
    for host in detected(name).hosts.values():
        entry: dict[str, Any] = dict(host)
        assert entry["launcher"] == "slurm"
        assert all(isinstance(entry[key], int) and entry[key] > 0 for key in ("machines", "cores"))
        for gpu in entry.get("accelerators", ()):
            assert gpu["kind"] in ("cuda", "gpu")
            assert gpu["gres"].split(":")[0] == "gpu"
            assert gpu["count"] > 0


@pytest.mark.parametrize("name", NAMES)
def test_a_requirement_can_ask_for_all_that_a_host_has(name: str) -> None:
    for host in detected(name).hosts.values():
        entry: dict[str, Any] = dict(host)
        asked = [f"cpu(mem={entry['memory']}, cores={entry['cores']})"]
        asked += [f"duration={entry['max_duration']}"] if "max_duration" in entry else []
        for gpu in entry.get("accelerators", ()):
            asked.append(f"{gpu['kind']}(mem={gpu.get('memory', '1GiB')}) * {gpu['count']}")
        (one,) = parse(" & ".join(asked)).requirements
        assert one.cpu.cores == entry["cores"]
        assert one.cpu.memory % 2**20 == 0
        assert len(one.accelerators) == sum(gpu["count"] for gpu in entry.get("accelerators", ()))


@pytest.mark.parametrize("name", NAMES)
def test_the_order_in_which_nodes_are_listed_changes_nothing(name: str) -> None:
    seen = read(name, answers_of(name))
    shuffled = random.Random(1).sample(seen.nodes, len(seen.nodes))
    again = detect.describe(replace(seen, nodes=tuple(shuffled)), TABLE)
    assert (again.hosts, list(again.hosts)) == (detected(name).hosts, list(detected(name).hosts))


@pytest.mark.parametrize("name", NAMES)
def test_every_node_of_an_open_partition_is_counted_once(name: str) -> None:
    counted: dict[object, int] = {}
    for host in detected(name).hosts.values():
        counted[host["partition"]] = counted.get(host["partition"], 0) + int(str(host["machines"]))
    there = [node for node in read(name, answers_of(name)).nodes if node.cpus and not node.planned]
    for partition, count in counted.items():
        assert count == sum(partition in node.partitions for node in there)


# --- what is said of them --------------------------------------------------------------------------------------------


def test_a_feature_that_tells_the_model_is_named_as_a_constraint() -> None:
    host = detected("features").hosts["gpu-a100-80GiB"]
    assert host["constraint"] == "GPU_SKU:A100_SXM4&GPU_MEM:80GB"


def test_a_type_that_tells_the_model_needs_no_constraint() -> None:
    host = detected("typed_gres").hosts["t4v2"]
    assert "constraint" not in host


def test_a_job_in_a_partition_of_a_user_gets_the_terms_made_for_it() -> None:
    hosts = detected("who_may").hosts
    assert hosts["vision-a100"]["max_duration"] == "10d"  # its association's QOS, and not the account's own
    assert hosts["gpu"] == {**hosts["gpu"], "account": "vision", "max_duration": "3d", "min_gpu": 1}
    assert hosts["long"]["qos"] == "long"  # the default QOS may not be used there


def test_what_may_not_be_used_is_left_out_with_the_reason() -> None:
    found = detected("who_may")
    assert {host["partition"] for host in found.hosts.values()} == {"main", "short", "gpu", "vision", "long"}
    for partition, reason in {
        "robots": "AllowAccounts",
        "biology": "AllowGroups",
        "debug": "AllowQos",
        "odd": "DenyQos",
        "closed": "state is DOWN",
        "staff": "RootOnly",
        "training": "reservation",
        "whole": "several nodes",
        "empty": "no nodes",
        "none": "MaxNodes=0",
    }.items():
        assert said(found, "left out", partition, reason)


def test_limits_do_not_hold_where_the_cluster_does_not_enforce_them() -> None:
    answers = answers_of("typed_gres")
    answers["config"] = answers["config"].replace("associations,limits,qos,safe", "associations,qos")
    assert "max_duration" not in detect.describe(read("typed_gres", answers), TABLE).hosts["a40"]


def test_a_silent_accounting_is_said_and_leaves_every_open_partition() -> None:
    answers = {
        name: text
        for name, text in answers_of("who_may").items()
        if name in ("config", "partitions", "nodes")
    }
    found = detect.describe(read("who_may", answers), TABLE)
    assert {"robots", "debug"} <= set(found.hosts)
    assert said(found, "accounts and QOS", "sacctmgr")


def test_a_user_without_an_account_is_told_so() -> None:
    found = detect.describe(read("mig", {**answers_of("mig"), "associations": ""}), TABLE)
    assert said(found, "bea has no account", "ask for one")


# --- odd answers -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_chatter_and_line_ends_of_another_system_change_nothing(name: str) -> None:
    chatter = "Last login: Fri\n  * maintenance: see NodeName=, and PartitionName=x below *\n\n"
    odd = {key: (chatter + text).replace("\n", "\r\n") for key, text in answers_of(name).items()}
    assert detect.describe(read(name, odd), TABLE) == detected(name)


@pytest.mark.parametrize(
    "answers", [{}, dict.fromkeys(("config", "partitions", "nodes", "associations", "qos"), "")]
)
def test_silence_names_no_host_and_says_what_to_look_at(answers: dict[str, str]) -> None:
    found = detect.describe(site.site(answers, user="ann", groups=()), TABLE)
    assert not found.hosts
    assert said(found, "no partition", "scontrol") and said(found, "no node", "scontrol")
    assert YAML(typ="safe", pure=True).load(hosts_yaml.text(found, written=WRITTEN)) == {"hosts": {}}


@pytest.mark.parametrize(
    "line",
    [
        "NodeName=n9 Partitions=a40",
        "NodeName=n9 CPUTot=many RealMemory=-1 Gres=gpu:a100:(S:0 Partitions=a40",
        "NodeName= CPUTot=4 Partitions=a40",
        "NodeName=n9 CPUTot=0 RealMemory=10 Partitions=a40",
        "NodeName",
        "NodeName=n9 NewIn30=yes OS= Comment=a=b=c Gres=,:,::4 Partitions=,",
    ],
)
def test_a_node_that_says_nothing_usable_is_left_out(line: str) -> None:
    answers = answers_of("typed_gres")
    found = detect.describe(read("typed_gres", {**answers, "nodes": f"{answers['nodes']}{line}\n"}), TABLE)
    assert found.hosts == detected("typed_gres").hosts


def test_names_that_yaml_reads_otherwise_are_quoted_and_what_they_hold_ends_no_comment() -> None:
    partitions = "".join(
        f"PartitionName={name} State=UP\n" for name in ("on", "12", "1e3", "a:b", "null", "~", "é")
    )
    node = "NodeName=n CPUTot=4 RealMemory=1000 Gres=gpu:a\x85b#c:2 Partitions=on,12,1e3,a:b,null,~,é\n"
    found = detect.describe(
        site.site({"partitions": partitions, "nodes": node}, user="ann", groups=()), TABLE
    )
    text = hosts_yaml.text(found, written=WRITTEN)
    assert (
        list(yaml.safe_load(text)["hosts"])
        == list(found.hosts)
        == ["on", "12", "1e3", "a:b", "null", "~", "é"]
    )


@patient
@given(st.sampled_from(NAMES), st.data())
def test_whatever_a_site_prints_there_is_a_file_that_can_be_read(name: str, data: st.DataObject) -> None:
    answers = answers_of(name)
    which = data.draw(st.sampled_from(sorted(answers)))
    words = re.split(r"([ |\n,:=])", answers[which])
    for _ in range(data.draw(st.integers(1, 8))):
        place = data.draw(st.integers(0, len(words) - 1))
        words[place] = data.draw(
            st.sampled_from(["", "\n", "=", "0", "-1", "9" * 11, "9" * 5000, "(null)", "x\ty"]) | st.text()
        )
    found = detect.describe(read(name, {**answers, which: "".join(words)}), TABLE)
    text = hosts_yaml.text(found, written=WRITTEN)
    assert YAML(typ="safe", pure=True).load(text) == {"hosts": found.hosts}


# --- clusters that answer --------------------------------------------------------------------------------------------


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.slurm)])
def client(request: pytest.FixtureRequest) -> Client:
    """Slurm's commands on either test cluster."""
    cluster = request.getfixturevalue("fake_slurm" if request.param == "fake" else "slurm")
    return Client.of_environment(cluster.env)


def test_the_test_clusters_four_nodes_and_sixteen_gpus_are_found(client: Client) -> None:
    found = survey(TABLE, client)
    assert list(found.hosts) == ["gpu", "cpu", "preempt"]
    hosts: dict[str, Any] = {**found.hosts}
    for name, host in hosts.items():
        (gpu,) = host["accelerators"]
        assert (gpu["model"], gpu["memory"], gpu["gres"]) == ("t4", "16GiB", "gpu:t4")
        assert (host["machines"], host["machines"] * gpu["count"]) == (4, 16)
        assert (host["cores"], host["memory"], host["max_duration"]) == (16, "20000MiB", "7d")
        assert host["priority"] == {"gpu": 2, "cpu": 1, "preempt": 0}[name]
        assert host.get("tags", []) == (["preemptible"] if name == "preempt" else [])


def test_what_is_detected_of_the_fake_slurm_is_what_is_detected_of_the_real_one(
    fake_slurm: Any, slurm: Any
) -> None:
    me, real_client = getpass.getuser(), Client.of_environment(slurm.env)
    seen = real_client.survey(me, ())
    accounts = [association.account for association in seen.associations or ()]
    fake_slurm.knobs(user=me, accounts=list(dict.fromkeys([seen.default_account, *accounts])))
    fake, real = survey(TABLE, Client.of_environment(fake_slurm.env)), survey(TABLE, real_client)
    assert {name: {**host, "cluster": real.cluster} for name, host in fake.hosts.items()} == real.hosts
    assert fake.unknown == real.unknown
    assert list(fake.remarks) == list(real.remarks)
    for name, remarks in fake.remarks.items():
        assert set(remarks) == {
            remark for remark in real.remarks[name] if "down" not in remark
        }  # another test's doing


def test_a_cluster_without_accounting_names_no_account(fake_slurm: Any) -> None:
    fake_slurm.knobs(sacct={"off": True})
    found = survey(TABLE, Client.of_environment(fake_slurm.env))
    assert not any("account" in host for host in found.hosts.values())
    assert not said(found, "accounts and QOS")


def test_a_silent_controller_is_an_error_and_a_silent_database_is_not(fake_slurm: Any) -> None:
    client = Client.of_environment(fake_slurm.env)
    fake_slurm.knobs(
        sacctmgr={"error": "sacctmgr: error: Problem talking to the database: Connection refused"}
    )
    assert said(survey(TABLE, client), "sacctmgr", "does not answer")
    fake_slurm.controller_down()
    with pytest.raises(SchedulerSilentError, match="Unable to contact slurm controller"):
        survey(TABLE, client)
