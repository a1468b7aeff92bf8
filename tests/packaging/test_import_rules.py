"""The architecture's rules, read from the source: who may import whom, and how long anything may be."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from project import PACKAGE_FOLDERS, PACKAGES, ROOT

CORE = ROOT / "src" / "anysocket"
COMPOSITION = ("_app.py", "_monitor.py", "__main__.py")
"""The core modules that may know an adapter."""
ADAPTED = {
    "anysocket_rsgi": {"granian", "starlette"},
    "anysocket_asgi": {"starlette"},
    "anysocket_starlette": {"starlette"},
    "anysocket_cli": {"starlette"},
    "anysocket_servers": {"h11", "h2", "httpx2", "starlette", "websockets"},
    "anysocket_pytest": {"pytest"},
    "anysocket_monitor": {"starlette"},
    "anysocket_nats": {"nats"},
    "anysocket_picows": {"h11", "picows", "uvicorn"},
    "anysocket_opentelemetry": {"opentelemetry"},
    "anysocket_prometheus": {"prometheus_client"},
    "anysocket_redis": {"redis"},
    "anysocket_zenoh": {"zenoh"},
    "anysocket_conformance": {"h11", "h2", "httpx2", "starlette", "websockets"},
}
"""What each adapter may need to be imported at all. A new adapter names its library here."""
MODULE_LINES = 300
FUNCTION_LINES = 40

MODULES = sorted(module for package in PACKAGE_FOLDERS for module in package.rglob("*.py"))
CORE_MODULES = [module for module in MODULES if CORE in module.parents and "testing" not in module.parts]
ADAPTER_MODULES = [module for module in MODULES if CORE not in module.parents]
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Import:
    """One imported name: ``lazy`` inside a function, ``guarded`` where a missing library is dealt with or
    only a type checker looks."""

    name: str
    line: int
    lazy: bool
    guarded: bool

    @property
    def package(self) -> str:
        return self.name.split(".")[0]

    @property
    def needed(self) -> bool:
        """Importing the module fails without it."""
        return not (self.lazy or self.guarded)

    def __str__(self) -> str:
        return f"line {self.line}: {self.name}"


def imports(module: Path) -> list[Import]:
    return list(_imports(ast.parse(module.read_text()), lazy=False, guarded=False))


def _imports(node: ast.AST, *, lazy: bool, guarded: bool) -> Iterator[Import]:
    for name in _imported_names(node):
        yield Import(name, getattr(node, "lineno", 0), lazy, guarded)
    lazy = lazy or isinstance(node, Function)
    guarded = guarded or _is_guard(node)
    for child in ast.iter_child_nodes(node):
        yield from _imports(child, lazy=lazy, guarded=guarded)


def _imported_names(node: ast.AST) -> list[str]:
    match node:
        case ast.Import(names=names):
            return [alias.name for alias in names]
        case ast.ImportFrom(module=module, names=names, level=level):
            return [f"{'.' * level}{module or ''}.{alias.name}" for alias in names]
        case ast.Call(func=ast.Attribute(attr="import_module"), args=[ast.Constant(value=str(name)), *_]):
            return [name]
    return []


def _is_guard(node: ast.AST) -> bool:
    match node:
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return True
        case ast.Try(handlers=handlers):
            caught = {name.id for handler in handlers for name in _names(handler.type)}
            return not caught.isdisjoint({"ImportError", "ModuleNotFoundError"})
    return False


def _names(node: ast.AST | None) -> list[ast.Name]:
    return [name for name in ast.walk(node) if isinstance(name, ast.Name)] if node else []


def short(module: Path) -> str:
    return module.relative_to(ROOT).as_posix()


def every(modules: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("module", modules, ids=short)


@every(CORE_MODULES)
def test_core_imports_nothing_but_the_standard_library_and_itself(module: Path) -> None:
    allowed = {"anysocket", *sys.stdlib_module_names}
    if module.name in COMPOSITION:
        allowed |= set(PACKAGES)
    foreign = [found for found in imports(module) if found.package not in allowed]
    if module == CORE / "_routing.py":
        foreign = [found for found in foreign if found.name != "starlette.routing.compile_path"]
    assert not foreign, ", ".join(map(str, foreign))


@pytest.mark.parametrize("door", ["_app.py", "_monitor.py"])
def test_the_doors_import_adapters_only_when_they_are_used(door: str) -> None:
    eager = [found for found in imports(CORE / door) if found.package != "anysocket" and found.needed]
    assert {found.package for found in eager} <= sys.stdlib_module_names


@every(ADAPTER_MODULES)
def test_adapters_import_what_they_adapt_and_guard_every_other_library(module: Path) -> None:
    (package,) = (name for name in PACKAGES if name in module.parts)
    allowed = {*PACKAGES, *ADAPTED[package], *sys.stdlib_module_names}
    foreign = [found for found in imports(module) if found.package not in allowed and found.needed]
    assert not foreign, ", ".join(map(str, foreign))


@every(MODULES)
def test_modules_name_others_in_full_and_no_source_root(module: Path) -> None:
    banned = {"", "src", "adapters", "tests", "examples"}
    wrong = [found for found in imports(module) if found.package in banned]
    assert not wrong, ", ".join(map(str, wrong))


@every(MODULES)
def test_modules_are_short(module: Path) -> None:
    lines = len(module.read_text().splitlines())
    assert lines <= MODULE_LINES, f"{lines} lines"


@every(MODULES)
def test_functions_are_short(module: Path) -> None:
    """Lines after the docstring, so that nobody saves words where they help."""
    functions = [node for node in ast.walk(ast.parse(module.read_text())) if isinstance(node, Function)]
    long = {node.name: length for node in functions if (length := _length(node)) > FUNCTION_LINES}
    assert not long, f"lines of each: {long}"


def _length(node: Function) -> int:
    has_docstring = ast.get_docstring(node, clean=False) is not None
    start = node.body[0].end_lineno if has_docstring else node.lineno - 1
    return (node.end_lineno or 0) - (start or 0)
