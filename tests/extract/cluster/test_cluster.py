"""Clusters: addresses, and layouts of workers that can run on them."""

import socket
import threading

import pytest

from extract.cluster import Cluster, ClusterError, connected, layout_of
from tests.extraction import extract_items

NOWHERE = "no Ray answers at"


def layout(cluster=None, **more):
    cluster = cluster or Cluster()
    return layout_of(
        cluster, **({"num_encoders": 1, "workers": None, "num_cpus": 2, "num_gpus": 0} | more)
    )


@pytest.mark.parametrize("num_cpus", [1, 2, 3, 8, 64])
@pytest.mark.parametrize("num_encoders", [0, 1, 2, 3])
def test_by_default_a_cpu_is_left_for_decoding(num_cpus, num_encoders):
    chosen = layout(num_cpus=num_cpus, num_encoders=num_encoders)
    assert chosen.num_workers >= 1
    assert num_cpus - chosen.num_workers * max(1, num_encoders) * chosen.num_cpus >= min(
        1, num_cpus
    )


@pytest.mark.parametrize(
    ("cluster", "more", "message"),
    [
        (Cluster(num_cpus_per_worker=1), {"workers": 2}, "2 workers of 1 CPU take all 2 CPUs"),
        (Cluster(num_cpus_per_worker=0.75), {"workers": 2}, "take nearly all 2 CPUs"),
        (Cluster(num_cpus_per_worker=1), {"num_encoders": 2}, "decoding needs a whole one"),
        (Cluster(num_gpus_per_worker=1), {}, "1 workers of 1 GPU need 1 GPUs; the cluster has 0"),
    ],
)
def test_a_layout_that_cannot_run_is_refused(cluster, more, message):
    with pytest.raises(ClusterError, match=message):
        layout(cluster, **more)


def test_workers_on_gpus_are_as_many_as_fit():
    chosen = layout(Cluster(num_gpus_per_worker=0.5), num_cpus=32, num_gpus=4, num_encoders=2)
    assert chosen.num_workers == 4
    assert chosen.num_gpus == 0.5


def test_negative_resources_are_refused():
    with pytest.raises(ValueError, match="num_cpus_per_worker is -1"):
        Cluster(num_cpus_per_worker=-1)


def test_without_ray_the_install_command_is_reported(monkeypatch, tmp_path):
    monkeypatch.setattr("extract.cluster.cluster.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"pip install '\.\[scale\]'"):
        extract_items([], tmp_path, cluster=Cluster())
    assert list(tmp_path.iterdir()) == []


def test_an_address_that_does_not_answer_is_reported_at_once(monkeypatch):
    pytest.importorskip("ray")
    monkeypatch.setattr("ray.is_initialized", lambda: False)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unused.getsockname()[1]}"
    with pytest.raises(ClusterError, match=f"{NOWHERE} '{address}'"), connected(Cluster(address)):
        pass


def test_another_program_at_the_address_is_reported_within_ten_seconds(monkeypatch):
    """Ray itself would wait for a program that listens and never answers."""
    ray = pytest.importorskip("ray")
    monkeypatch.setattr("extract.cluster.cluster.CONNECT_SECONDS", 0.2)
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    never = threading.Event()
    monkeypatch.setattr(ray, "init", lambda **options: never.wait())
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        address = f"127.0.0.1:{listening.getsockname()[1]}"
        with pytest.raises(ClusterError, match=NOWHERE), connected(Cluster(address)):
            pass


@pytest.mark.parametrize(
    ("address", "error", "message"),
    [
        ("auto", ConnectionError("Could not find any running Ray"), f"{NOWHERE} 'auto'"),
        (None, Exception("The current node timed out"), "not start here: The current"),
    ],
)
def test_a_ray_that_cannot_be_used_is_reported(monkeypatch, address, error, message):
    ray = pytest.importorskip("ray")

    def fail(**options):
        raise error

    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", fail)
    monkeypatch.setattr(ray, "shutdown", lambda: None)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with pytest.raises(ClusterError, match=message), connected(Cluster(address)):
        pass


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--engine", "spark"], "'spark' is not one of torch, onnx, local, ray"),
        (["--engine", "torch,onnx"], "torch and onnx exclude each other"),
        (["--address", "auto"], "needs --engine ray"),
        (["--engine", "local,onnx", "--num-gpus-per-worker", "1"], "needs --engine ray"),
    ],
)
def test_options_that_make_no_sense_are_refused(words, message, tmp_path, capsys):
    from cli import main

    with pytest.raises(SystemExit) as leaving:
        main(["extract", str(tmp_path), *words])
    assert leaving.value.code == 2
    assert message in " ".join(capsys.readouterr().err.replace("│", " ").split())
