"""What holds of the repository itself: import rules, counts that may only fall, what may not be said or pinned."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

COUNTED = {
    "type: ignore": (r"#\s*type:\s*ignore", 3),
    "pragma: no cover": (r"#\s*pragma:\s*no cover", 0),
    "except Exception": (r"except\s+\(?\s*(?:Base)?Exception\b", 3),
}
"""What is counted in src/, the pattern, and how many there are. Lower the number when you remove one."""

# In pieces, so that this file does not say them itself.
UNSAID = {
    "another place than the project": r"(?:/wo" r"rk/|\.\./sha" r"red|/fa" r"rm\b)",
    "how the project is made": r"\b(?:this ses" r"sion|the C" r"EO|issue #?\d+\b)",
    "work that is not done": r"\b(?:TO" r"DO|FIX" r"ME|X" r"XX)\b",
}


def written(*folders: str) -> Iterator[Path]:
    """The text files of the project below these folders."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and path.suffix in {".py", ".md", ".yaml", ".toml", ".html"}:
                yield path


def top_level() -> Iterator[Path]:
    names = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "Makefile", "pyproject.toml", ".importlinter")
    return (ROOT / name for name in names)


def found(pattern: str, files: Iterator[Path]) -> list[str]:
    expression = re.compile(pattern)
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in files
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if expression.search(line)
    ]


def test_every_module_imports_only_what_it_may():
    linter = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run(
        [linter, "--no-cache"], cwd=ROOT, check=False, capture_output=True, text=True, env={"PYTHONPATH": "src"}
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("what", COUNTED)
def test_the_counts_only_fall(what):
    pattern, allowed = COUNTED[what]
    places = found(pattern, written("src"))
    assert len(places) == allowed, "\n".join([f"{allowed} of '{what}' are allowed, there are {len(places)}:", *places])


@pytest.mark.parametrize("what", UNSAID)
def test_the_project_speaks_of_itself_only(what):
    files = [*written("src", "docs", "benchmarks", "contract", "tests"), *top_level()]
    assert found(UNSAID[what], iter(files)) == []


def test_requirements_are_pinned_by_hash_and_name_no_index():
    for path in sorted((ROOT / "requirements").glob("*.txt")):
        text = path.read_text(encoding="utf-8")
        pins = re.findall(r"^[A-Za-z0-9][^\n]*", text, re.MULTILINE)
        assert pins
        assert all(re.fullmatch(r"[\w.-]+==\S+( ; [^\\]+)? \\", pin) for pin in pins), path.name
        assert text.count("==") <= text.count("--hash=sha256:"), path.name
        assert not re.search(r"--(extra-)?index-url|--find-links|https?://", text), path.name


def test_the_pins_satisfy_what_the_project_asks_for():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for file, wanted in (
        ("run", project["dependencies"]),
        ("dev", project["dependencies"] + project["optional-dependencies"]["dev"]),
    ):
        text = (ROOT / f"requirements/{file}.txt").read_text(encoding="utf-8")
        pinned = {normal(name) for name in re.findall(r"^([\w.-]+)==", text, re.MULTILINE)}
        asked = {normal(re.split(r"[<>=!~ ;\[]", requirement)[0]) for requirement in wanted}
        assert asked <= pinned, f"requirements/{file}.txt is older than pyproject.toml: run make lock"


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_link_in_the_documents_leads_somewhere():
    for path in [*(p for p in written("docs") if p.suffix == ".md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]:
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (path.parent / target).exists(), f"{path.relative_to(ROOT)}: {target}"


def test_every_module_says_what_it_decides():
    silent = [
        str(path.relative_to(ROOT))
        for path in written("src")
        if path.suffix == ".py" and not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert silent == []


def test_functions_and_files_stay_small():
    """Bounds with some air above the house rule (40 and 400 lines), which is for people to apply."""
    long = []
    for path in written("src"):
        if path.suffix != ".py":
            continue
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text)
        if text.count("\n") > 450 and "seeds" not in path.parts and path.name != "issue.py":
            long.append(f"{path.relative_to(ROOT)}: {text.count(chr(10))} lines")
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or 0) - node.lineno + 1
                if lines > 55:
                    long.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}: {lines} lines")
    assert long == []
