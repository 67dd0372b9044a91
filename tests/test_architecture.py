"""Which module may look at which. The arrows of CONTRIBUTING.md, read from the import statements.

Imports for type checkers do not count: nothing runs through them.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# Higher apps look down, never up or sideways.
APPS = ("accounts", "audiences", "campaigns", "reporting")

# What a module of an app may use of these, in its own app and in lower ones. Providers are words and HTTP without a
# database: whoever needs their records, capabilities or errors may use them.
BELOW = {
    "models": {"models"},
    "queries": {"models", "http"},  # its typed request
    "services": {"models", "queries", "outbox"},
    "mirror": {"models", "queries", "outbox", "services"},
    "forms": {"models", "queries"},
    "tasks": {"outbox", "mirror", "services"},
    "views": {"models", "forms", "queries", "services", "outbox", "http"},
}


def modules() -> list[Path]:
    return sorted(
        path for app in APPS for path in (ROOT / app).rglob("*.py") if "migrations" not in path.parts
    )


def imports(path: Path) -> Iterator[str]:
    """Dotted names that the file imports when it runs, those inside functions included."""
    tree = ast.parse(path.read_text())
    package = path.relative_to(ROOT).parent.parts
    for_types = {id(inner) for node in ast.walk(tree) if _is_for_types(node) for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join([*start, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def ours(path: Path) -> set[tuple[str, str]]:
    """(app, module) of each import of ours, `config` included."""
    found = set()
    for name in imports(path):
        app, _, rest = name.partition(".")
        if app in (*APPS, "config"):
            found.add((app, rest.partition(".")[0]))
    return found


def name_of(path: Path) -> tuple[str, str]:
    app, *rest = path.relative_to(ROOT).with_suffix("").parts
    return app, rest[0]


@pytest.mark.parametrize("app", APPS)
def test_apps_look_down_only(app):
    allowed = set(APPS[: APPS.index(app) + 1])
    paths = [path for path in modules() if name_of(path)[0] == app]

    assert {(str(path), other) for path in paths for other, _ in ours(path) if other not in allowed} == set()


def test_providers_use_nothing_of_ours_but_redaction():
    paths = [path for path in modules() if name_of(path) == ("accounts", "providers")]
    allowed = {("accounts", "providers"), ("accounts", "redaction")}

    assert {(str(path), other) for path in paths for other in ours(path) - allowed} == set()


def test_the_sandbox_uses_nothing_of_ours_and_nobody_uses_it():
    users = {(name_of(path), other) for path in modules() for other in ours(path)}
    sandbox = ("accounts", "sandbox")

    assert {(user, used) for user, used in users if (user == sandbox) != (used == sandbox)} == set()


def test_modules_look_down_only():
    wrong = set()
    for path in modules():
        _, module = name_of(path)
        allowed = BELOW.get(module)
        if allowed is None:
            continue
        for app, used in ours(path):
            if used in BELOW | {"outbox": (), "http": ()} and used not in allowed | {module}:
                wrong.add((str(path.relative_to(ROOT)), f"{app}.{used}"))

    assert wrong == set()


def test_topics_stand_below_tasks_and_views():
    """A module with a topic of its own may be used by the others, so it cannot look up at pages or entry points."""
    topics = [
        path for path in modules() if name_of(path)[1] not in {*BELOW, "apps", "urls", "admin", "management"}
    ]

    assert {
        (str(path.relative_to(ROOT)), f"{app}.{used}")
        for path in topics
        for app, used in ours(path)
        if used in {"tasks", "views", "forms"}
    } == set()


def test_thousands_are_grouped_as_on_every_page():
    """A comma would read as a fraction beside numbers that `number` writes."""
    assert {
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in modules()
        for line in path.read_text().splitlines()
        if ":,}" in line and '.replace(",",' not in line
    } == set()
