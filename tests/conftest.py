"""Fixtures of every test: one thread, no network, and restored random states."""

import gc
import importlib
import os
import random
import subprocess
import sys
import warnings

import hypothesis
import numpy as np
import pytest

# Before any library starts its threads: tests run in parallel, and are too small for threads.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
# What Python compiles is kept, also where the environment says otherwise: each of the processes
# that tests start would compile the same modules again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

IMPORT_AGENT = """
import ray.autoscaler._private.monitor, ray._private.log_monitor
import ray._private.runtime_env.agent.main, ray.dashboard.agent, ray.dashboard.dashboard
from ray.dashboard import utils
utils.get_all_modules(utils.DashboardAgentModule)
"""

# No test depends on how busy the machine is.
hypothesis.settings.register_profile(
    "no_clock", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("no_clock")


@pytest.fixture(autouse=True)
def _random_states():
    """Give each test the same random states, and restore them afterwards."""
    before = random.getstate(), np.random.get_state()  # noqa: NPY002
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002
    torch = sys.modules.get("torch")
    state = None
    if torch is not None and hasattr(torch, "manual_seed"):
        state = torch.get_rng_state()
        torch.default_generator.manual_seed(0)  # torch.manual_seed also keeps the stack, in 2 ms
    yield
    random.setstate(before[0])
    np.random.set_state(before[1])  # noqa: NPY002
    if state is not None:
        torch.set_rng_state(state)


@pytest.fixture
def no_curves(monkeypatch):
    """Trainings draw no curves, which takes longer than a small training."""
    monkeypatch.setattr("mmgcn.training.fit.plot_curves", lambda *_: True)


@pytest.fixture(scope="session")
def ray_of_two_cpus():
    """A Ray instance of this process, started once for all tests that need it."""
    ray = pytest.importorskip("ray")
    # Ray waits 15 s for its agent, which takes as long if it has to compile its modules.
    subprocess.run([sys.executable, "-c", IMPORT_AGENT], check=True, capture_output=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for tries_left in (2, 1, 0):
            try:
                ray.init(
                    address="local",
                    num_cpus=2,
                    include_dashboard=False,
                    log_to_driver=False,
                    logging_level="ERROR",
                    object_store_memory=256 << 20,
                )
                break
            except Exception:
                ray.shutdown()
                gc.collect()  # while warnings of its processes are ignored
                if not tries_left:
                    raise
        # Ray Data warns of itself, once: here, and not in whichever test happens to be first.
        importlib.import_module("ray.data").DataContext.get_current()
    yield ray
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ray.shutdown()
