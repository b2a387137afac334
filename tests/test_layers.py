"""A module imports only smaller stages or its own folder."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# The longest prefix of a module's name decides its stage.
STAGES = {
    "extract.registry": 1,
    "extract.catalogue": 2,
    "extract.cluster": 1,
    "extract.config": 2,
    "extract.extras": 0,
    "extract.lazy": 0,
    "extract.download": 1,
    "extract.hub": 1,
    "extract.publishing": 1,
    "extract.weights": 2,
    "extract.state_dict": 3,
    "extract.modality": 3,
    "extract.encoder": 3,
    "extract.family": 4,
    "extract.families": 7,
    "extract.store": 4,
    "extract.media": 1,
    "extract.encoders": 6,
    "extract.modalities": 7,
    "extract.workers": 6,
    "extract.cluster.pool": 7,
    "extract.cluster.tasks": 7,
    "extract.pipeline": 8,
    "extract.diagnosis": 8,
    "extract.commands": 9,
    "mmgcn.data.ids": 9,
    "mmgcn.data.features": 10,
    "mmgcn.data.duplicates": 11,
    "mmgcn.data.nearest_rows": 8,
    "mmgcn.data.similar_pairs": 9,
    "mmgcn.data.columns": 9,
    "mmgcn.data.content": 9,
    "mmgcn.data.frames": 10,
    "mmgcn.data.interactions": 9,
    "mmgcn.data.events": 9,
    "mmgcn.data.history": 10,
    "mmgcn.evaluation.hits": 9,
    "mmgcn.evaluation.metrics": 9,
    "mmgcn.data.table": 9,
    "mmgcn.data.split_rules": 10,
    "mmgcn.data.splits": 10,
    "mmgcn.data.dataset": 11,
    "mmgcn.data.number_column": 9,
    "mmgcn.data.options": 9,
    "mmgcn.data.loading": 12,
    "mmgcn.data.table_format": 9,
    "mmgcn.data.times": 9,
    "mmgcn.sparse": 11,
    "mmgcn.graph": 12,
    "mmgcn.neighbourhood": 13,
    "mmgcn.config": 9,
    "mmgcn.train_config": 10,
    "mmgcn.parameters": 12,
    "mmgcn.projection": 13,
    "mmgcn.knn": 12,
    "mmgcn.popularity_prior": 12,
    "mmgcn.losses": 13,
    "mmgcn.sampling": 13,
    "mmgcn.channels": 9,
    "mmgcn.interaction_rows": 9,
    "mmgcn.recommender_model": 13,
    "mmgcn.closed_form_model": 14,
    "mmgcn.model": 14,
    "mmgcn.item_item_model": 15,
    "mmgcn.graph_model": 15,
    "mmgcn.models": 16,
    "mmgcn.evaluation.ranking": 16,
    "mmgcn.evaluation.groups": 16,
    "mmgcn.evaluation.baseline": 17,
    "mmgcn.evaluation.coverage": 17,
    "mmgcn.evaluation.held_out": 17,
    "mmgcn.evaluation.list_details": 17,
    "mmgcn.evaluation.run_evaluation": 17,
    "mmgcn.run": 16,
    "mmgcn.run_writing": 17,
    "mmgcn.run_list": 17,
    "mmgcn.model_card": 17,
    "mmgcn.pretrained": 18,
    "mmgcn.distributed": 17,
    "mmgcn.training": 18,
    "mmgcn.serving": 19,
    "mmgcn.study": 19,
    "mmgcn.display": 20,
    "mmgcn.project": 20,
    "mmgcn.service": 21,
    "mmgcn.service.routes": 22,
    "mmgcn.report": 21,
    "mmgcn.content": 12,
    "mmgcn.data_folder": 13,
    "mmgcn.format": 13,
    "mmgcn.formats": 14,
    "mmgcn.commands": 23,
    "mmgcn.__main__": 25,
    "cli": 24,
}
# What mmgcn/ may know of extract/. The catalogue: only what it lists may be served, by its ids.
JOINTS = (
    "extract.catalogue",
    "extract.cluster",
    "extract.commands.options",
    "extract.commands.output",
    "extract.commands.usage",
    "extract.diagnosis",
    "extract.extras",
    "extract.lazy",
    "extract.config",
    "extract.modality",
    "extract.pipeline",
    "extract.publishing",
    "extract.workers.poster",
    "extract.workers.poster_process",
    "extract.registry",
    "extract.store",
)


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {
    module_name(path): path
    for folder in ("extract", "mmgcn")
    for path in sorted((ROOT / folder).rglob("*.py"))
} | {"cli": ROOT / "cli.py"}
PACKAGES = {name for name, path in MODULES.items() if path.name == "__init__.py"}


def stage(module: str) -> int | None:
    parts = module.split(".")
    prefixes = (".".join(parts[:n]) for n in range(len(parts), 0, -1))
    return next((STAGES[prefix] for prefix in prefixes if prefix in STAGES), None)


def imports(module: str, tree: ast.AST) -> Iterator[str]:
    """The project's modules that this one imports or names, those inside functions too.

    A string that is the name of a module counts: it is the argument of import_module, the entry of
    a table of lazy imports, or what a subprocess runs with `-m`.
    """
    not_imported = {id(node) for node in names_of_registries_and_loggers(tree)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} uses a relative import"
            names = [
                f"{node.module}.{alias.name}"
                if f"{node.module}.{alias.name}" in MODULES
                else str(node.module)
                for alias in node.names
            ]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            names = [] if id(node) in not_imported else [node.value.partition(":")[0]]
            names = [name for name in names if "." in name]  # "extract" is a command, too
        else:
            continue
        yield from (name for name in names if name in MODULES and name != module)


def names_of_registries_and_loggers(tree: ast.AST) -> Iterator[ast.AST]:
    """Strings that name a package without importing it.

    A registry finds its members in a folder of a higher stage; that is what it is for.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            if getattr(node.func, "attr", getattr(node.func, "id", "")) == "getLogger":
                yield from node.args
            yield from (word.value for word in node.keywords if word.arg in ("package", "group"))


