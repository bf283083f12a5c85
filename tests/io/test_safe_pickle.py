import contextlib
import copyreg
import functools
import gzip
import io
import os
import pickle
import pickletools
import re
import struct
import sys
import time
import tracemalloc
import warnings
from pathlib import Path

from dltutorials.datasets import load_mnist
from dltutorials.exceptions import DataError, UnsafePickleError
from dltutorials.io.safe_pickle import load_pickle

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

PICKLES = Path(__file__).parents[1] / "pickles"
FIXTURES = sorted(path.name for path in PICKLES.glob("*.pkl"))
PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
MAX_BYTES = 1 << 31
PLAIN = (numpy.ndarray, tuple, list, int, float, bool, str, bytes, bytearray, type(None))

x = numpy.arange(12, dtype="float32").reshape(3, 4) / numpy.float32(16)
y = numpy.array([7, 0, 9], "int64")
SETS = tuple((x + numpy.float32(n), y + n) for n in range(3))
repeated = numpy.array([1, 2, 3], "int16")
FORMS = (
    numpy.asfortranarray(numpy.arange(6.0).reshape(2, 3)),
    numpy.arange(3, dtype=">i4"),
    (repeated, repeated),
    numpy.array([True, False]),
    numpy.zeros((0, 3), "float32"),
    numpy.array(2.5),
    numpy.arange(8, dtype="uint8").reshape(2, 2, 2).transpose(0, 2, 1),
)
WIDTHS = ["?", "b", "h", "i", "l", "q", "B", "H", "I", "L", "Q", "e", "f", "d", "g"]


def load(data, max_bytes=MAX_BYTES):
    return load_pickle(io.BytesIO(data), max_bytes)


# A pickle is written here as the bytes of its instructions, one after the other.


def text(value):
    data = value.encode("utf-8", "surrogatepass")
    return b"X" + struct.pack("<I", len(data)) + data


def integer(value):
    return b"J" + struct.pack("<i", value)


def buffer(data):
    return b"\x96" + struct.pack("<Q", len(data)) + data


def frame(data):
    return b"\x95" + struct.pack("<Q", len(data)) + data


def tuple_of(*items):
    return b"(" + b"".join(items) + b"t"


def named(module, name):
    return f"c{module}\n{name}\n".encode()


def call(function, *arguments):
    return function + tuple_of(*arguments) + b"R"


FROMBUFFER = named("numpy.core.numeric", "_frombuffer")
ENCODE = named("_codecs", "encode")
DTYPE = named("numpy", "dtype")
NDARRAY = named("numpy", "ndarray")
RECONSTRUCT = named("numpy.core.multiarray", "_reconstruct")
U1 = call(DTYPE, text("u1"), b"\x89", b"\x88")
ANNOUNCED = call(RECONSTRUCT, NDARRAY, tuple_of(integer(0)), b"C\x01b")
EMPTY = buffer(b"")


def array_of(data, shape, dtype=U1, order=None):
    return call(FROMBUFFER, data, dtype, shape, order or text("C"))


ARRAY = array_of(buffer(b"\1\2"), tuple_of(integer(2)))
NOTHING = array_of(EMPTY, tuple_of(integer(0)))


def assert_same(got, expected):
    assert type(got) is type(expected)
    if isinstance(expected, tuple):
        assert len(got) == len(expected)
        for one, other in zip(got, expected):
            assert_same(one, other)
    else:
        assert got.shape == expected.shape
        assert got.dtype == expected.dtype
        assert got.flags.writeable
        numpy.testing.assert_array_equal(got, expected)
        got[...] = got


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_three_sets_come_back_as_they_were(protocol):
    assert_same(load(pickle.dumps(SETS, protocol)), SETS)


@pytest.mark.parametrize("name", FIXTURES)
def test_pickles_of_python_2_and_numpy_2_come_back_as_they_were(name):
    assert_same(load((PICKLES / name).read_bytes()), (SETS, FORMS))


def test_the_fixtures_are_all_there_and_small():
    expected = [f"numpy2-p{n}.pkl" for n in (2, 4, 5)] + [f"python2-p{n}.pkl" for n in (0, 1, 2)]
    assert expected == FIXTURES
    assert all((PICKLES / name).stat().st_size < 2048 for name in FIXTURES)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("form", range(len(FORMS)))
def test_less_common_forms_come_back_as_they_were(form, protocol):
    assert_same(load(pickle.dumps(FORMS[form], protocol)), FORMS[form])


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("order", "<>")
def test_numbers_of_all_widths_come_back_as_they_were(order, protocol):
    dtypes = [numpy.dtype(code).newbyteorder(order) for code in WIDTHS]
    arrays = tuple(numpy.array([0, 1, 100]).astype(dtype) for dtype in dtypes)
    assert_same(load(pickle.dumps(arrays, protocol)), arrays)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_array_named_twice_is_one_array(protocol):
    first, second = load(pickle.dumps((repeated, repeated), protocol))
    assert first is second


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_plain_values_come_back_as_they_were(protocol):
    value = ([1, -(2**40), 2**64, 0.5, True, False, None], "text ü", b"bytes\0", b"", (), [])
    assert load(pickle.dumps(value, protocol)) == value


