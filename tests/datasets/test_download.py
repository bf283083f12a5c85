"""Downloads, from a server on this machine that can misbehave."""

import contextlib
import gzip
import hashlib
import http.server
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from dltutorials import DataError, load_mnist
from dltutorials.datasets import catalogue, download, loading
from dltutorials.datasets.catalogue import PublishedDataset, PublishedFile

import numpy
import pytest
from helpers import SCRIPTS

DOWNLOAD = SCRIPTS / "download_data.py"
TRAIN = DOWNLOAD.with_name("train_logreg.py")


class Server(http.server.ThreadingHTTPServer):
    """Serves what `answers` holds for a path: bytes, a status, or a function that answers."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers, self.asked = {}, []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        answer = self.server.answers.get(self.path, 404)
        if isinstance(answer, int):
            self.send_error(answer)
        elif callable(answer):
            answer(self)
        else:
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

    def log_message(self, *_arguments):
        """Keep the test's output free of the server's log."""


@contextlib.contextmanager
def serving():
    server = Server()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def server():
    with serving() as server:
        yield server


@pytest.fixture
def other_server():
    with serving() as server:
        yield server


def idx(array):
    return numpy.array([0x800 + array.ndim, *array.shape], ">i4").tobytes() + array.tobytes()


@pytest.fixture(scope="module")
def files():
    rng = numpy.random.RandomState(2)
    return {
        f"{part}-{kind}.gz": gzip.compress(idx(values), 1)
        for part, n in (("train", 600), ("t10k", 100))
        for kind, values in (
            ("images-idx3-ubyte", rng.randint(0, 256, (n, 28, 28)).astype("uint8")),
            ("labels-idx1-ubyte", (numpy.arange(n) % 10).astype("uint8")),
        )
    }


@pytest.fixture
def published(files, server, other_server, tmp_path, monkeypatch):
    """Publish a small data set on two servers, with the user's cache in a folder of the test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("DLTUTORIALS_MIRROR", raising=False)
    monkeypatch.setattr(download, "PAUSE", 0.0)
    for each in (server, other_server):
        each.answers.update({f"/small/{name}": content for name, content in files.items()})
    small = PublishedDataset(
        title="Small",
        file_name="small.pkl.gz",
        mirrors=(f"{server.url}/small", f"{other_server.url}/small"),
        files=tuple(
            PublishedFile(name, len(content), hashlib.md5(content).hexdigest())
            for name, content in files.items()
        ),
        content={},
    )
    monkeypatch.setitem(catalogue.CATALOGUE, "small", small)
    return small


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache" / "dltutorials"


def names_in(cache):
    return sorted(str(path.relative_to(cache)) for path in cache.rglob("*") if path.is_file())


WHOLE = [
    "small.pkl.gz",
    "small/t10k-images-idx3-ubyte.gz",
    "small/t10k-labels-idx1-ubyte.gz",
    "small/train-images-idx3-ubyte.gz",
    "small/train-labels-idx1-ubyte.gz",
]


def test_a_data_set_is_fetched_once_and_converted(published, server, other_server, files, cache):
    sets = load_mnist("small")
    assert [x.shape for x, _ in sets] == [(500, 784), (100, 784), (100, 784)]
    raw = gzip.decompress(files["train-images-idx3-ubyte.gz"])[16:]
    expected = numpy.frombuffer(raw, "uint8").reshape(600, 784) / 256
    assert numpy.array_equal(numpy.concatenate([sets[0][0], sets[1][0]]), expected)
    assert (sets[0][0].dtype, sets[0][1].dtype) == ("float32", "int64")
    assert names_in(cache) == WHOLE
    assert len(server.asked) == 4
    assert numpy.array_equal(load_mnist("small.pkl.gz")[2][1], sets[2][1])
    assert len(server.asked) == 4
    assert other_server.asked == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (404, "the server answers with status 404"),
        (503, "the server answers with status 503"),
        (
            b"<html>Sorry</html>",
            "got 18 bytes with MD5 [0-9a-f]{32} .by its look a web page., expe",
        ),
        (b"x" * 40_000, "got 40,000 bytes with MD5 [0-9a-f]{32}, expected [0-9,]+ bytes with MD5"),
        ("truncated", "the connection broke|got 1,000 bytes with MD5"),
        ("shortened", "got 1,000 bytes with MD5"),
    ],
)
def test_what_is_wrong_on_one_server_is_taken_from_the_next(
    published, server, other_server, files, cache, answer, reason, caplog
):
    name = "train-images-idx3-ubyte.gz"
    if answer == "truncated":

        def answer(handler):
            handler.send_response(200)
            handler.send_header("Content-Length", str(len(files[name])))
            handler.end_headers()
            handler.wfile.write(files[name][:1000])

    server.answers[f"/small/{name}"] = files[name][:1000] if answer == "shortened" else answer
    load_mnist("small")
    assert names_in(cache) == WHOLE
    assert other_server.asked == [f"/small/{name}"]
    assert len(caplog.messages) == 1
    assert re.search(f"{server.url}/small/{name}: ({reason})", caplog.text)


