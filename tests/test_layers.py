"""A module imports smaller stages, or its own folder. Nothing else."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# The longest prefix of a module's name decides its stage.
STAGES = {
    "extract.registry": 1,
    "extract.catalog": 2,
    "extract.cluster": 1,
    "extract.config": 2,
    "extract.extras": 0,
    "extract.weights": 2,
    "extract.state_dict": 3,
    "extract.modality": 3,
    "extract.encoder": 3,
    "extract.store": 4,
    "extract.media": 1,
    "extract.encoders": 6,
    "extract.modalities": 7,
    "extract.workers": 6,
    "extract.cluster.pool": 7,
    "extract.cluster.tasks": 7,
    "extract.pipeline": 8,
    "extract.commands": 9,
    "mmgcn.data.ids": 9,
    "mmgcn.data.features": 10,
    "mmgcn.data.columns": 9,
    "mmgcn.data.interactions": 9,
    "mmgcn.data.events": 9,
    "mmgcn.data.history": 10,
    "mmgcn.evaluation.metrics": 9,
    "mmgcn.data.table": 9,
    "mmgcn.data.splits": 10,
    "mmgcn.data.dataset": 11,
    "mmgcn.data.source": 12,
    "mmgcn.sparse": 11,
    "mmgcn.graph": 12,
    "mmgcn.neighbourhood": 13,
    "mmgcn.config": 9,
    "mmgcn.train_config": 10,
    "mmgcn.parameters": 9,
    "mmgcn.knn": 12,
    "mmgcn.losses": 13,
    "mmgcn.sampling": 13,
    "mmgcn.interaction_rows": 9,
    "mmgcn.model": 14,
    "mmgcn.item_item_model": 15,
    "mmgcn.graph_model": 15,
    "mmgcn.models": 16,
    "mmgcn.evaluation.ranking": 16,
    "mmgcn.evaluation.groups": 16,
    "mmgcn.evaluation.withheld": 17,
    "mmgcn.evaluation.run_evaluation": 17,
    "mmgcn.run": 16,
    "mmgcn.distributed": 17,
    "mmgcn.training": 18,
    "mmgcn.serving": 19,
    "mmgcn.study": 19,
    "mmgcn.display": 20,
    "mmgcn.service": 21,
    "mmgcn.service.routes": 22,
    "mmgcn.report": 21,
    "mmgcn.commands": 23,
    "mmgcn.__main__": 25,
    "cli": 24,
}
# What mmgcn/ may know of extract/. The catalogue: only what it lists may be served, by its ids.
JOINTS = (
    "extract.catalog",
    "extract.cluster",
    "extract.commands.options",
    "extract.commands.output",
    "extract.commands.usage",
    "extract.extras",
    "extract.config",
    "extract.modality",
    "extract.pipeline",
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
    """The project's modules that this one imports, those inside functions too."""
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
        else:
            continue
        yield from (name for name in names if name in MODULES)


@pytest.mark.parametrize("module", sorted(set(MODULES) - PACKAGES))
def test_a_module_imports_smaller_stages_or_its_own_folder(module):
    mine = stage(module)
    assert mine is not None, f"{module} has no stage: give it one in STAGES"
    folder = module.rpartition(".")[0]
    shared = {"extract", "mmgcn", ""}  # the halves are no folders of one noun
    for name in imports(module, ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if name in PACKAGES and stage(name) is None:
            continue  # a package's front door, which imports lazily
        same_folder = folder not in shared and name.startswith(f"{folder}.")
        other = stage(name)
        assert same_folder or (other is not None and other < mine), (
            f"{module} (stage {mine}) imports {name} (stage {other})"
        )


@pytest.mark.parametrize("module", sorted(MODULES))
def test_each_half_knows_only_the_joints_of_the_other(module):
    for name in imports(module, ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if module.startswith("extract"):
            assert not name.startswith("mmgcn"), f"{module} imports {name}"
        if module.startswith("mmgcn.") and module != "mmgcn.__main__":
            assert not name.startswith("extract") or name in JOINTS, f"{module} imports {name}"


def test_every_stage_belongs_to_a_module():
    for prefix in STAGES:
        assert any(name == prefix or name.startswith(f"{prefix}.") for name in MODULES), prefix