@pytest.mark.parametrize("order", [b"K\x01", b"K\x00", b"\x88", b"\x89"])
def test_the_order_may_be_an_integer_as_for_numpy(order):
    content = pickle.dumps(numpy.arange(6, dtype="i1").reshape(2, 3), 2)
    end = content.rindex(b"\x89")  # False: not in Fortran's order
    content = content[:end] + order + content[end + 1 :]
    assert load(content).tolist() == pickle.loads(content).tolist()


def test_a_fortran_array_keeps_its_order():
    assert load(pickle.dumps(FORMS[0], 2)).flags.f_contiguous
    assert load(pickle.dumps(FORMS[0], 4)).flags.f_contiguous


def test_what_follows_the_pickle_is_left_in_the_file():
    file = io.BytesIO(pickle.dumps(x, 2) + pickle.dumps(y, 4) + b"rest")
    assert_same(load_pickle(file, MAX_BYTES), x)
    assert_same(load_pickle(file, MAX_BYTES), y)
    assert file.read() == b"rest"


# Hostile pickles. Each wants to make the folder `path`; HARMFUL ones do so when
# Python's own reader meets them, so that the absence of the folder means something.


def command(path):
    return text(f'mkdir "{path}"')


def code(path):
    return text(f"__import__('os').mkdir({str(path)!r})")


SYSTEM = named("os", "system")
EVAL = named("builtins", "eval")


def partial_object(path):
    return pickle.dumps(functools.partial(os.mkdir, str(path)), 4)[:-1] + b")R"


def getattr_chain(path):
    module = call(named("importlib", "import_module"), text("os"))
    return call(call(named("builtins", "getattr"), module, text("mkdir")), text(str(path)))


class Mkdir:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


HARMFUL = {
    "os.system": ("os.system", lambda p: call(SYSTEM, command(p))),
    "os.system by INST": ("INST", lambda p: b"(" + command(p) + b"ios\nsystem\n"),
    "os.system by OBJ": ("os.system", lambda p: b"(" + SYSTEM + command(p) + b"o"),
    "os.system from the memo": (
        "os.system",
        lambda p: SYSTEM + b"q\0" + b"0h\0" + tuple_of(command(p)) + b"R",
    ),
    "os.system by STACK_GLOBAL": (
        "os.system",
        lambda p: call(text("os") + text("system") + b"\x93", command(p)),
    ),
    "os.mkdir by __reduce__": (
        r"(posix|nt)\.mkdir",
        lambda p: pickle.dumps([Mkdir(p)], 4)[:-1],
    ),
    "os.mkdir in an object array": (
        "O8|O4",
        lambda p: pickle.dumps(numpy.array([Mkdir(p)], object), 2)[:-1],
    ),
    "builtins.eval": ("builtins.eval", lambda p: call(EVAL, code(p))),
    "eval of Python 2": (
        "__builtin__.eval",
        lambda p: b"\x80\x02" + call(named("__builtin__", "eval"), code(p)),
    ),
    "builtins.exec": ("builtins.exec", lambda p: call(named("builtins", "exec"), code(p))),
    "builtins.map": (
        "builtins.list",
        lambda p: call(
            named("builtins", "list"),
            call(named("builtins", "map"), EVAL, b"]" + code(p) + b"a"),
        ),
    ),
    "getattr chain": ("importlib.import_module|builtins.getattr", getattr_chain),
    "functools.partial": ("functools.partial", partial_object),
    "numpy runstring": (
        "numpy.testing._private.utils.runstring",
        lambda p: call(named("numpy.testing._private.utils", "runstring"), code(p), b"}"),
    ),
    "os.system by BUILD": (
        r"types\.SimpleNamespace",
        lambda p: (
            call(named("types", "SimpleNamespace"))
            + (b"}" + text("__setstate__") + SYSTEM + b"sb" + command(p) + b"b")
        ),
    ),
    "dict with an evil key": (
        "EMPTY_DICT",
        lambda p: b"}" + call(SYSTEM, command(p)) + b"Ns",
    ),
    "nested in a tuple of arrays": (
        "os.system",
        lambda p: tuple_of(ARRAY, call(SYSTEM, command(p)), ARRAY),
    ),
    "after a POP": ("os.system", lambda p: call(SYSTEM, command(p)) + b"0N"),
    "as a dtype": (
        "os.system",
        lambda p: array_of(EMPTY, tuple_of(integer(0)), call(SYSTEM, command(p))),
    ),
}