def test_where_no_server_has_it_the_message_says_all(published, server, other_server, cache):
    name = "t10k-labels-idx1-ubyte.gz"
    server.answers[f"/small/{name}"] = b"<!doctype html>"
    other_server.answers[f"/small/{name}"] = 503
    with pytest.raises(DataError) as caught:
        load_mnist("small")
    message = str(caught.value)
    digest = hashlib.md5(b"<!doctype html>").hexdigest()
    for part in (
        f"could not be downloaded to {cache / 'small' / name}",
        f"{server.url}/small/{name}: got 15 bytes with MD5 {digest}",
        f"{other_server.url}/small/{name}: the server answers with status 503",
        "name another server in DLTUTORIALS_MIRROR, or put the file there yourself",
    ):
        assert part in message
    assert names_in(cache) == [n for n in WHOLE if "pkl" not in n and name not in n]
    assert other_server.asked.count(f"/small/{name}") == 2  # it might have been busy
    del server.answers[f"/small/{name}"]


def test_a_passing_fault_is_tried_again(published, server, other_server, files, cache):
    name = "t10k-labels-idx1-ubyte.gz"
    other_server.answers.clear()

    def first_busy(handler):
        handler.server.answers[handler.path] = files[name]
        handler.send_error(503)

    server.answers[f"/small/{name}"] = first_busy
    load_mnist("small")
    assert names_in(cache) == WHOLE


def test_a_mirror_of_ones_own_comes_first(published, server, other_server, monkeypatch):
    monkeypatch.setenv("DLTUTORIALS_MIRROR", other_server.url + "/")
    load_mnist("small")
    assert len(other_server.asked) == 4
    assert server.asked == []


def test_what_was_published_must_be_what_was_fetched(published, monkeypatch, cache):
    content = {"training": (500, "0" * 64, "0" * 64)}
    monkeypatch.setitem(catalogue.CATALOGUE, "small", published._replace(content=content))
    with pytest.raises(DataError, match="training set: these are not the images of Small"):
        load_mnist("small")
    assert "small.pkl.gz" not in names_in(cache)


def test_plain_files_beside_the_verified_ones_are_not_looked_at(published, files, cache):
    (cache / "small").mkdir(parents=True)
    for name, content in files.items():
        plain = gzip.decompress(content)
        (cache / "small" / name.removesuffix(".gz")).write_bytes(
            plain[:16] + bytes(len(plain) - 16)
        )
    assert load_mnist("small")[0][0].any()


def never_ending(handler):
    handler.send_response(200)
    handler.end_headers()
    with contextlib.suppress(OSError):
        for _ in range(1000):
            handler.wfile.write(bytes(1 << 16))


def wrong_length(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "many")
    handler.end_headers()


def redirect(place):
    def answer(handler):
        handler.send_response(302)
        handler.send_header("Location", place)
        handler.end_headers()

    return answer


@pytest.mark.parametrize(
    "answer",
    [
        never_ending,
        wrong_length,
        redirect("http://[::1"),
        redirect("http://" + "a" * 300 + "/"),
        redirect("http://127.0.0.1:port/"),
    ],
)
def test_servers_that_answer_with_nonsense_are_left_for_the_next(
    published, server, other_server, cache, answer
):
    path = "/small/train-labels-idx1-ubyte.gz"
    server.answers[path] = other_server.answers[path] = answer
    with pytest.raises(DataError, match="could not be downloaded") as caught:
        load_mnist("small")
    assert "\n" not in str(caught.value)
    assert "small/train-labels-idx1-ubyte.gz" not in names_in(cache)


def test_offline_nothing_is_asked_for(published, server, cache):
    with pytest.raises(DataError, match=r"no data set found; tried .*allow the download"):
        load_mnist("small", offline=True)
    assert server.asked == []
    assert not cache.exists()


