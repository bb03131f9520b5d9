"""The grammar of requirements: what texts mean, that values are written as text again, what faults are told."""

from __future__ import annotations

import pytest
from hypothesis import given

from hyperherd.errors import GrammarError, RequirementError, TextError
from hyperherd.requirements.parser import parse, read_duration, read_size
from hyperherd.requirements.requirement import HostRequirement, RequirementUnion

from .strategies import damaged, patient, requirements


def refused(text: str) -> RequirementError:
    with pytest.raises(RequirementError) as raised:
        parse(text)
    return raised.value


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1.5h", 5400),
        (".5 h", 1800),
        ("1.0001s", 2),
        ("0.1d", 8640),
        ("2 weeks", 1_209_600),
        ("1W", 604_800),
        ("90 sec", 90),
        ("1second", 1),
        ("3H", 10_800),
        ("2 Days", 172_800),
        ("10MIN", 600),
        ("1" + "0" * 30 + "h", 3600 * 10**30),
    ],
)
def test_a_duration_is_read_exactly_and_rounded_up(text: str, seconds: int) -> None:
    assert read_duration(text) == seconds
    assert parse(f"duration={text}").requirements[0].duration == seconds


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("24G", 24 * 10**9),
        ("24GB", 24 * 10**9),
        ("24 gb", 24 * 10**9),
        ("24GiB", 24 * 2**30),
        ("1.5TiB", 3 * 2**39),
        ("2T", 2 * 10**12),
        ("3K", 3000),
        ("3KiB", 3072),
        ("0.1GiB", 107_374_183),
        ("1B", 1),
        ("0.5B", 1),
        ("1" + "0" * 30 + "G", 10**39),
    ],
)
def test_a_size_is_read_exactly_and_rounded_up(text: str, size: int) -> None:
    assert read_size(text) == size
    assert parse(f"cuda(mem={text})").requirements[0].accelerators[0].memory == size


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("(cuda() | mps()) & duration=1h", "cuda() & duration=1h | mps() & duration=1h"),
        ("duration=1h & (cuda() | mps())", "duration=1h & cuda() | duration=1h & mps()"),
        (
            "(cuda() | mps()) & (cpu(cores=1) | cpu(cores=2))",
            "cuda() & cpu() | cuda() & cpu(cores=2) | mps() & cpu() | mps() & cpu(cores=2)",
        ),
        ("((cuda()))", "cuda()"),
        ("(cuda() | mps()) | gpu()", "cuda() | mps() | gpu()"),
        ("(cuda() | mps()) * 2", "cuda() * 2 | mps() * 2"),
        ("(cuda() & cpu(cores=2)) * 2", "cuda() * 2 & cpu(cores=2)"),
        ("2 * cuda() * 3", "cuda() * 6"),
        ("cuda()*2&cpu()", " cuda ( ) * 2 \n & \t cpu ( ) "),
        ("mps() & cuda()", "cuda() & mps()"),
        ("cuda(model='RTX A6000',)", 'cuda(model="RTX A6000")'),
        ('cuda(model="a\\"b")', "cuda(model='a\"b')"),
        ("cuda(model='', mem=1G)", "cuda(mem=1G)"),
        ("gpu(model=1g.10gb)", "gpu(model='1g.10gb')"),
    ],
)
def test_two_texts_mean_the_same(text: str, same: str) -> None:
    assert parse(text) == parse(same)


def test_a_text_is_always_a_union() -> None:
    assert type(parse("cuda()")) is RequirementUnion
    assert len(parse("cuda()").requirements) == 1
    assert len(parse("cuda() | mps() | gpu()").requirements) == 3


@patient
@given(requirements)
def test_a_requirement_is_read_again_from_its_text(requirement: HostRequirement) -> None:
    assert parse(str(requirement)) == requirement


