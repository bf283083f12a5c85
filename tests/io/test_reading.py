import io
import os
import signal
import struct
import time
import tracemalloc
import zipfile

from dltutorials.datasets import load_mnist
from dltutorials.datasets.loading import open_dataset
from dltutorials.exceptions import DataError
from dltutorials.io import npz
from dltutorials.io.images import open_image
from dltutorials.io.npz import open_npz, read_array
from dltutorials.io.reading import read_file
from dltutorials.prediction.image_files import read_grey
from dltutorials.training.checkpoint import load_state
from dltutorials.training.history import read_history
from dltutorials.training.parameters import read_params

import numpy
import pytest

READERS = [load_mnist, load_state, read_history, read_params, read_grey]


@pytest.fixture(autouse=True)
def _soon():
    """End what would wait for ever."""
    signal.alarm(20)
    yield
    signal.alarm(0)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(("kind", "name"), [("device", "/dev/zero"), ("named pipe", "pipe")])
def test_what_has_no_end_or_waits_is_not_read(tmp_path, monkeypatch, reader, kind, name):
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    os.symlink(name, "link")
    with pytest.raises(DataError, match=f"link: is a {kind}, expected an ordinary file"):
        reader("link")


@pytest.mark.parametrize(
    "name", ["data/train_x.npy", "data/cat/1.png", "idx/train-images-idx3-ubyte"]
)
def test_nor_within_a_folder(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / name
    path.parent.mkdir(parents=True)
    os.mkfifo(path)
    for other in ("train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"):
        (path.parent / other).write_bytes(b"") if "idx" in name else None
    for other in "train_y", "test_x", "test_y":
        numpy.save(path.with_name(f"{other}.npy"), numpy.arange(9)) if "npy" in name else None
    with pytest.raises(DataError, match="is a named pipe, expected an ordinary file"):
        load_mnist(tmp_path / name.split("/")[0])


def test_files_without_a_size_are_limited_too(tmp_path):
    assert read_file("/proc/self/stat", 10_000, "one")
    with pytest.raises(DataError, match="larger than 10 bytes, not a history"):
        read_file("/proc/self/stat", 10, "a history")


def header(**changes):
    fields = {"descr": "<f4", "fortran_order": False, "shape": (1,), **changes}
    text = repr(fields) if "text" not in fields else fields["text"]
    return b"\x93NUMPY\x01\x00" + (len(text) + 1).to_bytes(2, "little") + text.encode() + b"\n"


@pytest.mark.parametrize(
    "member",
    [
        header(shape=(1,) * 40) + bytes(4),
        header(shape=(0, 2**63)),
        header(shape=(2**62, 2**62)),
        header(shape=(10**4000,)),
        header(text=f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({'9' * 5000},)}}"),
        header(fortran_order="no") + bytes(4),
        header(colour="red") + bytes(4),
        header(descr="a4") + bytes(4),
        header(descr="<f4,<f4") + bytes(8),
        header(shape=(True,)) + bytes(4),
        header(descr="<U0"),
        header(descr="<U"),
        header(descr="|V0"),
    ],
)
def test_headers_of_arrays_that_are_none(member, recwarn):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("x.npy", member)
    with pytest.raises(DataError, match="x: its header is damaged"), open_npz(file) as archive:
        read_array(archive, "x", kinds="fU")
    assert not len(recwarn)


@pytest.mark.parametrize("memory_map", [False, True])
def test_nor_is_an_array_of_nothing_in_a_folder(tmp_path, memory_map):
    for name, content in {"x": header(shape=(1, 2)) + bytes(8), "y": header(descr="<U0")}.items():
        (tmp_path / f"{name}.npy").write_bytes(content)
    with pytest.raises(DataError, match=r"y\.npy: its header is damaged"):
        open_dataset(tmp_path, memory_map)


def archive_of(method=zipfile.ZIP_STORED, extra=b""):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        info = zipfile.ZipInfo("x.npy")
        info.compress_type, info.extra = method, extra
        archive.writestr(info, header() + bytes(4))
    return bytearray(file.getvalue())


def damaged_lzma():
    content = archive_of(zipfile.ZIP_LZMA)
    content[60:70] = b"\xff" * 10
    return content


def wrong_name():
    content = archive_of()
    place = content.rfind(b"PK\x01\x02")
    content[place + 9] |= 8  # UTF-8
    content[place + 46 : place + 51] = b"\xff" * 5
    return content


def far_away():
    content = archive_of(extra=struct.pack("<HHQ", 1, 8, 2**63))
    place = content.rfind(b"PK\x01\x02")
    content[place + 42 : place + 46] = b"\xff" * 4
    return content


def encrypted():
    content = archive_of()
    content[content.rfind(b"PK\x01\x02") + 8] |= 1
    return content


@pytest.mark.parametrize("make", [damaged_lzma, wrong_name, far_away, encrypted])
def test_archives_that_zipfile_stumbles_over(make):
    found = pytest.raises(DataError, match=r"write it again|its header")
    with found, open_npz(io.BytesIO(make())) as archive:
        read_array(archive, "x")


def test_the_limit_is_of_all_that_is_unpacked(monkeypatch):
    monkeypatch.setattr(npz, "_MAX_BYTES", 3_000_000)
    file = io.BytesIO()
    numpy.savez_compressed(file, x=numpy.zeros(2_000_000, "i1"), y=numpy.zeros(2_000_000, "i1"))
    with pytest.raises(DataError, match=r"4,000,256 bytes, expected at most 3"), open_npz(file):
        pass


def many_members(path):
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(12_000):
            archive.writestr(f"{number}.npy", b"")


def many_records(path):
    path.write_bytes(b'{"dltutorials history": 1}\n' + b"{}\n" * (16 << 20 >> 2))


@pytest.mark.parametrize(
    ("make", "read"), [(many_members, load_mnist), (many_records, read_history)]
)
def test_what_is_refused_is_refused_soon_and_in_little_memory(tmp_path, make, read):
    path = tmp_path / "file"
    make(path)
    begun = time.process_time()
    tracemalloc.start()
    with pytest.raises(DataError):
        read(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert time.process_time() - begun < 1
    assert peak < path.stat().st_size + (64 << 20)


def test_formats_that_few_people_have_are_no_images(tmp_path):
    path = tmp_path / "sky.png"
    cards = ["SIMPLE  = T", "BITPIX  = 8", "NAXIS   = 2", "NAXIS1  = 9", "NAXIS2  = 9", "END"]
    path.write_bytes("".join(card.ljust(80) for card in cards).encode().ljust(2880) + bytes(2880))
    with pytest.raises(DataError, match="not an image in a supported format"), open_image(path):
        pass
