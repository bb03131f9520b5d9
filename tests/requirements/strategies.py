"""What the tests of requirements are fed with: requirements of all sorts, small machines, damaged texts."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from hyperherd.requirements.requirement import HostSimpleRequirement, RequirementUnion
from hyperherd.requirements.specification import (
    AcceleratorSpecification,
    CPUSpecification,
    CudaSpecification,
    HostSpecification,
    MPSSpecification,
)

patient = settings(deadline=None, database=None, suppress_health_check=list(HealthCheck))
"""For a busy machine: no examples are refused for taking long, and none are kept on disk."""

KINDS = (AcceleratorSpecification, CudaSpecification, MPSSpecification)

amounts = st.one_of(
    st.integers(0, 10**14),
    st.builds(
        lambda n, factor: n * factor,
        st.integers(0, 5000),
        st.sampled_from([10**6, 10**9, 2**20, 2**30, 2**40]),
    ),
    st.just(10**30),
)
models = st.one_of(
    st.just(""),
    st.sampled_from(["A100", "RTX 3090", "a", '"', "\\", "'x\"", "1g.10gb", "é\n"]),
    st.text(max_size=5),
)
accelerators = st.builds(
    lambda kind, memory, model: kind(memory, model=model), st.sampled_from(KINDS), amounts, models
)
repeated = st.lists(st.tuples(accelerators, st.integers(1, 9)), max_size=4).map(
    lambda pairs: [one for one, count in pairs for _ in range(count)]
)
simple = st.builds(
    HostSimpleRequirement, amounts, st.builds(CPUSpecification, amounts, st.integers(0, 500)), repeated
)
requirements = st.one_of(
    simple, st.lists(simple, min_size=1, max_size=4).map(lambda few: RequirementUnion(*few))
)

few = st.integers(0, 4)
"""So few amounts that asked and offered often meet, and that much depends on which is given to which."""
few_models = st.sampled_from(["", "", "a", "b", "a b"])
asked_for = st.builds(lambda kind, n, model: kind(n, model=model), st.sampled_from(KINDS), few, few_models)
small_requirements = st.builds(
    HostSimpleRequirement,
    few,
    st.builds(CPUSpecification, st.integers(0, 6), few),
    st.lists(
        st.builds(lambda kind, n, model: kind(n, model=model), st.sampled_from(KINDS), few, few_models),
        max_size=5,
    ),
)
small_hosts = st.builds(
    HostSpecification,
    st.builds(CPUSpecification, st.integers(0, 12), few),
    st.lists(
        st.builds(
            lambda kind, n, least, model: kind(n, model, least),
            st.sampled_from(KINDS),
            few,
            st.sampled_from([0, 0, 0, 1, 2]),
            few_models,
        ),
        max_size=6,
    ),
    max_duration=few,
    min_gpu=st.sampled_from([0, 0, 0, 1, 2]),
    priority=few,
)

WORDS = [
    *("duration", "cpu", "cuda", "mps", "gpu", "mem", "cores", "model"),
    *("4", "1.5", "0", "007", "h", "min", "days", "G", "GiB", "B", "T", "x"),
    *"=(),*&|\"'\\-. \n",
    "duration=4h",
    "cuda(mem=4G)",
    "cpu(cores=2)",
    "* 2",
    "1" * 101,
    "é",
    "²",
    "٣",
    "\ud800",
]
damaged = st.one_of(
    st.text(max_size=40),
    st.lists(st.sampled_from(WORDS), max_size=14).map("".join),
    st.builds(
        lambda asked, cut, extra, keep: str(asked)[: cut % (len(str(asked)) + 1)] + extra + str(asked)[keep:],
        simple,
        st.integers(0, 200),
        st.sampled_from(WORDS),
        st.integers(0, 200),
    ),
)
