import mmap

from dltutorials import DataError
from dltutorials.datasets.memory_map import mapped_file
from dltutorials.datasets.sources import FloatRows, require_finite

import numpy
import pytest


class Rows:
    """A source that is no array, as a data set in an HDF5 file is none."""

    def __init__(self, array):
        self.array = array
        self.shape = array.shape

    def __len__(self):
        return len(self.array)

    def __getitem__(self, rows):
        return self.array[rows]


@pytest.fixture
def mapped(tmp_path):
    """Return a memory map of 3,000 rows of 1,024 float32, 4 KiB each, and its file."""
    path = tmp_path / "x.f32"
    values = numpy.arange(3000 * 1024, dtype="float32").reshape(3000, 1024)
    values.tofile(path)
    return numpy.memmap(path, "float32", "r", shape=(3000, 1024)), values, path


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "make",
    [
        lambda x: x,
        lambda x: x.astype("float32"),
        lambda x: x.astype(">f4"),
        lambda x: numpy.asfortranarray(x),
        lambda x: Rows(x),
        lambda x: x.reshape(-1, 2, 3),
        lambda x: numpy.repeat(x, 2, axis=0)[::2],
    ],
)
def test_any_source_reads_as_rows_of_floats(make, dtype):
    x = numpy.random.RandomState(3).rand(10, 6).astype("float32").astype("float64")
    rows = FloatRows(make(x), dtype)
    assert (rows.shape, len(rows), rows.dtype) == ((10, 6), 10, dtype)
    buffer = numpy.empty((5, 6), dtype)
    for got in (rows.read(2, 6), rows.read(2, 6, buffer)):
        assert got.dtype == dtype
        assert got.flags.c_contiguous
        assert numpy.array_equal(got, x[2:6])
    assert numpy.array_equal(rows.whole(), x)


def test_bytes_are_divided_by_256_exactly(floatX):
    pixels = numpy.arange(256, dtype="uint8").reshape(4, 8, 8)
    rows = FloatRows(pixels, floatX)
    expected = numpy.arange(256).reshape(4, 64) / 256
    assert numpy.array_equal(rows.whole(), expected)
    assert numpy.array_equal(rows.read(1, 3), expected[1:3])
    assert numpy.array_equal(rows.take(numpy.array([2, 0])), expected[[2, 0]])
    labels = FloatRows(pixels, floatX, are_labels=True)
    assert numpy.array_equal(labels.whole(), expected * 256)


def test_nothing_is_copied_where_the_source_is_ready(mapped):
    x = numpy.ones((4, 3), "float32")
    assert numpy.shares_memory(FloatRows(x, "float32").read(1, 3), x)
    assert not numpy.shares_memory(FloatRows(x, "float64").read(1, 3), x)
    source, values, _ = mapped
    read = FloatRows(source, "float32").read(5, 9)
    assert numpy.shares_memory(read, source)
    assert numpy.array_equal(read, values[5:9])


def test_a_source_that_changes_its_size_is_refused():
    class Shrinking(Rows):
        def __len__(self):
            return 7

    rows = FloatRows(Shrinking(numpy.zeros((9, 2))), "float32")
    with pytest.raises(DataError, match="had 9 examples and now has 7; leave it as it is"):
        rows.read(0, 3)
    hiding = Rows(numpy.zeros((9, 2)))
    rows = FloatRows(hiding, "float32")
    hiding.__class__ = type("Hiding", (Rows,), {"__getitem__": lambda self, rows: self.array[:1]})
    with pytest.raises(DataError, match="had 9 examples and now has 1"):
        rows.read(0, 3)


def test_a_mapped_file_that_changes_its_size_is_refused(mapped):
    source, values, path = mapped
    rows = FloatRows(source, "float32")
    rows.read(0, 10)
    path.write_bytes(values.tobytes() + b"more")
    with pytest.raises(DataError, match=r"had 12,288,000 bytes and now has 12,288,004"):
        rows.read(0, 10)
    with open(path, "r+b") as file:
        file.truncate(5000)
    with pytest.raises(DataError, match=r"now has 5,000"):
        rows.read(2000, 2010)


def resident_bytes(array):
    """Return how much of a memory map is in this process's memory, from Linux's own account."""
    start = array.__array_interface__["data"][0]
    is_it = False
    with open("/proc/self/smaps") as file:
        for line in file:
            if "-" in line.split()[0]:
                first, last = (int(part, 16) for part in line.split()[0].split("-"))
                is_it = first <= start < last
            elif is_it and line.startswith("Rss:"):
                return int(line.split()[1]) * 1024
    raise AssertionError("the map is not in this process")


def test_pages_that_are_released_are_given_back(mapped):
    source, values, _ = mapped
    rows = FloatRows(source, "float32")
    read = rows.read(0, 3000)
    assert read.sum() > 0
    assert resident_bytes(source) >= read.nbytes - mmap.PAGESIZE
    rows.release(read)
    assert resident_bytes(source) < read.nbytes / 10
    assert numpy.array_equal(read, values)  # they come back when they are looked at
    converted = FloatRows(source, "float64").read(0, 3000)
    assert resident_bytes(source) < read.nbytes / 10
    assert numpy.array_equal(converted, values)


def test_what_is_not_of_the_file_or_could_lose_something_is_not_released(mapped):
    source, values, path = mapped
    file = mapped_file(source)
    for other in (values, values[:, ::2], source[:, ::2]):
        before = other.copy()
        file.release(other)
        assert numpy.array_equal(other, before)
    private = numpy.memmap(path, "float32", "c", shape=source.shape)
    private[...] = 7
    mapped_file(private).release(private)
    assert (private == 7).all()
    assert mapped_file(values) is None
    assert mapped_file([1]) is None


@pytest.mark.parametrize("make", [lambda x: x, lambda x: x[::-1][::-1], Rows])
def test_rows_in_another_order(make, floatX):
    x = numpy.random.RandomState(3).rand(10, 6).astype("float32")
    order = numpy.array([7, 0, 9, 3])
    rows = FloatRows(make(x), floatX)
    assert numpy.array_equal(rows.take(order), x[order])
    buffer = numpy.empty((6, 6), floatX)
    assert numpy.shares_memory(rows.take(order, buffer), buffer)
    assert numpy.array_equal(buffer[:4], x[order])


def test_what_is_no_finite_number_is_refused_with_its_place():
    x = numpy.zeros((3, 4), "float32")
    assert require_finite(x) == (0, 0)
    for wrong in (numpy.nan, numpy.inf, -numpy.inf):
        x[1, 2] = wrong
        with pytest.raises(DataError, match=f"x: got {wrong} in example 11, expected finite"):
            require_finite(x, start=10)


def test_what_becomes_inf_when_it_is_converted_is_refused_as_what_it_was():
    x = numpy.zeros((3, 4))
    x[2, 1] = -1e39
    rows = FloatRows(x, "float32")
    with pytest.raises(
        DataError, match=r"got -1e\+39 in example 2, .* at most 3.4e\+38 as float32"
    ):
        require_finite(rows.whole(), rows)
    require_finite(FloatRows(x, "float64").whole())