@cache
def parsed(module: str) -> ast.AST:
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


@pytest.mark.parametrize("module", sorted(set(MODULES) - PACKAGES))
def test_a_module_imports_smaller_stages_or_its_own_folder(module):
    mine = stage(module)
    assert mine is not None, f"{module} has no stage: give it one in STAGES"
    folder = module.rpartition(".")[0]
    shared = {"extract", "mmgcn", ""}  # the halves are no folders of one noun
    for name in imports(module, parsed(module)):
        if name in PACKAGES and stage(name) is None:
            continue  # a package's front door, which imports lazily
        same_folder = folder not in shared and name.startswith(f"{folder}.")
        other = stage(name)
        assert same_folder or (other is not None and other < mine), (
            f"{module} (stage {mine}) imports {name} (stage {other})"
        )


@pytest.mark.parametrize("module", sorted(MODULES))
def test_each_package_imports_only_the_listed_modules_of_the_other(module):
    for name in imports(module, parsed(module)):
        if module.startswith("extract"):
            assert not name.startswith("mmgcn"), f"{module} imports {name}"
        if module.startswith("mmgcn.") and module != "mmgcn.__main__":
            assert not name.startswith("extract") or name in JOINTS, f"{module} imports {name}"


# A file read from the folder of another package, and why. To be emptied by the owner of the file.
FOREIGN_FILES: dict[str, str] = {
    "mmgcn.service.app": "serves styles.css of mmgcn.display under a URL of its own",
}
# Modules that may leave their folder by Path(__file__).parent.parent, and why.
ABOVE_ITS_FOLDER = {
    "mmgcn.commands.demo": "the clips of the demo are in the wheel or beside the packages",
}
DATA_FILES = {
    path.name: path.parent
    for folder in ("extract", "mmgcn")
    for path in (ROOT / folder).rglob("*.*")
    if path.suffix in {".css", ".html", ".js", ".json", ".sql", ".toml"}
}


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_module_reads_no_file_of_another_package(module):
    for node in ast.walk(parsed(module)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            name = node.value.rpartition("/")[2]
            owner = DATA_FILES.get(name)
            inside = owner is None or MODULES[module].parent in (owner, *owner.parents)
            assert inside or module in FOREIGN_FILES, f"{module} names {name} of {owner}"
        if isinstance(node, ast.Attribute) and ast.unparse(node).endswith(".parent.parent"):
            outside = "__file__" in ast.unparse(node) and module not in ABOVE_ITS_FOLDER
            assert not outside, f"{module} leaves its folder: {ast.unparse(node)}"


def test_no_file_imports_itself_through_others():
    """Imports for type checkers and inside functions count, too."""
    graph = {module: set(imports(module, parsed(module))) for module in MODULES}
    cycles = [sorted(group) for group in connected_components(graph) if len(group) > 1]
    found = {tuple(group) for group in cycles}
    assert found <= set(KNOWN_CYCLES), sorted(found - set(KNOWN_CYCLES))


# Cycles that are still there, and why. To be emptied by the owners of the files.
KNOWN_CYCLES: dict[tuple[str, ...], str] = {
    (
        "extract.store.feature_set",
        "extract.store.verification",
    ): "verification annotates FeatureSet",
    (
        "mmgcn.service.cache",
        "mmgcn.service.live_run",
        "mmgcn.service.state",
    ): "the cache reads the live run",
}


def connected_components(graph: dict[str, set[str]]) -> list[set[str]]:
    """The strongly connected components (Tarjan, 1972)."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    components = []

    def visit(node: str) -> None:
        order[node] = low[node] = len(order)
        stack.append(node)
        for other in graph[node]:
            if other not in order:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], order[other])
        if low[node] == order[node]:
            at = stack.index(node)
            components.append(set(stack[at:]))
            del stack[at:]

    for node in graph:
        if node not in order:
            visit(node)
    return components


def test_connected_components_of_a_small_graph():
    graph = {"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}
    assert sorted(map(sorted, connected_components(graph))) == [["a"], ["b", "c"], ["d"]]


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("import_module('extract.store')", ["extract.store"]),
        ("entry = 'mmgcn.run:Run'", ["mmgcn.run"]),
        ("run([python, '-m', 'extract.store'])", ["extract.store"]),
        ("getLogger('mmgcn.service')", []),
        ("Registry('encoder', package='extract.encoders')", []),
        ("command = 'extract'", []),
    ],
)
def test_strings_that_name_modules_count_as_imports(source, names):
    assert list(imports("somewhere", ast.parse(source))) == names


def test_every_stage_belongs_to_a_module():
    for prefix in STAGES:
        assert any(name == prefix or name.startswith(f"{prefix}.") for name in MODULES), prefix
