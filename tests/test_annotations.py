"""Parameters have types: `Any` is the exception, for what has no other."""

import ast
from pathlib import Path

ROOT = Path(__file__).parent.parent
MAX_ANY = 1  # Encoder.prepare, whose subclasses each take one kind of sample


def parameters_of_any(source: str) -> list[str]:
    """FUNCTION(PARAMETER) of the parameters annotated `Any` or `Any | None`."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            given = node.args
            named = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
            found += [
                f"{node.name}({each.arg})"
                for each in named
                if each is not None
                and each.annotation is not None
                and ast.unparse(each.annotation).strip("'") in ("Any", "Any | None")
            ]
    return found


def test_few_parameters_are_any():
    files = [ROOT / "cli.py", *(ROOT / "extract").rglob("*.py"), *(ROOT / "mmgcn").rglob("*.py")]
    found = [
        f"{path.relative_to(ROOT)}: {parameter}"
        for path in files
        for parameter in parameters_of_any(path.read_text(encoding="utf-8"))
    ]
    assert len(found) <= MAX_ANY, "\n".join(["use a Protocol, a TypedDict or object:", *found])


def test_any_is_found_in_every_kind_of_parameter():
    source = """
async def f(a: Any, /, b: "Any", *c: Any, d: Any | None = None, **e: Any): ...
def g(a: list[Any], b: int) -> Any: ...
"""
    assert parameters_of_any(source) == ["f(a)", "f(b)", "f(d)", "f(c)", "f(e)"]
