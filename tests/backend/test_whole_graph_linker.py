import os

from dltutorials.backend.whole_graph_linker import default_mode, is_whole_graph

import numpy
import pytest
import theano
import theano.tensor as T
from helpers import run_python
from theano.tensor.shared_randomstreams import RandomStreams


def compile_both(inputs, outputs, make_updates=lambda: None):
    """Compile with one module and with Theano's virtual machine, each on its own updates."""
    return [
        theano.function(inputs, outputs, updates=make_updates(), mode=mode)
        for mode in (default_mode(), None)
    ]


def test_a_function_is_one_module_and_computes_the_same_bytes(floatX):
    x = T.matrix("x")
    gradient = T.grad(T.sum(T.nnet.softmax(T.tanh(x)) ** 2), x)
    one, machine = compile_both([x], [gradient, x.T, x[1], T.argmax(x, axis=1)])
    assert is_whole_graph(one)
    assert not is_whole_graph(machine)
    values = numpy.random.RandomState(3).randn(50, 7).astype(floatX)
    for _ in range(3):
        for a, b in zip(one(values), machine(values)):
            assert (a.dtype, a.tobytes()) == (b.dtype, b.tobytes())


def test_updates_happen_together_after_the_outputs():
    step = T.dscalar("step")
    results = []
    for mode in (default_mode(), None):
        a, b, c = (theano.shared(numpy.array([value, value])) for value in (1.0, 2.0, 5.0))
        updates = [(a, b), (b, a + step), (c, c[::-1] * [1.0, 3.0])]
        function = theano.function([step], [a.sum(), b], updates=updates, mode=mode)
        outputs = [numpy.copy(value).tolist() for _ in range(3) for value in function(0.5)]
        results.append([outputs, *(shared.get_value().tolist() for shared in (a, b, c))])
    assert results[0] == results[1]
    assert results[0][1:] == [[2.5, 2.5], [2.0, 2.0], [15.0, 45.0]]


def test_what_a_function_returned_stays_when_it_is_called_again():
    x = T.dscalar("x")
    b = theano.shared(numpy.arange(3.0))
    function, _ = compile_both([x], [x + b, x, b])
    assert is_whole_graph(function)
    first = function(1.0)
    function(2.0)
    assert [value.tolist() for value in first] == [[1.0, 2.0, 3.0], 1.0, [0.0, 1.0, 2.0]]


def test_an_operation_without_c_code_is_left_to_the_virtual_machine():
    draw, _ = compile_both([], RandomStreams(7).uniform((2,)))
    assert not is_whole_graph(draw)
    assert draw().tolist() != draw().tolist()


@pytest.mark.parametrize(
    "expression", [lambda x: T.alloc(x[0, 0] + 1, 3), lambda x: T.nnet.softmax(x)[1:]]
)
def test_an_operation_that_must_be_alone_is_left_to_the_virtual_machine(expression):
    x = T.dmatrix("x")
    function, machine = compile_both([x], expression(x))
    assert not is_whole_graph(function)
    assert function(numpy.eye(3)).tolist() == machine(numpy.eye(3)).tolist()


def test_an_error_names_the_operation():
    x, index = T.dvector("x"), T.lscalar("index")
    function = theano.function([x, index], x[index] * 2, mode=default_mode())
    assert is_whole_graph(function)
    with pytest.raises(IndexError, match=r"out of bounds\n.*caused the error: Subtensor"):
        function([1.0, 2.0], 2)
    assert function([1.0, 2.0], 1) == 4.0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("flags", "linker"),
    [
        ("", "WholeGraphLinker"),
        ("linker=cvm", "VM_Linker"),
        ("linker=py", "PerformLinker"),
        ("mode=FAST_COMPILE", "VM_Linker"),
        ("mode=DebugMode", "_DummyLinker"),
        ("profile=True", "VM_Linker"),
        ("cxx=", "VM_Linker"),
    ],
)
def test_the_users_choice_of_linker_and_mode_wins(flags, linker):
    program = """if True:
        from dltutorials.backend.whole_graph_linker import default_mode
        print(type(default_mode().linker).__name__)
    """
    flags = ",".join(filter(None, [os.environ.get("THEANO_FLAGS"), flags]))
    result = run_python("-c", program, THEANO_FLAGS=flags)
    assert result.stdout.splitlines()[0] == linker
