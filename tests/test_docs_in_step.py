"""Documents say what is so: links lead somewhere, scripts in them are the tested ones, make targets exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hyperherd.attempts import filenames
from hyperherd.workspace import manifest, submissions

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("templates/*.md")])

pytestmark = pytest.mark.in_step
every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def outside_code(text: str) -> str:
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)


def bash_scripts(page: Path) -> set[str]:
    """The whole scripts among a page's fenced bash blocks."""
    blocks = re.findall(r"^```bash\n(.*?)^```", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    return {block for block in blocks if block.startswith("#!")}


@every_page
def test_each_relative_link_leads_to_a_file(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)[^)]*\)", outside_code(page.read_text()))
    local = [target for target in targets if "://" not in target]
    assert [target for target in local if not (page.parent / target).exists()] == []


@every_page
def test_each_make_target_that_a_page_names_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    named = set(re.findall(r"(?:`|^\s*|\$ )make ((?:[a-z-]+ ?)+)", page.read_text(), flags=re.MULTILINE))
    assert {word for words in named for word in words.split()} <= targets


def test_the_index_lists_every_page() -> None:
    index = (ROOT / "docs/index.md").read_text()
    pages = [page.relative_to(ROOT / "docs").as_posix() for page in ROOT.glob("docs/**/*.md")]
    assert [page for page in pages if page != "index.md" and f"({page})" not in index] == []


def test_the_guide_shows_the_shipped_launch_scripts() -> None:
    shipped = {script.read_text() for script in (ROOT / "examples/launch").glob("*.sh")}
    assert bash_scripts(ROOT / "docs/launch-scripts.md") == shipped


def test_each_test_that_a_promise_names_exists() -> None:
    page = (ROOT / "docs/reliability.md").read_text()
    tests = "".join(path.read_text() for path in ROOT.glob("tests/**/test_*.py"))
    named = set(re.findall(r"`(test_\w+)`", page))
    assert named and [name for name in sorted(named) if f"def {name}(" not in tests] == []
    assert [path for path in re.findall(r"`(tests/[\w/]+\.py)`", page) if not (ROOT / path).exists()] == []


def test_the_architecture_page_shows_every_room_of_the_house() -> None:
    page = (ROOT / "docs/architecture.md").read_text()
    package = ROOT / "src/hyperherd"
    rooms = [folder.name + "/" for folder in package.iterdir() if (folder / "__init__.py").exists()]
    modules = [module.name for module in package.glob("[a-z]*.py") if module.name != "__main__.py"]
    assert [name for name in rooms + modules if f"`{name}`" not in page] == []


def test_the_architecture_page_shows_only_rooms_that_exist() -> None:
    rows = re.findall(r"^\| (`.*?) \|", (ROOT / "docs/architecture.md").read_text(), flags=re.MULTILINE)
    named = [name for row in rows for name in re.findall(r"`([a-z_]+(?:/|\.py))`", row)]
    assert named
    assert [name for name in named if not (ROOT / "src/hyperherd" / name).exists()] == []


def test_make_help_lists_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.*)$", makefile, flags=re.MULTILINE)
    assert phony
    described = set(re.findall(r"^([a-z-]+):.*## ", makefile, flags=re.MULTILINE))
    assert set(phony[1].split()) == described


def test_the_format_page_has_every_key_of_the_records() -> None:
    page = (ROOT / "docs/format.md").read_text()
    for section, record in (("workspace.json", manifest.Format), ("job_ids.json", submissions.Submission)):
        text = page.split(f"## {section}")[1].split("\n## ")[0]
        keys = [
            key
            for row in re.findall(r"^\| (`.*?) \|", text, re.MULTILINE)
            for key in re.findall("`(.+?)`", row)
        ]
        assert sorted(keys) == sorted(record.__struct_fields__)


def test_the_format_page_has_every_verdict_and_mark() -> None:
    page = (ROOT / "docs/format.md").read_text()
    for word in (*filenames._MARKS, filenames.COMPLETED, filenames.FAILED, filenames.REQUEUED):
        assert f"`{word}`" in page