@pytest.mark.parametrize(
    ("text", "reason", "under", "hint"),
    [
        ("", "the requirement is empty", "", "allowed here: duration=4h, cpu(...), cuda(...)"),
        ("cuda() & gpus(mem=4G)", "'gpus' is nothing that a job can ask for", "gpus", "did you mean 'gpu'?"),
        (
            "DURATION=3h",
            "'DURATION' is nothing that a job can ask for",
            "DURATION",
            "did you mean 'duration'?",
        ),
        ("mem=4G", "'mem' is nothing that a job can ask for", "mem", "in parentheses: cuda(mem=24GiB)"),
        (
            "cuda(memory=4G)",
            "cuda(...) takes no 'memory'",
            "memory",
            "did you mean 'mem'? allowed here: mem=...",
        ),
        ("cuda(cores=4)", "cuda(...) takes no 'cores'", "cores", "cpu(cores=8)"),
        ("cuda(4G)", "'4G' where an argument or ')' is due", "4G", "allowed here: mem=..., model=..."),
        ("duration=2hourss", "'hourss' is not a unit of time", "hourss", "did you mean 'hours'?"),
        ("duration=2M", "'M' is not a unit of time", "M", "minutes are 'm'"),
        ("duration=5", "the duration 5 has no unit", "", "write 5h, 5min or 5d"),
        ("duration=1h30m", "a second number", "30m", "1.5h or 90min"),
        ("duration=", "a duration is missing at the end", "", "such as 4h"),
        ("duration=-1h", "'-1h' where a duration is due", "-1h", "such as 4h"),
        ("cuda(mem=32)", "the size 32 has no unit", ")", "write 32G (10^9 bytes each) or 32GiB (2^30)"),
        ("cuda(mem=)", "')' where a size is due", ")", "such as 24GiB"),
        ("cuda(mem=24Gi)", "'Gi' is not a unit of memory", "Gi", "did you mean 'GiB'?"),
        ("cuda(model=)", "')' where a model is due", ")", 'model="RTX A6000"'),
        ("cuda(mem=4G", "')' is missing at the end", "", "closes"),
        ("cuda", "'(' is missing at the end", "", "such as cuda(mem=24GiB)"),
        ("(cuda() | mps()", "')' is missing at the end", "", "')' closes"),
        ("cuda())", "')' is one too many", ")", ""),
        ("duration=1h cuda()", "'&' or '|' is missing before 'cuda'", "cuda", "'|' lists alternatives"),
        ("cuda() && mps()", "'&' where a term is due", "& mps", "allowed here"),
        ("cuda() & ", "a term is missing at the end", "", "allowed here"),
        ("cuda() * 0", "0 is not a number of accelerators", "0", "1 or more"),
        ("cuda() * 1.5", "1.5 is not a number of accelerators", "1.5", "1 or more"),
        (
            "cuda() * 1000000000",
            "1000000000 accelerators for one job; 1000 are the most",
            "* 1",
            "one machine",
        ),
        ("1001 * cuda()", "1001 accelerators for one job; 1000 are the most", "1001", "one machine"),
        ("cpu() * 2", "'*' counts accelerators, and 'cpu(cores=1)' has none", "* 2", "cpu(cores=2)"),
        ("cuda(mem=" + "1" * 101 + "G)", "a number of more than 100 digits", "111", ""),
        ("(" * 60 + "cuda()", "more than 50 parentheses within each other", "((((((((((cuda", ""),
        ("cuda() | 2", "'*' is missing at the end", "", "2 * cuda(mem=24GiB)"),
    ],
)
def test_a_fault_is_told_with_its_place_and_what_is_allowed(
    text: str, reason: str, under: str, hint: str
) -> None:
    error = refused(text)
    assert error.reason == reason
    assert text[error.position :].startswith(under) if under else error.position == len(text)
    assert hint in error.hint


def test_the_caret_stands_under_the_fault() -> None:
    assert str(refused("cpu(cores=4)\n& gpus(mem=4G)")).splitlines()[:3] == [
        "'gpus' is nothing that a job can ask for",
        "  cpu(cores=4) & gpus(mem=4G)",
        "                 ^",
    ]


def test_too_many_alternatives_are_one_error_not_a_full_memory() -> None:
    assert refused(" & ".join(["(cuda() | mps())"] * 64)).reason == "128 alternatives; 100 are the most"
    assert refused(" | ".join(["cuda()"] * 10_000)).reason == "101 alternatives; 100 are the most"


def test_requirements_and_overrides_share_one_kind_of_error() -> None:
    assert issubclass(RequirementError, TextError)
    assert issubclass(GrammarError, TextError)
    assert issubclass(TextError, ValueError)


@patient
@given(damaged)
def test_any_text_is_read_or_refused_with_a_place_in_it(text: str) -> None:
    try:
        requirement = parse(text)
    except RequirementError as error:
        assert error.text == text
        assert 0 <= error.position <= len(text)
    else:
        assert parse(str(requirement)) == requirement


@pytest.mark.parametrize("text", ["", "4", "h", "4h 2m", "4h & cuda()", "-4h", "4y", "1" * 200 + "h"])
def test_anything_but_one_duration_is_refused(text: str) -> None:
    with pytest.raises(RequirementError):
        read_duration(text)


@pytest.mark.parametrize("text", ["", "4", "G", "4G 2M", "-4G", "4Q", "4G)"])
def test_anything_but_one_size_is_refused(text: str) -> None:
    with pytest.raises(RequirementError):
        read_size(text)
