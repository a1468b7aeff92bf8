"""From ``module:attribute`` to an app, with an answer to each way in which that goes wrong."""

from __future__ import annotations

import difflib
import importlib
import inspect
import os
import sys
import traceback
from types import ModuleType

from anysocket_cli._mistakes import Mistake


def load_app(target: str) -> object:
    """The app that ``target`` (``"package.module:attribute"``) names.

    The current folder is importable, as it is for the server later. Raises :class:`Mistake` for what does not
    parse, import, exist, or is no app.
    """
    module_name, attribute = _split(target)
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    module = _import(module_name)
    app: object = module
    for name in attribute.split("."):
        if not hasattr(app, name):
            raise Mistake(_missing_attribute(module, attribute))
        app = getattr(app, name)
    _check_is_app(app, target)
    return app


def _split(target: str) -> tuple[str, str]:
    module_name, colon, attribute = target.partition(":")
    if module_name.endswith(".py") or "/" in module_name or "\\" in module_name:
        path = module_name.removesuffix(".py").removeprefix("./").strip("/\\")
        dotted = path.replace("\\", ".").replace("/", ".")
        raise Mistake(f"{target!r} is a path, not a module: write {dotted}:{attribute or 'app'}")
    if not colon or not attribute:
        raise Mistake(f"{target!r} does not say which object to serve: write {module_name or 'module'}:app")
    if not all(part.isidentifier() for part in [*module_name.split("."), *attribute.split(".")]):
        raise Mistake(f"{target!r} is not of the form module:app, like chat:app or package.chat:app")
    return module_name, attribute


def _import(module_name: str) -> ModuleType:
    try:
        return importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise Mistake(_failed_import(module_name, error)) from error
        raise Mistake(
            f"no module named {error.name!r} in {os.getcwd()} or among the installed packages: "
            "check the spelling, or start from the folder that it is in"
        ) from error
    except (Exception, SystemExit) as error:
        # Whatever the user's module raises while it is imported is the user's to mend.
        raise Mistake(_failed_import(module_name, error)) from error


def _failed_import(module_name: str, error: BaseException) -> str:
    if isinstance(error, SyntaxError) and error.filename:
        where = f"{error.filename}, line {error.lineno}"
    else:
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{last.filename}, line {last.lineno}"
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return (
        f"module {module_name!r} does not import: {what} ({where}); "
        f'python -c "import {module_name}" shows the whole traceback'
    )


def _missing_attribute(module: ModuleType, attribute: str) -> str:
    objects = {name: value for name, value in vars(module).items() if not isinstance(value, type)}
    apps = [name for name, value in objects.items() if hasattr(value, "__rsgi__")]
    likely = apps or difflib.get_close_matches(attribute, objects, n=1)
    hint = f"write {module.__name__}:{likely[0]}" if likely else "after the colon goes the name of your App()"
    return f"module {module.__name__!r} has no attribute {attribute!r}: {hint}"


def _check_is_app(app: object, target: str) -> None:
    if isinstance(app, type):
        raise Mistake(
            f"{target!r} is the class {app.__name__}, not an app: "
            f"write `app = {app.__name__}()` in the module and name that"
        )
    if hasattr(app, "__rsgi__"):
        return
    if not callable(app):
        raise Mistake(
            f"{target!r} is not an app but of type {type(app).__name__}: "
            "name an anysocket.App() or an ASGI app"
        )
    if not _takes_three(app):
        raise Mistake(
            f"{target!r} is callable, but not as an ASGI app with (scope, receive, send): "
            f"if it makes the app, write `app = {target.rpartition(':')[2]}()` in the module and name that"
        )


def _takes_three(app: object) -> bool:
    try:
        inspect.signature(app).bind(None, None, None)  # type: ignore[arg-type]
    except TypeError:
        return False
    except ValueError:  # a callable written in C that tells no signature: give it the benefit of the doubt
        return True
    return True
