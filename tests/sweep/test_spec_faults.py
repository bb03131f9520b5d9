"""Everything that can be wrong in hyperherd.yaml, and exactly what is said about it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from examples import examples
from hyperherd.config import parse
from hyperherd.errors import ConfigError
from hyperherd.launchers.slurm import option_check
from hyperherd.search import combinations

HEAD = "name: x\nlauncher: launch.sh\ngrid: all\n"


def faults(text: str) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        parse.spec(text, file="f.yaml", native=option_check.faults)
    return [str(fault) for fault in raised.value.faults]


def parameters(*lines: str) -> str:
    return HEAD + "parameters:\n" + "".join(f"  {line}\n" for line in lines)


def conditions(*lines: str) -> str:
    head = parameters("lr: [0.1, 0.01]", "opt: [adam, sgd]", "model.depth: [1, 2]")
    return head + "conditions:\n" + "".join(f"  {line}\n" for line in lines)


WITH_LR = HEAD + "parameters: {lr: [1]}\n"

CASES = {
    "an empty file": ("", "f.yaml:1: the file is empty\n    herd init writes one that works"),
    "a list": ("- a\n", "f.yaml:1: a mapping expected, not a list\n    herd init writes one that works"),
    "no launcher": (
        "name: x\ngrid: all\nparameters: {a: [1]}\n",
        "f.yaml:1: launcher: missing\n    launcher: launch.sh, the bash script that starts one trial",
    ),
    "no parameters": (
        HEAD,
        "f.yaml:1: parameters: missing\n    parameters: {lr: [0.1, 0.01]}, one at least",
    ),
    "empty parameters": (HEAD + "parameters: {}\n", "f.yaml:4: parameters: must not be empty"),
    "a list of parameters": (
        HEAD + "parameters: [a]\n",
        "f.yaml:4: parameters: a mapping expected, not a list",
    ),
    "an unknown key": (
        WITH_LR + "conditons: []\n",
        "f.yaml:5: conditons: unknown key\n    did you mean 'conditions'?",
    ),
    "a number for a name": (
        "name: 1\nlauncher: l\ngrid: all\nparameters: {a: [1]}\n",
        'f.yaml:1: name: text expected, not 1\n    for text: "1"',
    ),
    "a path for a name": (
        "name: a/b\nlauncher: l\ngrid: all\nparameters: {a: [1]}\n",
        "f.yaml:1: name: 'a/b' is not one component of a path\n    letters, digits and . _ -",
    ),
    "a name of two dots": (
        "name: ..\nlauncher: l\ngrid: all\nparameters: {a: [1]}\n",
        "f.yaml:1: name: '..' is not one component of a path\n    letters, digits and . _ -",
    ),
    "compute": (
        WITH_LR + "compute: killarney/l40s_1x\nrequires: duration=4h\n",
        "f.yaml:6: requires: 'compute' is there as well, and only one of them can be\n"
        "    remove one; a condition may require more for some trials",
    ),
    "requires": (
        WITH_LR + "requires: duration=4h & cuda(mem=24)\n",
        "f.yaml:5: requires: the size 24 has no unit\n"
        "    duration=4h & cuda(mem=24)\n"
        "                             ^\n"
        "    write 24G (10^9 bytes each) or 24GiB (2^30)",
    ),
    "a metric of which nobody said what is better": (
        WITH_LR + "metric: val_loss\n",
        "f.yaml:5: metric: is a larger val_loss better, or a smaller one?\n    metric: {name: val_loss, mode: min}",
    ),
    "a metric without a name": (
        WITH_LR + "metric:\n  - mode: min\n",
        "f.yaml:6: metric[0].name: missing\n    name: as log_result has it",
    ),
    "a metric that is a number": (
        WITH_LR + "metric: 3\n",
        "f.yaml:5: metric: a name or a mapping expected, not 3\n    metric: val_acc",
    ),
    "a metric's other mode": (
        WITH_LR + "metric: [{name: a, mode: mx}]\n",
        "f.yaml:5: metric[0].mode: 'max' or 'min' expected, not 'mx'\n    did you mean 'max'?",
    ),
    "a metric twice": (
        WITH_LR + "metric: [a, {name: a, mode: min}]\n",
        "f.yaml:5: metric[1]: 'a' is named twice",
    ),
    "requeue": (
        WITH_LR + "requeue: yes\n",
        "f.yaml:5: requeue: true, false or a mapping expected, not 'yes'\n    requeue: true",
    ),
    "a cause that there is not": (
        WITH_LR + "requeue:\n  after: [time]\n",
        "f.yaml:6: requeue.after[0]: 'timeout', 'preemption', 'node_fail', 'oom' or 'exit75' expected, not 'time'\n"
        "    did you mean 'timeout'?",
    ),
    "an unknown key of requeue": (
        WITH_LR + "requeue:\n  max_timeout: 3\n",
        "f.yaml:6: requeue.max_timeout: unknown key\n    did you mean 'max_timeouts'?",
    ),
    "a signal that nobody can catch": (
        WITH_LR + "requeue: {signal: KILL@60}\n",
        "f.yaml:5: requeue.signal: 'KILL' is no signal that can be sent\n"
        "    known are USR1, USR2, TERM, INT, HUP, QUIT, ALRM, XCPU",
    ),
    "a signal too early": (
        WITH_LR + "requeue: {signal: USR2@99999}\n",
        "f.yaml:5: requeue.signal: 1 to 65535 seconds before the limit, not 99999\n    signal: USR2@120",
    ),
    "a factor without its x": (
        WITH_LR + "requeue: {mem: 1.5}\n",
        "f.yaml:5: requeue.mem: a factor above 1 expected, not 1.5\n    such as x1.5",
    ),
    "out of memory without more of it": (
        WITH_LR + "requeue: {after: [timeout, oom]}\n",
        "f.yaml:5: requeue.after: out of memory once is out of memory again, unless it gets more\n"
        "    mem: x1.5, or leave oom out",
    ),
    "more time for nothing": (
        WITH_LR + "requeue: {after: [preemption], time: x2}\n",
        "f.yaml:5: requeue.time: 'after' does not name 'timeout'\n    add it, or remove time",
    ),
    "a ceiling over nothing": (
        WITH_LR + "requeue: {max_mem: 200G}\n",
        "f.yaml:5: requeue.max_mem: there is no 'mem' that it would bound\n    mem: x1.5",
    ),
    "another word for all": (
        "name: x\nlauncher: l\ngrid: al\nparameters: {a: [1]}\n",
        "f.yaml:3: grid: 'all', or a list of parameters, expected, not 'al'\n    did you mean 'all'?",
    ),
    "one name for a grid": (
        "name: x\nlauncher: l\ngrid: lr\nparameters: {lr: [1]}\n",
        "f.yaml:3: grid: 'all', or a list of parameters, expected, not 'lr'\n    grid: [lr]",
    ),
    "an unknown name in grid": (
        "name: x\nlauncher: l\ngrid: [lrr]\nparameters: {lr: {type: discrete, values: [1], default: 1}}\n",
        "f.yaml:3: grid[0]: no parameter 'lrr'\n    did you mean 'lr'?",
    ),
    "a name twice in grid": (
        "name: x\nlauncher: l\ngrid: [lr, lr]\nparameters: {lr: [1]}\n",
        "f.yaml:3: grid[1]: 'lr' is named twice",
    ),
    "no default one at a time": (
        "name: x\nlauncher: l\nparameters: {lr: [1]}\n",
        "f.yaml:3: parameters.lr: no default, and without 'grid' each parameter varies alone while the others "
        "have theirs\n    give it a default, or write grid: all for all combinations",
    ),
    "no default outside of grid": (
        "name: x\nlauncher: l\ngrid: [lr]\nparameters:\n  lr: [1]\n  wd: [1]\n",
        "f.yaml:6: parameters.wd: no default, and it is not in 'grid'\n    give it a default, or name it in grid",
    ),
    "grid and sample": (
        WITH_LR + "sample: {n: 3}\n",
        "f.yaml:5: sample: 'grid' is there as well, and only one of them can be\n    remove one",
    ),
    "a sample of nothing": (
        "name: x\nlauncher: l\nparameters: {a: [1]}\nsample: {n: 0}\n",
        "f.yaml:4: sample.n: must be at least 1, not 0",
    ),
    "a sample of half a trial": (
        "name: x\nlauncher: l\nparameters: {a: [1]}\nsample: {n: 1.5}\n",
        "f.yaml:4: sample.n: a whole number expected, not 1.5",
    ),
    "an unknown method": (
        "name: x\nlauncher: l\nparameters: {a: [1]}\nsample: {n: 1, method: sobel}\n",
        "f.yaml:4: sample.method: 'random' or 'sobol' expected, not 'sobel'\n    did you mean 'sobol'?",
    ),
    "a number for a parameter": (
        parameters("seed: 3"),
        "f.yaml:5: parameters.seed: a parameter has values\n"
        "    [3] for one value; a list, a mapping with a type, or a sweep such as range(0,5)",
    ),
    "an empty list": (parameters("a: []"), "f.yaml:5: parameters.a.values: must not be empty"),
    "a sweep that is not one": (
        parameters("a: range(0,"),
        "f.yaml:5: parameters.a: a value is missing at the end\n    range(0,\n            ^\n"
        "    between two commas (and at the ends) there must be a value; the empty string is ''",
    ),
    "no type": (
        parameters("a: {low: 1, high: 2}"),
        "f.yaml:5: parameters.a.type: missing\n    type: continuous",
    ),
    "an unknown type": (
        parameters("a: {type: discret, values: [1]}"),
        "f.yaml:5: parameters.a.type: 'discrete' or 'continuous' expected, not 'discret'\n"
        "    did you mean 'discrete'?",
    ),
    "an unknown key of a parameter": (
        parameters("a:", "  type: discrete", "  value: [1]", "  values: [1]"),
        "f.yaml:7: parameters.a.value: unknown key\n    did you mean 'values'?",
    ),
    "a key of the other type": (
        parameters("a: {type: discrete, values: [1], steps: 3}"),
        "f.yaml:5: parameters.a.steps: unknown key\n    known are type, values, labels, abbrev, default",
    ),
    "low above high": (
        parameters("a: {type: continuous, low: 2, high: 1}"),
        "f.yaml:5: parameters.a.low: low (2) must be below high (1)",
    ),
    "low is high": (
        parameters("a: {type: continuous, low: 1, high: 1}"),
        "f.yaml:5: parameters.a.low: low (1) must be below high (1)",
    ),
    "a slash in unicode": (
        parameters("a: {type: discrete, values: [/data/日本, /data/été/]}"),
        "f.yaml:5: parameters.a.values: '/data/日本' holds a '/', which a trial's name cannot\n"
        "    name each value: labels: [日本, été]",
    ),
    "a logarithm of zero": (
        parameters("a: {type: continuous, low: 0, high: 1, scale: log}"),
        "f.yaml:5: parameters.a.low: a logarithmic scale needs low above 0, not 0\n    scale: linear",
    ),
    "no step": (
        parameters("a: {type: continuous, low: 0, high: 1, steps: 0}"),
        "f.yaml:5: parameters.a.steps: must be at least 1, not 0",
    ),
    "a text for a number": (
        parameters("a: {type: continuous, low: '0', high: 1}"),
        "f.yaml:5: parameters.a.low: a number expected, not '0'",
    ),
    "infinity": (
        parameters("a: {type: continuous, low: 0, high: .inf}"),
        "f.yaml:5: parameters.a.high: a finite number expected, not inf",
    ),
    "a default out of range": (
        parameters("a: {type: continuous, low: 0, high: 1, default: 2}"),
        "f.yaml:5: parameters.a.default: 2.0 is not between low (0) and high (1)",
    ),
    "a default that is no value": (
        parameters("a: {type: discrete, values: [x, y], default: z}"),
        "f.yaml:5: parameters.a.default: 'z' is not among the values\n    the values are 'x', 'y'",
    ),
    "a default of another type": (
        parameters("a: {type: discrete, values: [1, 2], default: '1'}"),
        "f.yaml:5: parameters.a.default: '1' is not among the values\n    the values are 1, 2",
    ),
    "a slash": (
        parameters("data: [/data/a.bin, b]"),
        "f.yaml:5: parameters.data.values: '/data/a.bin' holds a '/', which a trial's name cannot\n"
        "    name each value: labels: [a.bin, b]",
    ),
    "too few labels": (
        parameters("a: {type: discrete, values: [1, 2], labels: [one]}"),
        "f.yaml:5: parameters.a.labels: 1 labels for 2 values\n    one for each value, in the same order",
    ),
    "a label twice": (
        parameters("a: {type: discrete, values: [1, 2], labels: [one, one]}"),
        "f.yaml:5: parameters.a.labels[1]: 'one' is the label of another value already",
    ),
    "a slash in a label": (
        parameters("a: {type: discrete, values: [1], labels: [a/b]}"),
        "f.yaml:5: parameters.a.labels[0]: 'a/b' cannot be part of a trial's name\n"
        "    letters, digits and . _ + -",
    ),
    "a slash in an abbreviation": (
        parameters("a: {type: discrete, values: [1], abbrev: b/c}"),
        "f.yaml:5: parameters.a.abbrev: 'b/c' cannot be part of a trial's name\n    abbrev: b-c",
    ),
    "clashing abbreviations": (
        parameters(
            "a: {type: discrete, values: [1], abbrev: x}", "b: {type: discrete, values: [1], abbrev: x}"
        ),
        "f.yaml:6: parameters.b.abbrev: 'x' stands for 'a' in trial names already\n    give it another abbrev",
    ),
    "an abbreviation that is a name": (
        parameters("a: {type: discrete, values: [1], abbrev: b}", "b: [1]"),
        "f.yaml:6: parameters.b: 'b' stands for 'a' in trial names already\n    give it another abbrev",
    ),
    "names that differ in the prefix": (
        parameters("a: [1]", "+a: [2]"),
        "f.yaml:6: parameters.+a: '+a' and 'a' are the same but for the prefix\n    rename one",
    ),
    "a blank in a name": (
        parameters("a b: [1]"),
        "f.yaml:5: parameters.a b: a name cannot hold ' '\n    letters, digits and . _ - / @ : are fine",
    ),
    "the trial's own name": (
        parameters("experiment_name: [a]"),
        "f.yaml:5: parameters.experiment_name: 'experiment_name' is the trial's name, which herd gives\n"
        "    choose another name",
    ),
    "an unknown parameter in zip": (
        parameters("a: [1, 2]", "b: [1, 2]") + "zip: [[a, c]]\n",
        "f.yaml:7: zip[0][1]: no parameter 'c'\n    the parameters are a, b",
    ),
    "zipped lengths": (
        parameters("a: [1, 2]", "b: [1, 2, 3]") + "zip: [[a, b]]\n",
        "f.yaml:7: zip[0]: parameters of a group need equally many values: a has 2, b has 3",
    ),
    "one parameter zipped": (
        parameters("a: [1, 2]") + "zip: [[a]]\n",
        "f.yaml:6: zip[0]: two parameters at least go together\n    zip: [[a, b]]",
    ),
    "zipped twice": (
        parameters("a: [1]", "b: [1]", "c: [1]") + "zip:\n  - [a, b]\n  - [b, c]\n",
        "f.yaml:10: zip[1]: 'b' is in another group already\n    make one group of both",
    ),
    "half a group in grid": (
        "name: x\nlauncher: l\ngrid: [a]\nzip: [[a, b]]\nparameters:\n"
        "  a: [1]\n  b: {type: discrete, values: [1], default: 1}\n",
        "f.yaml:4: zip[0]: 'b' is not in 'grid', but others of its group are\n    name all",
    ),
    "an unknown parameter in a condition": (
        conditions("- when: {op: sgd}", "  exclude: true"),
        "f.yaml:9: conditions[0].when.op: no parameter 'op'\n    did you mean 'opt'?",
    ),
    "an unknown parameter under the older name": (
        conditions("- when: {op: sgd}", "  exclude: true").replace("conditions:", "constraints:"),
        "f.yaml:9: constraints[0].when.op: no parameter 'op'\n    did you mean 'opt'?",
    ),
    "a condition without when": (
        conditions("- exclude: true"),
        'f.yaml:9: conditions[0].when: missing\n    when: {opt: sgd}, or when: {expr: "lr > 0.1"}',
    ),
    "a condition that does nothing": (
        conditions("- when: {opt: sgd}"),
        "f.yaml:9: conditions[0]: does nothing\n"
        "    exclude: true, force: {parameter: value}, set: {name: value}, or requires: cuda(mem=24GiB)",
    ),
    "an unknown operator": (
        conditions("- when: {lr: {gte: 1}}", "  exclude: true"),
        "f.yaml:9: conditions[0].when.lr.gte: unknown operator 'gte'\n    did you mean 'gt'?",
    ),
    "two operators": (
        conditions("- when: {lr: {gt: 0, lt: 1}}", "  exclude: true"),
        "f.yaml:9: conditions[0].when.lr: one operator expected, not 2\n    for two, write an expr",
    ),
    "an operator without a list": (
        conditions("- when: {lr: {in: 1}}", "  exclude: true"),
        "f.yaml:9: conditions[0].when.lr.in: a list expected, not 1\n    in: [...]",
    ),
    "text against numbers": (
        conditions("- when: {lr: {gt: fast}}", "  exclude: true"),
        "f.yaml:9: conditions[0].when.lr.gt: 'fast' can be compared with none of the values of 'lr'\n"
        "    compare text with text, and numbers with numbers",
    ),
    "a value that a parameter never has": (
        conditions("- when: {opt: [sgd, adm]}", "  exclude: true"),
        "f.yaml:9: conditions[0].when.opt: 'opt' is never 'adm'\n    did you mean 'adam'?",
    ),
    "a number for text": (
        "name: x\nlauncher: l\ngrid: all\nparameters: {n: ['1', b]}\nconditions: [{when: {n: 1}, exclude: true}]\n",
        "f.yaml:5: conditions[0].when.n: 'n' is never 1\n    it may be '1', and text is never a number",
    ),
    "an expression that is none": (
        conditions("- when:", "    expr: lr >> 1", "  exclude: true"),
        "f.yaml:10: conditions[0].when.expr: this is not allowed in an expression\n    lr >> 1\n    ^",
    ),
    "an unknown name in an expression": (
        conditions("- when: {expr: lr > 0.1 and otp == 'sgd'}", "  exclude: true"),
        "f.yaml:9: conditions[0].when.expr: unknown name 'otp'\n    lr > 0.1 and otp == 'sgd'\n"
        "                 ^\n    did you mean 'opt'?",
    ),
    "a dotted name in an expression": (
        conditions("- when: {expr: model.depth > 1}", "  exclude: true"),
        "f.yaml:9: conditions[0].when.expr: a dot cannot be used here\n    model.depth > 1\n    ^\n"
        "    a name with a dot is written p['model.depth']",
    ),
    "text for when": (
        conditions("- when: lr > 1", "  exclude: true"),
        "f.yaml:9: conditions[0].when: a mapping expected, not 'lr > 1'",
    ),
    "forcing what is no parameter": (
        conditions("- when: {lr: 0.1}", "  force: {wd: 1}"),
        "f.yaml:10: conditions[0].force.wd: no parameter 'wd'\n    the parameters are lr, opt, model.depth",
    ),
    "setting a parameter": (
        conditions("- when: {lr: 0.1}", "  set: {opt: sgd}"),
        "f.yaml:10: conditions[0].set.opt: 'opt' is a parameter\n    force: {opt: ...}",
    ),
    "an expression to set that is none": (
        conditions("- when: {lr: 0.1}", "  set: {x: {expr: lrr * 2}}"),
        "f.yaml:10: conditions[0].set.x.expr: unknown name 'lrr'\n    lrr * 2\n    ^\n    did you mean 'lr'?",
    ),
    "excluding a word": (
        conditions("- when: {lr: 0.1}", "  exclude: opt"),
        "f.yaml:10: conditions[0].exclude: true, or a mapping of parameters, expected, not 'opt'\n"
        "    exclude: true",
    ),
    "an override without a value": (
        WITH_LR + "static_overrides: [debug]\n",
        "f.yaml:5: static_overrides[0]: 'debug' is not name=value\n    write 'debug=value'",
    ),
    "an override as a mapping": (
        WITH_LR + "static_overrides:\n  - a: 1\n",
        "f.yaml:6: static_overrides[0]: text expected, not a mapping\n    write 'a=1'",
    ),
    "an override in the older place": (
        WITH_LR + "static_overrides: [a=1]\nhydra: {static_overrides: [b]}\n",
        "f.yaml:6: hydra.static_overrides[0]: 'b' is not name=value\n    write 'b=value'",
    ),
    "an unknown option of sbatch": (
        WITH_LR + "slurm: {partiton: gpu}\n",
        "f.yaml:5: slurm.partiton: sbatch has no option '--partiton'\n    did you mean 'partition'?",
    ),
    "a key beside the options": (
        WITH_LR + "slurm: {max_concurent: 1}\n",
        "f.yaml:5: slurm.max_concurent: sbatch has no option '--max-concurent'\n    did you mean 'max_concurrent'?",
    ),
    "an option of one cluster alone": (
        WITH_LR + "slurm: {zzz: 1}\n",
        "f.yaml:5: slurm.zzz: sbatch has no option '--zzz'\n"
        "    an option that only your cluster has: extra_args: ['--name=value']",
    ),
    "an option with dashes": (
        WITH_LR + "slurm: {cpus-per-task: 2}\n",
        "f.yaml:5: slurm.cpus-per-task: sbatch has no option '--cpus-per-task'\n    write cpus_per_task",
    ),
    "herd's own option": (
        WITH_LR + "slurm: {output: x}\n",
        "f.yaml:5: slurm.output: 'output' cannot be set here\n    herd keeps the logs in .hyperherd/logs",
    ),
    "waiting": (
        WITH_LR + "slurm: {wait: true}\n",
        "f.yaml:5: slurm.wait: 'wait' cannot be set here\n    'herd run --wait' waits",
    ),
    "a line break": (
        WITH_LR + 'slurm: {account: "a\\n#SBATCH --hold"}\n',
        "f.yaml:5: slurm.account: a line break, after which Slurm would read another directive\n"
        "    write it on one line",
    ),
    "true for a time": (
        WITH_LR + "slurm: {time: true}\n",
        "f.yaml:5: slurm.time: it needs a value, not true\n"
        "    minutes, minutes:seconds, hours:minutes:seconds, days-hours, days-hours:minutes[:seconds]",
    ),
    "a fraction of a core": (
        WITH_LR + "slurm: {cpus_per_task: 1.5}\n",
        "f.yaml:5: slurm.cpus_per_task: 1.5 is not a whole number of at least 1\n    such as 4",
    ),
    "a fraction for a name": (
        WITH_LR + "slurm: {constraint: 1.5}\n",
        "f.yaml:5: slurm.constraint: 1.5 is not text\n    write it in quotes for text: '1.5'",
    ),
    "two ways to ask for memory": (
        WITH_LR + "slurm:\n  mem: 8G\n  mem_per_cpu: 1G\n",
        "f.yaml:7: slurm.mem_per_cpu: 'mem' is there as well, and sbatch takes one of them\n    remove one",
    ),
    "none at once": (
        WITH_LR + "slurm: {max_concurrent: 0}\n",
        "f.yaml:5: slurm.max_concurrent: a whole number of at least 1 expected, not 0\n"
        "    how many trials may run at once; without it, all",
    ),
    "a text of extra arguments": (
        WITH_LR + "slurm: {extra_args: --exclusive}\n",
        "f.yaml:5: slurm.extra_args: a list of #SBATCH lines expected, not '--exclusive'\n"
        '    write ["--exclusive"]',
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_fault_is_told_with_its_line_and_what_would_be_right(case: str) -> None:
    text, told = CASES[case]
    assert faults(text) == [told]


FORMS = {
    "time: 4h": "'4h' is not a time that sbatch reads\n    write '04:00:00'",
    "time: 25:99:00": "'25:99:00' has 99 minutes or seconds in one place, where 59 is the most\n    write '1-02:39:00'",
    "time_min: soon": "'soon' is not a time that sbatch reads\n    minutes, minutes:seconds",
    "mem: 8 GB": "'8 GB' is not an amount of memory that sbatch reads\n    write '8G'",
    "mem_per_cpu: 1.5": "1.5 is not an amount of memory\n    a whole number with K, M, G or T",
    "cpus_per_task: two": "'two' is not a whole number of at least 1\n    such as 4",
    "ntasks: 0": "'0' is not a whole number of at least 1\n    such as 4",
    "ntasks_per_node: -1": "'-1' is not a whole number of at least 1",
    "nodes: 0": "'0' is not a number of nodes\n    such as 2, or 2-4",
    "nodes: 4-2": "the least is above the most: 4-2\n    write '2-4'",
    "gres: 2": "'2' is not a resource with its count\n    write 'gpu:2'",
    "gres: gpu=2": "'gpu=2' is not a resource with its count\n    write 'gpu:2'",
    "gres: 'gpu:a100:two'": "'gpu:a100:two' is not a resource with its count\n    such as gpu:2, or gpu:a100:2",
    "gres: [gpu, tpu]": "a list is not a resource with its count\n    such as gpu:2, or gpu:a100:2",
    "gpus: 'gpu:2'": "'gpu' is no type of GPU: 'gpu:2'\n    write '2'; or gres: gpu:2",
    "gpus_per_node: -1": "'-1' is not a number of GPUs\n    such as 2, or a100:2",
    "requeue: 'yes'": "it takes no value, and 'yes' is neither true nor false\n    write true, or leave it out",
}


def test_the_forms_of_slurms_values_are_told_with_all_other_faults_each_at_its_line() -> None:
    text = HEAD + "parameters: {lr: []}\nslurm:\n"
    for option, told in FORMS.items():
        first, last = faults(text + f"  {option}\nconditons: []\n")[::2]
        assert first == "f.yaml:4: parameters.lr.values: must not be empty"
        assert last.startswith("f.yaml:7: conditons: unknown key")
        (alone,) = faults(WITH_LR + f"slurm:\n  {option}\n")
        assert alone.startswith(f"f.yaml:6: slurm.{option.partition(':')[0]}: {told}")


@pytest.mark.parametrize(
    "options",
    [
        "time: 90, mem: 500, cpus_per_task: 4, nodes: 2, gpus: 1, gres: gpu",
        "time: 1-12, mem: 8GB, nodes: 2-4, gpus: 'a100:1,v100:1', gres: 'gpu:a100:2,lscratch:10G'",
        "time: 0-36:00:00, mem: 0, core_spec: 0, gpus_per_node: t4, gres: none, exclusive: user",
        "time: UNLIMITED, mem: null, requeue: false, exclusive: true, gres: 'gpu:1g.10gb:1'",
        "export: NONE, comment: mine, chdir: /data, open_mode: truncate, nodes: '1,3-9:2'",
    ],
)
def test_every_form_that_slurm_reads_is_taken(options: str) -> None:
    assert parse.spec(WITH_LR + f"slurm: {{{options}}}\n", native=option_check.faults).slurm


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("--array=0-3", "'array' cannot be set here"),
        ("-a 0-3", "'array' cannot be set here"),
        ("-a0-3", "'array' cannot be set here"),
        ("#SBATCH --output=x", "'output' cannot be set here"),
        ("--outp x", "'output' cannot be set here"),
        ("-Ho x", "'output' cannot be set here"),
        ("--exclusive -e x", "'error' cannot be set here"),
        ("--gres=gpu:1 --error=x", "'error' cannot be set here"),
        ("--job-name=mine", "'job_name' cannot be set here"),
        ("--job-n=mine", "'job_name' cannot be set here"),
        ("-J mine", "'job_name' cannot be set here"),
        ("--nice -W", "'wait' cannot be set here"),
        ("--mem=8 --time=4h", "'4h' is not a time that sbatch reads"),
        ("--gres=2", "'2' is not a resource with its count"),
    ],
)
def test_a_raw_line_that_herd_or_slurm_would_not_take_is_told_with_its_line(line: str, what: str) -> None:
    (told,) = faults(WITH_LR + f"slurm:\n  extra_args: ['{line}']\n")
    assert told.startswith(f"f.yaml:6: slurm.extra_args[0]: '{line}': {what}\n    ")


def test_raw_lines_may_say_all_but_what_is_herds_own() -> None:
    lines = ["--export=ALL", "--comment=mine", "--chdir=/data", "--open-mode=truncate", "-Q", "--spank=1"]
    assert parse.spec(WITH_LR + f"slurm: {{extra_args: {lines!r}}}\n", native=option_check.faults).extra_args


def test_other_raw_lines_are_taken_without_their_directive() -> None:
    lines = ["--exclusive", "#SBATCH --mail-type=END", '--comment="a -o b" # why', "-x n1"]
    made = parse.spec(WITH_LR + f"slurm: {{extra_args: {lines!r}}}\n")
    assert made.extra_args == ("--exclusive", "--mail-type=END", '--comment="a -o b" # why', "-x n1")


def test_three_mistakes_give_three_errors_in_the_order_of_lines() -> None:
    text = (
        "name: x\n"
        "grid: all\n"
        "parameters:\n"
        "  lr: {type: continuous, low: 1, high: 0, steps: 0}\n"
        "slurm: {partiton: gpu}\n"
        "launcher: l\n"
    )
    assert [told.partition(": ")[0] for told in faults(text)] == ["f.yaml:4", "f.yaml:4", "f.yaml:5"]


def test_a_parameter_with_a_fault_is_still_known_elsewhere() -> None:
    text = HEAD + "parameters: {lr: {type: continuous, low: 1}}\nconditions:\n"
    text += "  - {when: {lr: 1, expr: lr > 3}, exclude: true}\n"
    assert faults(text) == ["f.yaml:4: parameters.lr.high: missing"]


def test_a_condition_may_name_what_only_another_one_forces() -> None:
    text = conditions("- {when: {opt: sgd}, force: {opt: plain}}", "- {when: {opt: plain}, set: {m: 1}}")
    assert parse.spec(text, native=option_check.faults)


def test_conditions_that_exclude_everything_are_an_error() -> None:
    made = parse.spec(conditions("- {when: {lr: {gt: 0}}, exclude: true}"))
    with pytest.raises(ConfigError, match="the conditions exclude all of the 8 combinations"):
        combinations.generate(made)


def test_more_parameters_than_sobol_has_dimensions_are_refused() -> None:
    text = "name: x\nlauncher: l\nsample: {n: 3, method: sobol}\nparameters:\n"
    text += "".join(f"  a{i}: [1, 2]\n" for i in range(65))
    assert faults(text) == [
        "f.yaml:3: sample.method: Sobol's points have 64 dimensions at most, not 65\n    method: random"
    ]


KEYS = """
name launcher grid sample parameters zip conditions constraints static_overrides hydra slurm requeue compute type
discrete continuous values low high scale log steps abbrev default labels when exclude force set expr lr opt all n
method seed sobol in gt time after timeout max_mem x1.5 signal max_concurrent extra_args experiment_name a/b range(0,3)
"""
words = st.sampled_from(KEYS.split())
anything = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 9) | st.floats() | words | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=5),
    max_leaves=25,
)


def as_yaml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{as_yaml(k)}: {as_yaml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(as_yaml, value)) + "]"
    if isinstance(value, str):
        return '"' + "".join(f"\\U{ord(c):08x}" for c in value) + '"'
    if isinstance(value, float):
        return ".nan" if value != value else repr(value).replace("inf", ".inf")
    return "null" if value is None else str(value).lower()


@settings(max_examples=examples(150), deadline=None)
@given(st.dictionaries(words, anything, max_size=8), st.dictionaries(words, anything, min_size=1, max_size=4))
def test_any_document_is_a_spec_or_has_faults(
    content: dict[str, object], searched: dict[str, object]
) -> None:
    whole = {"name": "x", "launcher": "l", "parameters": searched, **content}
    try:
        made = parse.spec(as_yaml(whole), native=option_check.faults)
    except ConfigError as error:
        assert all(fault.where.startswith("hyperherd.yaml:") for fault in error.faults)
    else:
        assert made.parameters