@pytest.fixture
def canary(tmp_path):
    return tmp_path / "canary"


@pytest.mark.parametrize("technique", HARMFUL)
def test_pythons_own_reader_would_run_it(technique, canary):
    _, write = HARMFUL[technique]
    with contextlib.suppress(TypeError, AttributeError):  # after the harm is done
        pickle.loads(write(canary) + b".")
    assert canary.is_dir()


@pytest.mark.parametrize("technique", HARMFUL)
def test_a_harmful_pickle_is_refused_by_name_and_not_run(technique, canary):
    offender, write = HARMFUL[technique]
    with pytest.raises(UnsafePickleError, match=offender):
        load(write(canary) + b".")
    assert not canary.exists()


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_function_is_refused_in_every_protocol(protocol, canary):
    with pytest.raises(UnsafePickleError, match=r"(posix|nt)\.mkdir"):
        load(pickle.dumps((SETS, Mkdir(canary)), protocol))
    assert not canary.exists()


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("numpy.f2py.diagnose", "run_command"),
        ("numpy.f2py.crackfortran", "getlincoef"),
        ("numpy.f2py.crackfortran", "myeval"),
        ("numpy.core.multiarray", "scalar"),
        ("numpy._core.multiarray", "scalar"),
        ("numpy.core.multiarray", "_reconstruct.__globals__"),
        ("numpy.core", "multiarray._reconstruct"),
        ("numpy", "load"),
        ("numpy", "ndarray.__class__"),
        ("numpy", "dtype.__new__"),
        ("numpy", "Ndarray"),
        ("numpy.ndarray", ""),
        ("", "numpy.ndarray"),
        ("builtins", "getattr"),
        ("builtins", "__import__"),
        ("builtins", "bytearray"),
        ("__builtin__", "getattr"),
        ("codecs", "encode"),
        ("codecs", "decode"),
        ("_codecs", "decode"),
        ("copyreg", "_reconstructor"),
        ("copy_reg", "_reconstructor"),
        ("functools", "partial"),
        ("operator", "attrgetter"),
        ("collections", "OrderedDict"),
        ("dltutorials.io.safe_pickle", "load_pickle"),
        ("__main__", "Anything"),
    ],
)
def test_any_other_name_is_refused(module, name):
    for ask in (named(module, name), text(module) + text(name) + b"\x93"):
        with pytest.raises(UnsafePickleError, match=re.escape(f"{module}.{name}")):
            load(b"\x80\x04" + call(ask, text("1")) + b".")