def test_a_broken_file_in_the_cache_is_fetched_again_alone(published, server, cache):
    load_mnist("small")
    (cache / "small.pkl.gz").unlink()
    broken = cache / "small" / "t10k-images-idx3-ubyte.gz"
    broken.write_bytes(broken.read_bytes()[:-1])
    server.asked.clear()
    load_mnist("small")
    assert server.asked == ["/small/t10k-images-idx3-ubyte.gz"]


def test_a_cache_that_cannot_be_written_is_named(published, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(DataError, match=r"Small cannot be kept in .*: Not a directory"):
        load_mnist("small")


def test_several_threads_at_once(published, cache):
    results, threads = [], []
    for _ in range(4):
        thread = threading.Thread(target=lambda: results.append(download.download(published)))
        threads.append(thread)
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [cache / "small.pkl.gz"] * 4
    assert names_in(cache) == WHOLE
    assert load_mnist("small")[0][0].shape == (500, 784)


def run(script, *arguments, environment):
    return subprocess.Popen(
        [sys.executable, str(script), *arguments],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A background process of a shell ignores Ctrl-C, and its children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


class TestScript:
    """The real catalogue, in processes of their own; a server instead of the real ones."""

    @pytest.fixture(autouse=True)
    def _nothing_there(self, tmp_path, server):
        self.cache = tmp_path / "cache" / "dltutorials"
        self.environment = {
            "XDG_CACHE_HOME": str(tmp_path / "cache"),
            "DLTUTORIALS_MIRROR": server.url,
            "http_proxy": "http://127.0.0.1:9",  # whoever goes beyond the server fails at once
            "https_proxy": "http://127.0.0.1:9",
            "no_proxy": "127.0.0.1",
            "DLTUTORIALS_DATA": "",
        }

    def finish(self, process):
        out, err = process.communicate(timeout=100)
        return process.returncode, out, err

    @pytest.mark.slow
    def test_mnist_is_there_already(self, server):
        status, out, err = self.finish(run(DOWNLOAD, environment=self.environment))
        title, _, path = out.rstrip("\n").partition(": ")
        assert (status, title, err) == (0, "MNIST", "")
        assert Path(path).read_bytes() == loading.find_dataset().read_bytes()
        assert server.asked == []

    @pytest.mark.slow
    @pytest.mark.parametrize("script", [DOWNLOAD, TRAIN])
    def test_without_a_network_one_line_says_why(self, script, server):
        arguments = ["fashion-mnist"] if script == DOWNLOAD else ["--dataset", "fashion-mnist"]
        status, out, err = self.finish(run(script, *arguments, environment=self.environment))
        assert (status, out) == (1, "")
        last = err.splitlines()[-1]
        assert last.startswith(f"{script.name}: error: train-images-idx3-ubyte.gz could not be")
        assert "the proxy cannot be used" in last
        assert "Traceback" not in err
        status, out, err = self.finish(
            run(script, *arguments, "--offline", environment=self.environment)
        )
        assert (status, out, len(err.splitlines())) == (1, "", 1)
        assert "no data set found; tried" in err

    @pytest.mark.slow
    def test_ctrl_c_leaves_nothing_half_written(self, server):
        begun = threading.Event()

        def endless(handler):
            handler.send_response(200)
            handler.end_headers()
            with contextlib.suppress(OSError):
                while True:
                    handler.wfile.write(bytes(1000))
                    begun.set()
                    time.sleep(0.01)

        server.answers["/fashion-mnist/train-images-idx3-ubyte.gz"] = endless
        process = run(DOWNLOAD, "fashion-mnist", environment=self.environment)
        assert begun.wait(60)
        process.send_signal(signal.SIGINT)
        status, out, err = self.finish(process)
        assert (status, out, err) == (130, "", "download_data.py: interrupted\n")
        assert names_in(self.cache) == []

        begun.clear()
        process = run(DOWNLOAD, "fashion-mnist", environment=self.environment)
        assert begun.wait(60)
        process.kill()
        self.finish(process)
        assert len(names_in(self.cache)) == 1  # what no process could clear away
        server.answers.clear()
        self.finish(run(DOWNLOAD, "fashion-mnist", environment=self.environment))
        assert names_in(self.cache) == []  # the next one does

    @pytest.mark.slow
    def test_wrong_usage(self):
        status, _, err = self.finish(run(DOWNLOAD, "cifar", environment=self.environment))
        assert status == 2
        assert "invalid choice: 'cifar' (choose from" in err
