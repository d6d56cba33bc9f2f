"""Who may import whom. Read from the source with `ast`, so imports inside functions count too."""

import ast
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

import pytest

import transit_assets

ROOT = Path(transit_assets.__file__).parent
DOMAINS = ("bikes", "road", "rail", "fire")
# The files of a domain that hold no orchestration.
PURE_PARTS = ("schema", "clean", "features", "model", "learning", "alerts", "alerting")
CONTEXT = ("calendar", "congestion", "weather")  # what domains share, each with its own assets
PURE_PARTS_OF_CONTEXT = (
    *("schema", "clean", "landed", "archive", "collect"),
    *("bank_holidays", "days", "london", "regions", "school", "tables"),
)
SLOW_TO_IMPORT = ("great_expectations", "mlflow", "sklearn", "lightgbm")


def of(package: str) -> tuple[str, ...]:
    """Patterns for a module of the project and, where it is a folder, everything in it."""
    return f"transit_assets.{package}", f"transit_assets.{package}.*"


ANY_DOMAIN = tuple(pattern for domain in DOMAINS for pattern in of(domain))
PURE_MODULES = tuple(pattern for domain in DOMAINS for part in PURE_PARTS for pattern in of(f"{domain}.{part}"))
PURE_CONTEXT = (
    *of("context.local_time"),
    *of("context.places"),
    *of("context.hours"),
    *of("context.landed"),
    *of("context.archive"),
    *of("context.errors"),
    *(f"transit_assets.context.{name}" for name in CONTEXT),
    *(pattern for name in CONTEXT for part in PURE_PARTS_OF_CONTEXT for pattern in of(f"context.{name}.{part}")),
)
SURFACES = (*of("cli"), *of("definitions"), *of("serving"), *of("dashboard"))
ORCHESTRATION = (
    *of("automation"),
    *of("definitions"),
    *(f"transit_assets.{domain}.assets" for domain in DOMAINS),
    *(f"transit_assets.context.{name}.assets" for name in CONTEXT),
)
DAGSTER = ("dagster", "dagster.*", "dagster_*")

# (who, must not import, why); a pattern also stands for what it matches only in the future.
RULES = [
    (of("lake"), ANY_DOMAIN, "storage knows no domain"),
    (of("lake"), (*of("feeds"), *of("quality"), *of("settings"), *of("context")), "storage stands alone"),
    (of("feeds"), ANY_DOMAIN, "a feed knows its provider, not what is made of it"),
    (of("simulator"), ANY_DOMAIN, "the simulator only speaks the providers' formats"),
    (of("simulator"), (*of("lake"), *of("feeds"), *of("settings")), "the simulator shares no code with what it tests"),
    (of("learning"), ANY_DOMAIN, "one protocol for all models"),
    (of("alerts"), ANY_DOMAIN, "one outbox for all alerts"),
    (of("context"), ANY_DOMAIN, "what domains share depends on none of them"),
    *(
        (of(domain), tuple(p for other in DOMAINS if other != domain for p in of(other)), "domains share only context")
        for domain in DOMAINS
    ),
    (
        (*of("lake"), *of("feeds"), *of("simulator"), *of("learning"), *of("alerts"), *PURE_CONTEXT, *PURE_MODULES),
        DAGSTER,
        "pure modules run without Dagster",
    ),
    ((*PURE_CONTEXT, *PURE_MODULES), (*ORCHESTRATION, *of("simulator")), "arrows point from assets to pure modules"),
    (
        (*of("lake"), *of("feeds"), *of("simulator"), *of("quality"), *of("learning"), *of("alerts")),
        ORCHESTRATION,
        "likewise",
    ),
    (("transit_assets.*",), SURFACES, "nothing is built on a surface"),
]
MAY_BE_ON_A_SURFACE = (*SURFACES, "transit_assets.automation.runs")  # runs the same definitions in process


@cache
def modules() -> dict[str, ast.Module]:
    """Every module of the project by its dotted name."""
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = ("transit_assets", *path.relative_to(ROOT).with_suffix("").parts)
        found[".".join(parts).removesuffix(".__init__")] = ast.parse(path.read_text(), str(path))
    return found


def imports(name: str, *, at_import_time: bool = False) -> set[str]:
    """Dotted names a module imports, `from a import b` as both `a` and `a.b`; optionally without those in functions."""
    found = set()
    for node in _nodes(modules()[name], skip_deferred=at_import_time):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} imports relatively; the project does not"
            found |= {str(node.module)} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def _nodes(tree: ast.AST, *, skip_deferred: bool) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(tree):
        is_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        is_for_types = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        if skip_deferred and (is_function or is_for_types):
            continue
        yield node
        yield from _nodes(node, skip_deferred=skip_deferred)


def matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch(name, pattern) for pattern in patterns)


@pytest.mark.parametrize(("who", "must_not_import", "why"), RULES, ids=[f"{who[0]}: {why}" for who, _, why in RULES])
def test_arrows_point_one_way(who: tuple[str, ...], must_not_import: tuple[str, ...], why: str) -> None:
    broken = [
        f"{name} imports {imported}: {why}"
        for name in modules()
        if matches(name, who) and not (must_not_import == SURFACES and matches(name, MAY_BE_ON_A_SURFACE))
        for imported in sorted(imports(name))
        if matches(imported, must_not_import)
    ]
    assert broken == []


@cache
def reachable(name: str) -> frozenset[str]:
    """Everything that importing a module imports, as far as the project's own modules tell."""
    found: set[str] = set()
    waiting = {name}
    while waiting:
        module = waiting.pop()
        for imported in imports(module, at_import_time=True) - found:
            found.add(imported)
            if imported in modules():
                waiting.add(imported)
    return frozenset(found)


@pytest.mark.parametrize("name", sorted(modules()))
def test_importing_a_module_does_not_import_what_is_slow(name: str) -> None:
    slow = [imported for imported in reachable(name) if imported.split(".")[0] in SLOW_TO_IMPORT]
    assert slow == [], f"importing {name} imports {slow}: import it inside the function that uses it"


@pytest.mark.parametrize("name", [name for name in sorted(modules()) if matches(name, (*PURE_CONTEXT, *PURE_MODULES))])
def test_a_pure_module_does_not_reach_dagster(name: str) -> None:
    assert not [imported for imported in reachable(name) if matches(imported, DAGSTER)]


def test_the_command_line_imports_nothing_of_the_project_before_a_command_runs() -> None:
    own = {name for name in reachable("transit_assets.cli") if name in modules()}
    assert {name for name in own if not matches(name, of("cli"))} <= {"transit_assets"}


@pytest.mark.parametrize("name", sorted(modules()))
def test_a_module_says_what_it_is_for(name: str) -> None:
    assert ast.get_docstring(modules()[name]), f"{name} opens without a docstring"


@pytest.mark.parametrize("folder", ["transit_assets", "transit_assets_tests", "benchmarks"])
def test_a_file_that_outgrows_400_lines_becomes_a_folder(folder: str) -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in (ROOT.parent / folder).rglob("*.py")}
    assert {str(path): length for path, length in lengths.items() if length > 400} == {}


def test_the_rules_see_an_import_that_breaks_them(monkeypatch: pytest.MonkeyPatch) -> None:
    tree = ast.parse("def f() -> None:\n    from transit_assets import road\n")
    monkeypatch.setitem(modules(), "transit_assets.bikes.clean", tree)
    assert "transit_assets.road" in imports("transit_assets.bikes.clean")
    assert imports("transit_assets.bikes.clean", at_import_time=True) == set()
    assert matches("transit_assets.road", ANY_DOMAIN)
