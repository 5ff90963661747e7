"""Every public name has an example that runs: it occurs in a doctest of the README or of docs/."""

import ast
import doctest
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import tinygrad_rnn as tg
from tinygrad_rnn import cli

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
PACKAGES = ("", ".data", ".draw", ".equations", ".functional", ".interop", ".nn", ".optim")
WITHOUT_ALL = (".checkpoint", ".errors", ".nn.initialisers")


def public_names() -> Iterator[str]:
    """The dotted name of everything that is public."""
    for package in PACKAGES:
        yield from (f"tinygrad_rnn{package}.{name}" for name in found_at(package).__all__)
    for package in WITHOUT_ALL:
        module = found_at(package)
        for name, found in vars(module).items():
            own = getattr(found, "__module__", None) == module.__name__
            if (
                own
                and (inspect.isfunction(found) or inspect.isclass(found))
                and not name.startswith("_")
            ):
                yield f"tinygrad_rnn{package}.{name}"


def found_at(package: str) -> Any:
    """`.nn.initialisers` as a user reaches it, wherever the module lies."""
    name = package.removeprefix(".")
    return (
        getattr(tg, name)
        if name in tg.__all__
        else importlib.import_module(f"tinygrad_rnn{package}")
    )


def named_in(source: str) -> set[str]:
    """The dotted names of this package in code: tg.nn.Cell after `import tinygrad_rnn as tg`."""
    tree = ast.parse(source)
    full: dict[str, str] = {}
    for statement in ast.walk(tree):
        if isinstance(statement, ast.Import):
            full |= {alias.asname or alias.name: alias.name for alias in statement.names}
        elif isinstance(statement, ast.ImportFrom):
            full |= {a.asname or a.name: f"{statement.module}.{a.name}" for a in statement.names}
    found: set[str] = set()
    for node in ast.walk(tree):
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.insert(0, node.attr)
            node = node.value
        if isinstance(node, ast.Name) and full.get(node.id, "").split(".")[0] == "tinygrad_rnn":
            dotted = [full[node.id], *parts]
            found |= {".".join(dotted[: n + 1]) for n in range(len(dotted))}
    return found


def code_of(text: str) -> str:
    """The doctests of a page, without their answers."""
    return "\n".join(example.source for example in doctest.DocTestParser().get_examples(text))


NAMED = set().union(*(named_in(code_of(page.read_text("utf-8"))) for page in PAGES))


def test_a_use_is_found_by_where_it_comes_from() -> None:
    imports = "import tinygrad_rnn as tg\nfrom tinygrad_rnn import data as d\n"
    source = f"{imports}x.grad; tg.nn.Cell(1).grad; d.columns(x)\n"
    assert named_in(source) == {
        "tinygrad_rnn",
        "tinygrad_rnn.nn",
        "tinygrad_rnn.nn.Cell",
        "tinygrad_rnn.data",
        "tinygrad_rnn.data.columns",
    }


def test_what_is_not_run_does_not_count() -> None:
    assert named_in(code_of("`tg.grad`\n\n    import tinygrad_rnn as tg\n    tg.grad\n")) == set()


@pytest.mark.parametrize("name", sorted(set(public_names())))
def test_a_public_name_has_an_example(name: str) -> None:
    assert name in NAMED, (
        f"no doctest of README.md or docs/ uses {name}. Add a short one to docs/reference/."
    )


def test_the_links_of_the_readme_lead_somewhere() -> None:
    """Those inside docs/ are checked when the site is built."""
    links = re.findall(r"\]\((?!https?:)([^)#]+)", (ROOT / "README.md").read_text("utf-8"))
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_pictures_of_the_readme_show_on_a_package_index() -> None:
    """Each is an absolute link into the repository, to a file that is there."""
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    source = re.search(r'^Source = "(.+)"$', project, re.MULTILINE)[1]  # type: ignore[index]
    raw = source.replace("https://github.com/", "https://raw.githubusercontent.com/") + "/main/"
    pictures = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", (ROOT / "README.md").read_text("utf-8"))
    assert pictures
    for picture in pictures:
        assert picture.startswith(raw)
        assert (ROOT / picture.removeprefix(raw)).is_file()


def test_the_options_of_the_command_are_all_explained() -> None:
    page = (ROOT / "docs" / "reference" / "command.md").read_text("utf-8")
    source = "".join(path.read_text("utf-8") for path in Path(cli.__file__).parent.glob("*.py"))
    missing = {
        option
        for option in re.findall(r'"(--[\w-]+)"', source)
        if not re.search(rf"`[^`]*{option}\b", page)
    }
    assert not missing, f"docs/reference/command.md does not explain {', '.join(sorted(missing))}"


def test_the_citation_is_of_this_version() -> None:
    cited = (ROOT / "docs" / "CITATION.cff").read_text("utf-8")
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    versions = [re.findall(r"^version[ :=]+\"?([\d.]+)", text, re.M) for text in (cited, project)]
    assert len(versions[0]) == 1
    assert versions[0] == versions[1]


def test_the_pages_of_the_site_are_all_run() -> None:
    """Every block that looks like a session can be parsed, and ends before the fence does."""
    for page in PAGES:
        sessions: list[Any] = [b for b in page.read_text("utf-8").split("```")[1::2] if ">>> " in b]
        for block in sessions:
            assert block.endswith(">>>\n") or block.endswith("\n\n"), (
                f"{page.name}: an empty line ends a doctest\n{block}"
            )


def test_the_example_of_contributing_runs() -> None:
    page = ROOT / "CONTRIBUTING.md"
    failed, tried = doctest.testfile(str(page), module_relative=False)
    assert tried > 3
    assert failed == 0


def test_contributing_names_the_sessions_of_nox() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    sessions = re.findall(r"@nox\.session\ndef (\w+)", (ROOT / "noxfile.py").read_text("utf-8"))
    assert sorted(re.findall(r"`nox -s (\w+)`", page)) == sorted(sessions)
