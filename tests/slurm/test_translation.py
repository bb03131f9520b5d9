"""A request in neutral words and in sbatch's: what users write stays word for word; what was asked since is written."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperherd import units
from hyperherd.config.structure import SlurmKeys
from hyperherd.errors import ScriptError
from hyperherd.hydra.launcher import USUAL
from hyperherd.jobs import NativeValue, Request
from hyperherd.launcherfinder import hosts
from hyperherd.launchers import shipped
from hyperherd.launchers.slurm import directives, option_table
from hyperherd.launchers.slurm.options import KINDS

NATIVE = shipped.native()
values = st.none() | st.booleans() | st.integers(0, 10**6) | st.text(max_size=8)
natives = st.dictionaries(
    st.sampled_from([*KINDS]),
    values | st.sampled_from(["1:30", "2-0", "UNLIMITED", "8G", "0", "a100:2", "gpu:4", "B:USR1@9", "2-4"]),
    max_size=6,
)


@given(natives)
def test_what_a_user_writes_comes_back_word_for_word_and_in_its_order(native: dict[str, NativeValue]) -> None:
    found = NATIVE.options(NATIVE.request(native))
    assert list(found.items()) == list(native.items())


@given(natives, st.integers(1, 2**50), st.integers(1, 10**8))
def test_more_memory_and_time_are_written_and_nothing_else_changes(
    native: dict[str, NativeValue], memory: int, time_s: int
) -> None:
    asked = replace(NATIVE.request(native), memory_bytes=memory, time_s=time_s)
    options = NATIVE.options(asked)
    again = NATIVE.request(options)
    assert again.memory_bytes is not None and memory <= again.memory_bytes < memory + 2**20
    assert again.time_s == time_s
    changed = {name for name in {*options, *native} if options.get(name) != native.get(name)}
    assert changed <= {*option_table.MEMORY, "time"} and len(changed) <= 2


@given(
    st.builds(
        Request,
        time_s=st.none() | st.integers(1, 10**8),
        memory_bytes=st.none() | st.integers(1, 2**20).map(lambda mebibytes: mebibytes * 2**20),
        cpus=st.none() | st.integers(1, 99),
        gpus=st.none() | st.integers(1, 99),
        nodes=st.none() | st.integers(1, 99),
    )
)
def test_a_request_that_nobody_wrote_in_sbatchs_words_is_read_again(asked: Request) -> None:
    again = NATIVE.request(NATIVE.options(asked))
    assert (again.time_s, again.memory_bytes, again.cpus, again.gpus, again.nodes) == (
        (asked.time_s, asked.memory_bytes, asked.cpus, asked.gpus, asked.nodes)
    )


@pytest.mark.parametrize(
    "native, tasks",
    [
        ({"gpus": 4}, None),
        ({"nodes": "1-4"}, 4),
        ({"ntasks": 1, "nodes": 1}, 1),
        ({"ntasks": 1, "nodes": 3}, 1),
        ({"nodes": 2, "ntasks_per_node": "4"}, 8),
        ({"ntasks_per_gpu": 2}, 2),
    ],
)
def test_a_job_is_as_many_processes_as_slurm_would_start(
    native: dict[str, NativeValue], tasks: int | None
) -> None:
    asked = NATIVE.request(native)
    assert asked.tasks == tasks
    assert ("srun" in NATIVE.start(asked)) == ((tasks or 1) > 1)


@pytest.mark.parametrize(
    "native, requeue, options",
    [
        ({"requeue": True, "qos": "a"}, None, {"requeue": True, "qos": "a"}),
        ({"no_requeue": True, "qos": "a"}, True, {"qos": "a"}),
        ({"requeue": True, "qos": "a"}, False, {"qos": "a", "no_requeue": True}),
    ],
)
def test_what_is_typed_of_queueing_again_stands_above_what_is_written(
    native: dict[str, NativeValue], requeue: bool | None, options: dict[str, NativeValue]
) -> None:
    assert NATIVE.options(replace(NATIVE.request(native), requeue=requeue)) == options


def test_a_short_job_asks_for_what_the_sweep_does_but_starts_at_once_and_is_told_nothing() -> None:
    native = {"begin": "tomorrow", "signal": "B:USR1@60", "mem": "1000", "time": "9"}
    lines = ("--export=NONE", "-t 9-0 --nice", "--deadline=now")
    brief = NATIVE.brief(NATIVE.request(native, lines))
    assert (brief.native, brief.native_lines, brief.signal) == (
        {"mem": "1000", "time": "9"},
        ("--export=NONE",),
        "",
    )


def test_a_machines_description_has_a_key_for_each_option_that_may_stand_in_it() -> None:
    written = [key for keys in NATIVE.written_as.values() for key in keys]
    assert {*NATIVE.described_by, *written} <= {*hosts.KEYS}


@pytest.mark.parametrize("names", [USUAL, [*SlurmKeys.model_fields], option_table.SHORT.values()])
def test_no_other_list_of_options_has_one_that_is_not_in_the_table(names: list[str]) -> None:
    assert {*names} - {"max_concurrent", "extra_args"} <= {*KINDS, *option_table.REFUSED}


def test_lines_of_a_request_are_read_as_it() -> None:
    asked = NATIVE.request({"time": "90", "mem": "1000", "exclusive": True}, ("--nice=7",))
    found = directives.read("\n".join(["#!/bin/bash", *NATIVE.lines(asked, "mine")]))
    assert (found.herds["job_name"], found.options["time"], found.options["nice"]) == ("mine", "90", "7")


def test_memory_grows_in_words_that_people_and_sbatch_read() -> None:
    assert [units.asked_bytes(size) for size in (48 * 2**30, 1500 * 2**20, 2**30 + 1)] == [
        "48G",
        "1500M",
        "1025M",
    ]


@pytest.mark.parametrize("word", ["wait", "job-name=a", "time=5"])
def test_a_line_that_lacks_its_dashes_is_told_so_also_of_options_that_herd_sets(word: str) -> None:
    with pytest.raises(ScriptError) as caught:
        NATIVE.of_script(f"#!/bin/bash\n#SBATCH {word}\n")
    assert f"did you mean '--{word.partition('=')[0]}" in caught.value.hint
