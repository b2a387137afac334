"""Messages between workers and parent arrive as they were sent, and never contain code."""

import socket
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pytest

from extract.cluster import Cluster
from extract.config import ExtractConfig
from extract.encoders.logmel import LogMel
from extract.media import Coverage, Limits
from extract.workers.messages import Decoded, EncoderSpec, FileFacts, Finish, Job, RowsOf, Setup
from extract.workers.wire import pack, receive, send, unpack


@pytest.fixture
def line():
    here, there = (Connection(end.detach()) for end in socket.socketpair())
    with here, there:
        yield here, there


@pytest.mark.parametrize(
    "message",
    [
        Finish(),
        Job(3, "an id", Path("caf\udce9/雪.mp4"), (0, 2)),
        Decoded(1, FileFacts(5, 6, "ab"), title="t", video=Coverage(1.5, None, "cut")),
        Setup(
            encoders=(None, EncoderSpec("m", "q", None)),
            encodes=True,
            config=ExtractConfig(
                encoders={"visual": "shade"},
                fps=0.5,
                cluster=Cluster("auto", num_cpus_per_worker=0.5),
                posters="p",
                limits=Limits(max_streams=3),
            ),
        ),
    ],
    ids=lambda message: type(message).__name__,
)
def test_a_message_arrives_as_it_was_sent(line, message):
    send(line[0], message)
    assert receive(line[1]) == message
    assert unpack(pack(message)) == message


@pytest.mark.parametrize("shape", [(0, 4), (2, 3), (1, 2, 3, 4), (50, 40)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_arrays_arrive_with_shape_and_type(line, shape, dtype):
    rows = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    sent = RowsOf(1, 2, rows[..., ::-1], np.arange(3.0), 0.5)
    send(line[0], sent)
    for heard in (receive(line[1]), unpack(pack(sent)), unpack(memoryview(pack(sent)))):
        assert heard.rows.dtype == dtype
        np.testing.assert_array_equal(heard.rows, rows[..., ::-1])
        np.testing.assert_array_equal(heard.pts_seconds, [0, 1, 2])
        assert (heard.index, heard.encoder, heard.encode_seconds) == (1, 2, 0.5)


@pytest.mark.parametrize(
    "payload",
    [
        b"\x80\x04K\x01.",  # a pickle
        b'{"~": "Path"}',
        b'{"~": "Popen", "args": ["ls"]}',
        b'{"~": "array", "dtype": "object", "shape": [1]}',
    ],
)
def test_invalid_bytes_are_an_error(line, payload):
    line[0].send_bytes(payload)
    line[0].send_bytes(b"12345678")
    with pytest.raises(Exception, match=r"."):
        receive(line[1])
    with pytest.raises(Exception, match=r"."):
        unpack(len(payload).to_bytes(8, "little") + payload + b"12345678")


def test_an_encoder_is_described_so_that_another_process_can_build_it():
    encoder = EncoderSpec.of(LogMel("weights")).build()
    assert type(encoder) is LogMel
    assert encoder.given_weights == "weights"


def test_an_encoder_that_cannot_be_imported_is_refused():
    class Local(LogMel):
        pass

    with pytest.raises(ValueError, match=r"'logmel' is defined in .*, where workers cannot import"):
        EncoderSpec.of(Local())
