"""The script's #SBATCH lines hold, as sbatch reads them; judged by what Slurm says of the job."""

from __future__ import annotations

import re

import pytest
from fakeslurm.fixture import FakeSlurm

from .home import Home

LINES = {
    "long": "#SBATCH --time=6:00:00\n#SBATCH --cpus-per-task=2\n#SBATCH --job-name=WOW\n#SBATCH --account=main\n"
    "#SBATCH --comment=mine\n",
    "blanks": "#SBATCH --time 6:00:00\n#SBATCH --cpus-per-task 2 # cores\n#SBATCH --job-name WOW  #Job name\n"
    "#SBATCH --account main\n#SBATCH --comment mine",
    "short": "#SBATCH -t6:00:00 -c 2\n#SBATCH -J WOW -Amain\n#SBATCH --comment='mine'\n",
    "odd": '# words\n\n#SBATCH --time="6:00:00" -J "WOW"\n# x\n#SBATCH --cpus-per-t=1 -c2 --accou=main --comme mine\n',
}
WANTED = {"JobName": "WOW", "TimeLimit": "06:00:00", "Account": "main", "Comment": "mine", "CPUs/Task": "2"}


def shown(home: Home, job: str) -> dict[str, str]:
    """The words of ``scontrol show job``."""
    told = home.run("scontrol", "show", "job", job).stdout.partition("\n\n")[0]
    return dict(re.findall(r"(\S+?)=(\S*)", told))


def submitted(home: Home, *words: str) -> dict[str, str]:
    """A sweep of one, held: what Slurm says of it."""
    document = home.document("multirun", "job.sh", "--on", "slurm", "--detach", *words, "lr=1")
    return shown(home, document["slurm_job_id"])


@pytest.mark.parametrize("form", LINES)
def test_what_the_script_asks_for_is_asked_for(cluster: Home, form: str) -> None:
    cluster.script(f"#!/bin/bash\n{LINES[form]}\n#SBATCH -H\napp\n#SBATCH --time=1\n")
    job = submitted(cluster)
    assert {name: job[name] for name in WANTED} == WANTED
    assert job["WorkDir"] == str(cluster.folder)


def test_a_job_has_the_scripts_name_where_that_names_none(cluster: Home) -> None:
    cluster.script("#!/bin/bash\n#SBATCH -H\napp\n")
    assert submitted(cluster)["JobName"] == "job.sh"


def test_the_command_line_wins_over_the_script(cluster: Home) -> None:
    cluster.script("#!/bin/bash\n#SBATCH --time=6:00:00 -c 2\n#SBATCH -H\napp\n")
    job = submitted(cluster, "--slurm", "time=7:00:00", "--slurm", "cpus-per-task=")
    assert job["TimeLimit"] == "07:00:00"
    assert job["CPUs/Task"] == "1"


def test_output_of_the_script_is_left_out_and_told(cluster: Home) -> None:
    cluster.script("#!/bin/bash\n#SBATCH --time=5\n#SBATCH -o mine-%j.log --err=mine.err\napp\n")
    done = cluster.multirun("lr=1")
    assert "note: its --output is left out" in done.stderr
    assert "note: its --error is left out" in done.stderr
    assert not list(cluster.folder.glob("mine*"))
    assert "given 1 words" in cluster.herd("tail", "job.sh", "0").stdout


def test_export_none_of_the_script_holds(cluster: Home) -> None:
    app, seen = cluster.folder.parent / "bin/app", cluster.seen
    body = f'export SEEN={seen}\n{app} "${{MINE-unset}}" {{overrides}}\n'
    cluster.script(f"#!/bin/bash\n#SBATCH --time=5\n#SBATCH --export=NONE\n{body}")
    cluster.herd("multirun", "job.sh", "--on", "slurm", "--wait", "lr=1", MINE="set")
    cluster.script(f"#!/bin/bash\n#SBATCH --time=5\n{body}")
    cluster.herd("multirun", "job.sh", "--on", "slurm", "--wait", "lr=2", MINE="set")
    assert cluster.given() == [["set", "lr=2"], ["unset", "lr=1"]]


def test_options_of_plug_ins_go_to_sbatch_as_they_are(fake: Home, fake_slurm: FakeSlurm) -> None:
    fake_slurm.knobs(plugin_options={"container-image": ":", "no-such": "", "container-mounts": ":"})
    fake.script(
        "#!/bin/bash\n#SBATCH --container-image='a b.sqsh' --no-such\n#SBATCH --container-mounts /x:/x\napp\n"
    )
    script = fake.document("multirun", "job.sh", "-n", "--on", "slurm", "lr=1")["sbatch_script"]
    lines = [line for line in script.splitlines() if line.startswith("#SBATCH")]
    assert '#SBATCH "--container-image=a b.sqsh"' in lines
    assert "--no-such" in " ".join(lines)
    assert "--container-mounts /x:/x" in " ".join(lines)


def test_its_options_are_no_matter_on_this_machine(here: Home) -> None:
    here.script(f"#!/bin/bash\n{LINES['short']}#SBATCH --container-image=x --partition=none -H\napp\n")
    here.multirun("lr=1,2")
    assert here.given() == [["lr=1"], ["lr=2"]]
