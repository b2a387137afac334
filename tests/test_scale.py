"""docs/scale.md says what its formulas give, and they count what the code does."""

from pathlib import Path

import pytest
import torch

from benchmarks.simulate import MEASURED, NAMES, Plan, World, counts, network_bytes, written
from mmgcn.distributed.process_group import ProcessGroup
from mmgcn.distributed.user_shard import UserShard
from mmgcn.graph import BipartiteGraph
from mmgcn.model import MODELS
from mmgcn.sampling import Sampler
from mmgcn.sparse import CompressedRows
from tests.worlds import dataset

PAGE = Path(__file__).parent.parent / "docs" / "scale.md"
DIM = 8


def test_the_tables_of_the_page_are_what_the_formulas_give():
    page = PAGE.read_text(encoding="utf-8")
    assert written(page) == page, "run: python -m benchmarks.simulate --write docs/scale.md"


def test_the_formulas_tell_what_was_measured():
    """Within a sixth on one process; several shared one core's cache, which no formula knows."""
    for point in MEASURED:
        ratio = point.expected_ms / point.ms
        assert (0.85 if point.ranks == 1 else 0.65) < ratio < 1.17, point


def test_a_gathered_row_is_slower_in_a_larger_table_and_never_faster_than_measured():
    from benchmarks.simulate import CORE, _gather

    speeds = [_gather(CORE, 10.0**power) for power in range(3, 12)]
    assert speeds == sorted(speeds, reverse=True)
    assert speeds[0] == CORE.gather[0][1]
    assert speeds[-1] == CORE.gather[-1][1]


@pytest.fixture(scope="module")
def data():
    return dataset()


def build(name, data):
    more = {"num_item_neighbours": 0} if name == "linear_mmgcn" else {}
    settings = {"dim": DIM, "batch_size": 32, "num_negatives": 16, **more}
    return MODELS.get(name).build(data, settings)


def step(model, data, shard=None):
    batch = model.draw(Sampler.of(data.train, model.generator))
    loss = model.loss(batch) if shard is None else shard.loss(model, batch, torch.device("cpu"))
    loss.backward()


@pytest.mark.parametrize("name", NAMES)
def test_tables_and_edges_take_the_bytes_that_are_counted(data, name):
    model, told = build(name, data), counts(Plan(model=name), 2)
    rows = dict.fromkeys((len(data.users), len(data.items)), 0)
    for parameter in model.parameters():
        if len(parameter) in rows:
            rows[len(parameter)] += parameter.shape[1] / DIM
    assert rows[len(data.users)] == told.user_tables
    assert rows[len(data.items)] == told.item_tables
    graph = next(module for module in model.modules() if isinstance(module, BipartiteGraph))
    kept = {buffer.data_ptr(): buffer for buffer in graph.buffers()}.values()
    by_edge = [buffer for buffer in kept if len(buffer) == len(data.train)]
    assert sum(buffer.nbytes for buffer in by_edge) == told.edge_bytes * len(data.train)


@pytest.mark.parametrize("name", NAMES)
def test_a_step_multiplies_with_all_edges_as_often_as_is_counted(data, name, monkeypatch):
    plain, calls = CompressedRows.multiply, []
    monkeypatch.setattr(
        CompressedRows, "multiply", lambda self, x: calls.append(x.shape) or plain(self, x)
    )
    step(build(name, data), data)
    assert len(calls) == counts(Plan(model=name), 2).products


@pytest.mark.parametrize("name", NAMES)
def test_ranks_send_the_bytes_that_are_counted(data, name, monkeypatch):
    class Done:
        def wait(self):
            return None

    sent = []
    monkeypatch.setattr(
        "torch.distributed.all_reduce", lambda x, **_: sent.append(tuple(x.shape)) or Done()
    )
    model = build(name, data)
    shard = UserShard(model, data.train, ProcessGroup(0, 2))
    step(model, data, shard)
    shard.add_gradients(model)
    table = (len(data.items), DIM)
    plan = Plan(model=name, dim=DIM, ranks=2)
    expected = network_bytes(World(len(data.items), len(data.users), len(data.train), (4, 4)), plan)
    assert sent.count(table) * 4 * table[0] * table[1] == expected
    # What else is sent is transforms, whose size does not grow with the data.
    assert all(shape == table or shape[0] <= 16 for shape in sent)
