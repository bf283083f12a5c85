import pickle
import socket
import textwrap
from types import SimpleNamespace
from unittest.mock import Mock

from dltutorials.backend.theano_patches import patch_module_cache

import pytest
import theano
from helpers import run_python

PROGRAM = textwrap.dedent("""
    import numpy
    import dltutorials
    import theano, theano.tensor as T
    from theano.gof.cmodule import GCC_compiler

    compile_str, compiled = GCC_compiler.compile_str, []

    def count(*args, **options):
        compiled.append(options)
        return compile_str(*args, **options)

    GCC_compiler.compile_str = staticmethod(count)
    dltutorials.set_floatX("float32")
    x, y = T.matrix("x"), T.ivector("y")
    model = dltutorials.LogisticRegression(x, 3, 2)
    cost = model.negative_log_likelihood(y)
    data = dltutorials.shared_dataset((numpy.eye(6, 3), numpy.arange(6) % 2))
    task = dltutorials.compile_task(
        x, y, cost, dltutorials.sgd(cost, model.params, 0.1), model.errors(y), model.params,
        [data] * 3, batch_size=2,
    )
    n_compiled = len(compiled)
    theano.function([x, y], [cost, model.y_pred], updates=dltutorials.sgd(cost, model.params, 0.1))
    for _ in range(5):
        cost = task.train_minibatch(1)
    W = model.W.get_value().tobytes().hex()
    print(n_compiled, len(compiled), repr(float(cost)), W, task.validate())
""")


@pytest.mark.slow
def test_a_second_process_compiles_no_module_and_computes_the_same(tmp_path):
    variables = {"THEANO_FLAGS": f"base_compiledir={tmp_path}", "PYTHONHASHSEED": None}
    outputs = [run_python("-c", PROGRAM, **variables).stdout.split() for _ in range(2)]
    # The training step and the errors, and what Theano needs to call them.
    assert int(outputs[0][0]) == 3
    assert int(outputs[0][1]) > 10
    assert outputs[1][:2] == ["0", "0"]
    assert outputs[0][2:] == outputs[1][2:]


def test_another_version_of_theano_is_left_alone():
    assert patch_module_cache(SimpleNamespace(__version__="1.0.4")) is False


class DoesNotCompile(theano.Op):
    __props__ = ()

    def make_node(self, x):
        return theano.Apply(self, [x], [x.type()])

    def c_code(self, *_):
        return "here is no C"


@pytest.mark.parametrize("error", [None, KeyboardInterrupt])
def test_code_that_does_not_compile_does_not_leave_the_folder_locked(error, monkeypatch):
    monkeypatch.setattr(theano.gof.cmodule._logger, "error", lambda *_: None)
    if error:
        monkeypatch.setattr(theano.gof.cmodule.GCC_compiler, "compile_str", Mock(side_effect=error))
    x = theano.tensor.fscalar()
    with pytest.raises(error or Exception):
        theano.function([x], DoesNotCompile()(x))
    assert getattr(theano.gof.compilelock.get_lock, "n_lock", 0) == 0


@pytest.mark.slow
def test_scan_works_on_every_python(run_program):
    program = """
        import dltutorials, theano, theano.tensor as T
        n = T.iscalar("n")
        powers, _ = theano.scan(lambda p: p * 2, outputs_info=T.constant(1.0), n_steps=n)
        print(theano.function([n], powers)(4).tolist())
    """
    assert run_program(program).stdout == "[2.0, 4.0, 8.0, 16.0]\n"


@pytest.mark.slow
def test_the_options_for_the_processor_are_tried_once_a_machine(run_program, tmp_path):
    program = """
        import dltutorials
        from theano.gof.cmodule import Compiler
        tried, try_compile = [], Compiler._try_compile_tmp
        def count(source, *args, **options):
            tried.append(options.get("tmp_prefix") or args)
            return try_compile(source, *args, **options)
        Compiler._try_compile_tmp = count
        import theano, theano.tensor as T
        x = T.dvector("x")
        before = dltutorials.backend.nothing_is_compiled()
        theano.function([x], x * 2)
        print(len(tried), before, dltutorials.backend.nothing_is_compiled())
    """
    run_program("import dltutorials", cache=tmp_path)
    assert run_program(program, cache=tmp_path).stdout == "0 True False\n"


def test_a_fused_operation_from_the_cache_is_the_same_and_built_when_it_computes():
    x, y = theano.scalar.float64("x"), theano.scalar.float64("y")
    fused = theano.scalar.Composite([x, y], [theano.scalar.exp(x) * y + 1])
    read = pickle.loads(pickle.dumps(fused))
    assert (read, hash(read)) == (fused, hash(fused))
    again = pickle.loads(pickle.dumps(read))
    assert "fgraph" not in vars(again)  # not built yet
    assert again.impl(1.5, 2.0) == fused.impl(1.5, 2.0) == pytest.approx(2 * 4.481689070338065 + 1)
    assert str(again.fgraph) == str(fused.fgraph)


def test_what_theano_hardly_needs_is_imported_when_it_is_used(tmp_path):
    program = """
        import sys
        import dltutorials, theano, theano.tensor as T
        print({"setuptools", "distutils", "scipy.stats", "scipy.signal"} & set(sys.modules))
        print(round(float(theano.scalar.basic_scipy.chi2sf.impl(1.0, 1.0)), 4))
        import setuptools, scipy.stats, scipy.signal, distutils
        assert scipy.signal.convolve([1, 2], [3]).tolist() == [3, 6]
        print(scipy.stats.norm.cdf(0), "setuptools" in distutils.__file__)
    """
    done = run_python("-W", "error::UserWarning", "-c", textwrap.dedent(program), folder=tmp_path)
    assert done.stdout == "set()\n0.3173\n0.5 True\n"


# The messages of Theano's lock.


@pytest.fixture
def compile_lock(tmp_path, monkeypatch, caplog):
    """Return Theano's function that takes the lock, in a folder of its own, with what it says."""
    import theano
    from theano.gof import compilelock

    config = SimpleNamespace(
        compiledir=str(tmp_path), compile=SimpleNamespace(wait=0.01, timeout=0.05)
    )
    monkeypatch.setattr(theano, "config", config)
    monkeypatch.setattr(compilelock, "config", config)
    lock = tmp_path / "lock_dir"
    monkeypatch.setattr(
        compilelock.get_lock, "unlocker", compilelock.Unlocker(str(lock)), raising=False
    )

    def take(owner):
        lock.mkdir()
        (lock / "lock").write_text(owner)
        compilelock.lock(str(lock))
        return [record.getMessage() for record in caplog.records]

    return take


def test_waiting_for_a_process_of_another_machine_is_explained_in_one_line(compile_lock, tmp_path):
    [waiting] = compile_lock("17_0123456789_elsewhere\n")
    assert waiting == (
        "waiting for process 17 on elsewhere, which compiles; for at most 0.05 s, or until you "
        f"remove {tmp_path}/lock_dir"
    )


def test_a_lock_that_a_dead_process_left_is_not_worth_a_word(compile_lock):
    assert compile_lock(f"{2**22 + 1}_0123456789_{socket.gethostname()}\n") == []