def test_a_named_module_is_not_imported(tmp_path, monkeypatch, canary):
    (tmp_path / "dlt_canary.py").write_text(f"__import__('os').mkdir({str(canary)!r})\nf = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(UnsafePickleError, match=r"dlt_canary\.f"):
        load(named("dlt_canary", "f") + b".")
    assert not canary.exists()
    assert "dlt_canary" not in sys.modules

    pickle.loads(named("dlt_canary", "f") + b".")
    assert canary.is_dir()
    del sys.modules["dlt_canary"]


@pytest.fixture(params=[0xEE, 0xEEEE, 0xEEEEEE])
def extension(request):
    copyreg.add_extension("os", "mkdir", request.param)
    yield request.param
    copyreg.remove_extension("os", "mkdir", request.param)


def test_the_extension_registry_is_not_used(extension, canary):
    size = {0xEE: 1, 0xEEEE: 2, 0xEEEEEE: 4}[extension]
    ask = {1: b"\x82", 2: b"\x83", 4: b"\x84"}[size] + extension.to_bytes(size, "little")
    with pytest.raises(UnsafePickleError, match=f"EXT{size}"):
        load(call(ask, text(str(canary))) + b".")
    assert not canary.exists()

    pickle.loads(call(ask, text(str(canary))) + b".")
    assert canary.is_dir()


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_objects_kept_elsewhere_are_refused(protocol):
    class Pickler(pickle.Pickler):
        def persistent_id(self, _value):
            return "canary"

    file = io.BytesIO()
    Pickler(file, protocol).dump(x)
    with pytest.raises(UnsafePickleError, match="BINPERSID" if protocol else "PERSID"):
        load(file.getvalue())


def test_buffers_kept_elsewhere_are_refused():
    with pytest.raises(UnsafePickleError, match="NEXT_BUFFER"):
        load(pickle.dumps(x, 5, buffer_callback=lambda _: None))
    with pytest.raises(UnsafePickleError, match="READONLY_BUFFER"):
        load(b"C\1a\x98.")


NEEDLESS = [
    *("INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "PERSID", "BINPERSID"),
    *("EXT1", "EXT2", "EXT4", "NEXT_BUFFER", "READONLY_BUFFER", "EMPTY_DICT"),
    *("DICT", "SETITEM", "SETITEMS", "EMPTY_SET", "ADDITEMS", "FROZENSET"),
]


@pytest.mark.parametrize("name", NEEDLESS)
def test_an_instruction_that_arrays_do_not_need_is_refused(name):
    (byte,) = (each.code.encode("latin1") for each in pickletools.opcodes if each.name == name)
    with pytest.raises(UnsafePickleError, match=f"uses {name},"):
        load(b"(" + DTYPE + tuple_of(text("f4")) + byte + b"numpy\ndtype\n.")


def test_a_byte_that_is_no_instruction_is_damage():
    known = {ord(each.code) for each in pickletools.opcodes}
    for byte in set(range(256)) - known:
        with pytest.raises(DataError, match=f"byte {byte:#04x} is not a pickle opcode"):
            load(bytes([byte]))


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("value", [{"a": 1}, {1}, frozenset([1]), 1j, range(3), Ellipsis, int])
def test_other_types_are_refused(value, protocol):
    with pytest.raises(UnsafePickleError, match="which plain arrays do not need"):
        load(pickle.dumps(value, protocol))


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    ("array", "offender"),
    [
        (numpy.array([None, "x"], object), "O8|O4"),
        (numpy.zeros(2, "i4,f4"), "V8"),
        (numpy.zeros(2, [("a", "f4"), ("b", "O")]), "V12|V8"),
        (numpy.zeros(2, "V3"), "V3"),
        (numpy.zeros(2, "U3"), "U3"),
        (numpy.zeros(2, "S3"), "S3"),
        (numpy.zeros(2, "M8[s]"), "M8"),
        (numpy.zeros(2, "m8[s]"), "m8"),
        (numpy.zeros(2, "c8"), "c8"),
        (numpy.zeros((1, 1)).view(numpy.matrix), "numpy.*matrix"),
        (numpy.ma.array([1]), "numpy.ma"),
        (numpy.float32(1), r"multiarray\.scalar"),
    ],
    ids=lambda value: str(getattr(value, "dtype", value)),
)
def test_arrays_of_anything_but_plain_numbers_are_refused(array, offender, protocol):
    with pytest.raises(UnsafePickleError, match=offender):
        load(pickle.dumps(array, protocol))


@pytest.mark.parametrize(
    "name",
    ["O", "O8", "f4,O", "(2,)f4", "i4,(1000000,1000000)f8", "m8[s]", "f4\n", "f٤", "f", "", ">f4"],
)
def test_an_element_type_that_is_no_number_is_refused(name):
    for written in (text(name), b"T" + struct.pack("<i", len(name.encode())) + name.encode()):
        with pytest.raises(DataError, match=r"only arrays of numbers are read|can't decode"):
            load(call(DTYPE, written, b"\x89", b"\x88") + b".")


@pytest.mark.parametrize("name", ["f3", "i16", "b8", "u0", "f99"])
def test_an_element_type_of_no_known_width_is_damage(name):
    with pytest.raises(DataError, match=name):
        load(call(DTYPE, text(name), b"\x89", b"\x88") + b".")


@pytest.mark.parametrize(
    "state",
    [
        tuple_of(integer(3), text("<"), b"N", tuple_of(text("a")), b"N"),
        tuple_of(integer(3), text("<"), tuple_of(U1, tuple_of(integer(2))), b"N", b"N"),
        tuple_of(integer(3), text("<"), b"N", b"N", tuple_of(text("a"))),
    ],
    ids=["names", "subarray", "fields"],
)
def test_a_state_that_makes_a_plain_type_structured_is_refused(state):
    with pytest.raises(UnsafePickleError, match="structured"):
        load(U1 + state + b"b.")


@pytest.mark.parametrize(
    ("function", "offender"),
    [
        (text("os.system"), r"os\.system"),
        (text("numpy.dtype"), r"numpy\.dtype"),
        (text("numpy.ndarray"), r"numpy\.ndarray"),
        (NDARRAY, r"numpy\.ndarray"),
        (tuple_of(DTYPE), "tuple|DType"),
        (ARRAY, "array"),
        (U1, "DType"),
        (ANNOUNCED, "Announced"),
        (b"N", "None"),
    ],
    ids=["text 1", "text 2", "text 3", "ndarray", "tuple", "array", "dtype", "unfilled", "None"],
)
def test_only_a_known_function_is_called(function, offender):
    arguments = tuple_of(tuple_of(b"L1000000000000L\n"), text("f8"))
    with pytest.raises(UnsafePickleError, match=f"calls .*({offender})"):
        load(function + arguments + b"R.")


def test_an_array_is_not_announced_by_a_text_in_place_of_its_type():
    for array_type in (text("numpy.ndarray"), DTYPE, b"N"):
        with pytest.raises(UnsafePickleError, match="announces an array in an unknown way"):
            load(call(RECONSTRUCT, array_type, tuple_of(integer(0)), b"C\x01b") + b".")


def test_a_name_cannot_be_made_of_the_stand_in_for_a_type():
    with pytest.raises(UnsafePickleError, match=r"names numpy\.ndarray of 'numpy'"):
        load(text("numpy") + NDARRAY + b"\x93.")


@pytest.mark.parametrize(
    "target",
    [ENCODE, FROMBUFFER, DTYPE, NDARRAY, text("a"), b"N", b"]", tuple_of(b"N"), ARRAY, EMPTY],
)
def test_only_an_unfinished_array_takes_a_state(target):
    state = tuple_of(b"N", text("__class__"))
    with pytest.raises(UnsafePickleError, match="sets the state of"):
        load(target + state + b"b.")


@pytest.mark.parametrize("codec", ["rot13", "zlib", "utf-8", "idna", "unicode_escape", ""])
def test_no_other_codec_is_used(codec):
    with pytest.raises(UnsafePickleError, match=f"encodes a text as '{codec}', expected latin1"):
        load(call(ENCODE, text("payload"), text(codec)) + b".")


@pytest.mark.parametrize("get", [b"h\5", b"j\5\0\0\0", b"g5\n", b"g-1\n", b"gx\n"])
def test_an_empty_memo_entry_is_damage(get):
    with pytest.raises(DataError):
        load(b"Nq\0" + get + b".")


@pytest.mark.parametrize("names", [b"\x8c\1aN", b"NN", text("os") + b"C\1a", b"]]", ENCODE + b"N"])
def test_a_name_that_is_no_text_is_damage(names):
    with pytest.raises(DataError):
        load(b"\x80\x04" + names + b"\x93.")


@pytest.mark.parametrize(
    "value",
    [NDARRAY, DTYPE, ENCODE, FROMBUFFER, RECONSTRUCT, U1, ANNOUNCED],
    ids=["ndarray", "dtype", "encode", "frombuffer", "reconstruct", "element type", "announced"],
)
def test_the_parts_of_an_array_do_not_come_back_by_themselves(value):
    for data in (value, tuple_of(b"N", b"]" + value + b"a")):
        with pytest.raises(UnsafePickleError):
            load(data + b".")


def test_an_array_copied_before_it_was_filled_does_not_come_back():
    state = tuple_of(integer(1), tuple_of(integer(0)), U1, b"\x89", b"C\0")
    with pytest.raises(UnsafePickleError):
        load(ANNOUNCED + b"2" + state + b"b\x86.")


@pytest.mark.parametrize("grow", [b"K\1a", b"(K\1e"], ids=["APPEND", "APPENDS"])
def test_the_bytes_of_an_array_cannot_grow(grow):
    array = array_of(buffer(b"\1\2") + b"q\0", tuple_of(integer(2)))
    with pytest.raises(DataError):
        load(array + b"h\0" + grow + b".")


@pytest.mark.parametrize(
    "data",
    [
        array_of(EMPTY, tuple_of(integer(0)), order=ARRAY),
        call(ENCODE, text("a"), ARRAY),
        call(RECONSTRUCT, NDARRAY, ARRAY, b"C\x01b"),
        U1 + tuple_of(integer(3), ARRAY, b"N", b"N", b"N") + b"b",
        U1 + tuple_of(integer(3), text("<"), ARRAY, b"N", b"N") + b"b",
        U1 + tuple_of(integer(3), text("<"), NOTHING, b"N", b"N") + b"b",
        call(RECONSTRUCT, NDARRAY, tuple_of(integer(0)), ARRAY),
    ],
    ids=["order", "codec", "shape", "byte order", "subarray", "empty subarray", "typecode"],
)
def test_an_array_in_place_of_a_text_is_refused_without_a_warning(data):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(DataError):
            load(data + b".")


@pytest.mark.parametrize("escape", [b"\\z", b"\\777", b"\\x1", b"\\"])
def test_an_unknown_escape_raises_no_warning(escape):
    with warnings.catch_warnings(), contextlib.suppress(DataError):
        warnings.simplefilter("error")
        load(b"S'" + escape + b"'\n.")


@pytest.mark.parametrize("part", ["a\nb", "a\rb", "\x1b[31m", "\ud800", "\u202e", "a" * 10**6])
def test_the_message_is_one_short_printable_line(part):
    hostile = [
        text(part) + text(part) + b"\x93",
        call(DTYPE, text(part)),
        call(text(part)),
        call(ENCODE, text(""), text(part)),
        text(part) + b"Nb",
        U1 + tuple_of(integer(3), text(part), b"N", b"N", b"N") + b"b",
        array_of(EMPTY, text(part)),
        b"F" + part.encode("utf-8", "surrogatepass") + b"\n",
    ]
    for data in hostile:
        with pytest.raises(DataError) as caught:
            load(data + b".")
        message = str(caught.value)
        assert message.isprintable()
        assert len(message) < 400


# Bounds. Each costs next to nothing when it is refused in time, and hours or all
# memory otherwise.


def assert_refused_cheaply(data, match="", max_bytes=MAX_BYTES, read=load):
    tracemalloc.start()
    begin = time.perf_counter()
    try:
        with pytest.raises(DataError) as caught:
            read(data, max_bytes)
        seconds = time.perf_counter() - begin
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert seconds < 2
    assert peak < 64 << 20
    assert len(str(caught.value)) < 1000
    assert re.search(match, str(caught.value))


TERABYTE = struct.pack("<Q", 1 << 40)
ENDLESS = struct.pack("<Q", (1 << 64) - 1)


@pytest.mark.parametrize("size", [TERABYTE, ENDLESS, struct.pack("<Q", MAX_BYTES - 9)])
@pytest.mark.parametrize("instruction", [b"\x8e", b"\x96", b"\x95", b"\x8d"])
def test_a_length_that_the_file_does_not_have_takes_no_memory(instruction, size):
    assert_refused_cheaply(instruction + size + b"few.")


@pytest.mark.parametrize("instruction", [b"B", b"X", b"T"])
def test_a_short_length_that_the_file_does_not_have_takes_no_memory(instruction):
    assert_refused_cheaply(instruction + struct.pack("<I", (1 << 31) - 20) + b"few.")
    assert_refused_cheaply(instruction + struct.pack("<I", (1 << 32) - 1) + b"few.")


def test_a_frame_larger_than_the_file_is_refused():
    for size in (TERABYTE, ENDLESS):
        assert_refused_cheaply(b"\x95" + size + b"N.")


@pytest.mark.parametrize("put", [b"r\xff\xff\xff\xff", b"p4294967295\n", b"p-1\n"])
def test_a_large_memo_number_takes_no_memory(put):
    assert_refused_cheaply(b"N" + put + b"h\0.")


@pytest.mark.parametrize("sign", [1, -1])
def test_memo_numbers_with_the_same_hash_take_no_time(sign):
    state = tuple_of(integer(1), tuple_of(integer(0)), U1, b"\x89", EMPTY)
    start = state + b"q\0" + b"0" + ANNOUNCED + b"2" * 60 + b"N"
    puts = b"".join(b"p%d\n" % (sign * n * sys.hash_info.modulus) for n in range(1, 5001))
    assert_refused_cheaply(start + puts + b"0" + b"h\0b0" * 60 + b".")


def test_an_announced_shape_takes_no_memory():
    shape = tuple_of(b"L1000000000000L\n")
    state = tuple_of(integer(1), shape, U1, b"\x89", b"C\0")
    assert_refused_cheaply(ANNOUNCED + state + b"b.", "1000000000000")
    assert_refused_cheaply(array_of(EMPTY, shape) + b".", "1000000000000")
    assert_refused_cheaply(call(RECONSTRUCT, NDARRAY, shape, b"C\x01b") + b".", "announces")
    assert_refused_cheaply(call(NDARRAY, shape) + b".", "numpy.ndarray")


@pytest.mark.parametrize(
    "shape",
    [
        tuple_of(integer(-2)),
        tuple_of(integer(-1), integer(-2)),
        tuple_of(b"\x88", integer(2)),
        tuple_of(b"G" + struct.pack(">d", 2.0)),
        tuple_of(*[integer(1)] * 99, integer(2)),
        tuple_of(integer(3)),
        integer(2),
        b"N",
    ],
)
def test_a_shape_that_does_not_fit_the_bytes_is_damage(shape):
    assert_refused_cheaply(array_of(buffer(b"\1\2"), shape) + b".")


BOMB = b"N" + b"2\x86" * 60


BOMBS = {
    "dtype name": call(DTYPE, BOMB),
    "dtype arguments": DTYPE + BOMB + b"R",
    "dtype state": U1 + BOMB + b"b",
    "byte order": U1 + tuple_of(integer(3), BOMB, b"N", b"N", b"N") + b"b",
    "function": call(BOMB),
    "bytes": call(FROMBUFFER, BOMB, U1, tuple_of(integer(0)), text("C")),
    "dtype": array_of(EMPTY, tuple_of(integer(0)), BOMB),
    "shape": array_of(EMPTY, BOMB),
    "length": array_of(EMPTY, tuple_of(BOMB)),
    "order": array_of(EMPTY, tuple_of(integer(0)), order=BOMB),
    "encoded text": call(ENCODE, BOMB, text("latin1")),
    "codec": call(ENCODE, text("a"), BOMB),
    "announced type": call(RECONSTRUCT, BOMB, tuple_of(integer(0)), b"C\x01b"),
    "announced shape": call(RECONSTRUCT, NDARRAY, BOMB, b"C\x01b"),
    "announced typecode": call(RECONSTRUCT, NDARRAY, tuple_of(integer(0)), BOMB),
    "array state": ANNOUNCED + BOMB + b"b",
    "parts of array state": ANNOUNCED + tuple_of(BOMB, BOMB, BOMB, BOMB, BOMB) + b"b",
    "target of a state": BOMB + b"Nb",
    "name": BOMB + BOMB + b"\x93",
}


@pytest.mark.parametrize("place", BOMBS)
def test_a_bomb_of_tuples_is_refused_wherever_it_stands(place):
    assert_refused_cheaply(BOMBS[place] + b".")


@pytest.mark.parametrize("data", [BOMB, tuple_of(BOMB * 3)], ids=["pair", "three"])
def test_a_bomb_of_tuples_is_no_data_set(data, tmp_path):
    def read(data, _max_bytes):
        path = tmp_path / "bomb.pkl.gz"
        path.write_bytes(gzip.compress(data))
        return load_mnist(path)

    assert_refused_cheaply(data + b".", read=read)


def test_a_list_that_holds_itself_is_no_data_set(tmp_path):
    path = tmp_path / "list.pkl.gz"
    path.write_bytes(gzip.compress(b"]2a."))
    with pytest.raises(DataError, match=r"got a list of 1, expected a tuple of three sets"):
        load_mnist(path)


def test_instructions_are_counted():
    assert_refused_cheaply(b"N0" * 5001 + b"N.", "more than 10,000 instructions")
    assert_refused_cheaply(b"N" * 10_001, "more than 10,000 instructions")
    assert load(b"N0" * 4999 + b"N.") is None


@pytest.mark.parametrize("data", [b"N(0K\1t.", b"NN(00t.", b"NN(\x86t."])
def test_what_lies_below_a_mark_cannot_be_taken(data):
    with pytest.raises(DataError):
        load(data)


def test_a_protocol_that_does_not_exist_is_refused():
    for protocol in (6, 7, 255):
        with pytest.raises(DataError):
            load(bytes([0x80, protocol]) + b"N.")


@pytest.mark.parametrize("n", [1, 900, 9_990, 20_000])
def test_nested_marks_are_damage(n):
    assert_refused_cheaply(b"(" * n + b".")
    assert_refused_cheaply(b"(" * n)
    assert_refused_cheaply(b"t" * n)


@pytest.fixture
def no_limit_of_digits():
    """Let int() take any number of digits, as in the first releases of Python 3.8."""
    if not hasattr(sys, "set_int_max_str_digits"):
        yield
        return
    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    yield
    sys.set_int_max_str_digits(before)


@pytest.mark.parametrize("instruction", [b"I", b"L", b"Np", b"g", b"F"])
@pytest.mark.parametrize("no_limit", [False, True])
def test_a_long_number_is_refused(instruction, no_limit, request):
    if no_limit:
        request.getfixturevalue("no_limit_of_digits")
    assert_refused_cheaply(instruction + b"1" * 1_000_000 + b"\n")


class EndlessFile:
    def __init__(self, start, byte):
        self.start, self.byte, self.given = start, byte, 0

    def read(self, n):
        data = (self.start + self.byte * n)[:n]
        self.start = self.start[n:]
        self.given += len(data)
        return data

    def readline(self, n):
        return self.read(n)


@pytest.mark.parametrize("start", [b"", b"I", b"V", b"S'", b"c", b"\x8e" + TERABYTE, b"X\0\0\0\1"])
def test_a_file_without_end_is_given_up_at_max_bytes(start):
    file = EndlessFile(start, b"(")
    assert_refused_cheaply(
        file, "asks for more than|instructions|a line of more than", 10**6, read=load_pickle
    )
    assert file.given <= 10**6 + 1


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_max_bytes_is_the_size_of_the_largest_pickle_that_is_read(protocol):
    data = pickle.dumps(SETS, protocol)
    assert_same(load(data, len(data)), SETS)
    for max_bytes in (0, 1, len(data) // 2, len(data) - 1):
        assert_refused_cheaply(data, f"asks for more than {max_bytes:,} bytes", max_bytes)


def test_arrays_made_again_and_again_of_the_same_bytes_are_refused():
    arguments = tuple_of(
        b"B" + struct.pack("<I", 100_000) + b"\0" * 100_000,
        U1,
        tuple_of(integer(100_000)),
        text("C"),
    )
    again = FROMBUFFER + b"q\0" + arguments + b"q\1" + b"]" + b"h\0h\1Ra" * 2400
    assert_refused_cheaply(b"\x80\x04" + frame(again + b"."))


def test_bytes_encoded_again_and_again_of_the_same_text_are_refused():
    again = ENCODE + b"q\0" + tuple_of(text("a" * 100_000), text("latin1")) + b"q\1"
    assert_refused_cheaply(again + b"]" + b"h\0h\1Ra" * 2400 + b".")


def test_a_shape_of_huge_numbers_is_refused():
    number = b"I0x" + b"f" * 20_000 + b"\nq\0"
    for zero in (b"", integer(0)):
        shape = tuple_of(number, b"h\0" * 150, zero)
        assert_refused_cheaply(array_of(EMPTY, shape) + b".")


def test_a_shape_of_many_numbers_is_refused():
    for shape in (buffer(b"\xff" * 300_000), tuple_of(b"\x8a\xff" + b"\x7f" * 255, b"2" * 9_000)):
        assert_refused_cheaply(array_of(EMPTY, shape) + b".")


def test_arguments_that_are_an_array_are_refused():
    array = array_of(buffer(b"\1\2" * 2_000_000), tuple_of(integer(2_000_000)), U1[:-1] + b"R")
    with pytest.raises(DataError):
        load(array + b".")
    array = array_of(buffer(b"\1" * 4_000_000), tuple_of(integer(4_000_000)))
    assert_refused_cheaply(DTYPE + array + b"R.")


def test_the_message_about_an_array_of_many_dimensions_takes_no_time():
    array = array_of(buffer(b"\1" * 2**20), tuple_of(integer(2) * 20))
    assert_refused_cheaply(array + b"Nb.", "sets the state of")
    assert_refused_cheaply(array + b")R.", "calls")


def test_the_message_about_a_tuple_of_large_values_takes_no_time():
    nested = buffer(b"\xff" * 100_000) + b"q\0"
    for depth in range(6):
        nested += b"(" + b"h%c" % depth * 6 + b"tq%c" % (depth + 1)
    assert_refused_cheaply(nested + b"Nb.", "sets the state of")


# Damage.

DAMAGED = [pickle.dumps((SETS[0], FORMS, "text", [1, 0.5, None]), n) for n in PROTOCOLS]


@pytest.mark.slow
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_beginning_of_a_pickle_is_damage(protocol):
    data = pickle.dumps((SETS[:1], FORMS[:4], "text", [1, 0.5, None]), protocol)
    load(data)
    for end in range(len(data)):
        with pytest.raises(DataError):
            load(data[:end])


@pytest.mark.slow
@pytest.mark.parametrize("name", FIXTURES)
def test_every_beginning_of_a_fixture_is_damage(name):
    data = (PICKLES / name).read_bytes()
    for end in range(len(data)):
        with pytest.raises(DataError):
            load(data[:end])


def is_plain(value):
    seen, waiting = set(), [value]
    while waiting:
        value = waiting.pop()
        if type(value) not in PLAIN or getattr(value, "dtype", y.dtype).kind not in "biuf":
            return False
        if type(value) in (tuple, list) and id(value) not in seen:
            seen.add(id(value))
            waiting.extend(value)
    return True


changes = st.lists(
    st.tuples(st.integers(0, 10**6), st.integers(0, 2), st.binary(min_size=1, max_size=3)),
    min_size=1,
    max_size=4,
)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(changes=changes)
def test_a_damaged_pickle_gives_plain_values_or_a_data_error(protocol, changes):
    data = bytearray(DAMAGED[protocol])
    for place, removed, added in changes:
        start = place % len(data)
        data[start : start + removed] = added
    try:
        value = load(bytes(data), 10**6)
    except DataError:
        return
    assert is_plain(value)


INSTRUCTIONS = [
    *(bytes([each]) for each in b"(.012NtRb)]leqa\x85\x86\x87\x88\x89\x93\x94"),
    *(b"h%c" % n for n in range(4)),
    *(b"q%c" % n for n in range(4)),
    *(b"K%c" % n for n in range(3)),
    *(DTYPE, NDARRAY, ENCODE, FROMBUFFER, RECONSTRUCT, U1, ANNOUNCED, ARRAY, EMPTY),
    *(text("C"), text("f4"), text("latin1"), text("<"), b"C\1b", buffer(b"\1\2\3\4")),
    *(b"V\\u00e9\n", b"I01\n", b"G" + b"\0" * 8, b"\x8a\1\1", tuple_of(integer(2))),
]


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(program=st.lists(st.sampled_from(INSTRUCTIONS), max_size=30))
def test_a_random_program_gives_plain_values_or_a_data_error(program):
    try:
        value = load(b"".join(program) + b".", 10**6)
    except DataError:
        return
    assert is_plain(value)
