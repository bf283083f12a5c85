import importlib
import re
import shutil
import textwrap
from pathlib import Path

import dltutorials
from dltutorials import backend, load_params, save_params

import numpy
import pytest
import theano
import theano.tensor as T
from helpers import SCRIPTS, on_pytensor, run_python

pytestmark = pytest.mark.numbers


def run(program, folder, check=True, **variables):
    variables = {"PYTENSOR_FLAGS": None, "HOME": str(folder), **variables}
    return run_python("-c", textwrap.dedent(program), folder=folder, check=check, **variables)


def test_the_names_of_the_chapters_are_there():
    x, y = T.matrix("x"), T.ivector("y")
    W = theano.shared(numpy.zeros((3, 2), theano.config.floatX), name="W", borrow=True)
    p = T.nnet.softmax(T.dot(x, W))
    cost = -T.mean(T.log(p)[T.arange(y.shape[0]), y])
    step = theano.function(
        inputs=[x],
        outputs=cost,
        updates=[(W, W - T.cast(0.5, W.dtype) * T.grad(cost, W))],
        givens={y: T.cast(theano.shared(numpy.array([0.0, 1.0])), "int32")},
    )
    examples = numpy.eye(3, dtype=theano.config.floatX)[:2]
    assert float(step(examples)) == pytest.approx(numpy.log(2))
    assert numpy.allclose(W.get_value(), [[0.125, -0.125], [-0.125, 0.125], [0, 0]])
    assert theano.function([x], T.argmax(p, axis=1))(examples).tolist() == [0, 1]
    assert T.neq(T.ivector(), T.ivector()).dtype == "bool"


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (lambda v: T.nnet.softmax(v), [[0.09003057, 0.24472847, 0.66524096]]),
        (lambda v: T.nnet.sigmoid(v), [0.26894142, 0.5, 0.73105858]),
        (lambda v: T.nnet.relu(v), [0, 0, 1]),
        (lambda v: T.nnet.relu(v, 0.5), [-0.5, 0, 1]),
        (lambda v: T.nnet.softplus(v), [0.31326169, 0.69314718, 1.31326169]),
        (
            lambda v: T.nnet.binary_crossentropy(T.nnet.sigmoid(v), T.ones_like(v)),
            [1.31326169, 0.69314718, 0.31326169],
        ),
    ],
)
def test_nnet_gives_the_same_on_both_engines(build, expected):
    v = T.dvector("v")
    assert numpy.allclose(theano.function([v], build(v))([-1.0, 0.0, 1.0]), expected)


def test_a_probability_of_zero_has_a_finite_loss_and_gradient():
    scores, y = T.dmatrix("scores"), T.ivector("y")
    nll = dltutorials.negative_log_likelihood(T.nnet.softmax(scores), y, reduction="sum")
    f = theano.function([scores, y], [nll, T.grad(nll, scores)])
    loss, gradient = f([[1000.0, 0.0], [0.0, 1000.0]], [1, 1])
    assert float(loss) == 1000.0
    assert gradient.tolist() == [[1.0, -1.0], [0.0, 0.0]]


def test_the_cross_entropy_of_labels():
    v, y = T.dmatrix("v"), T.ivector("y")
    loss = T.nnet.categorical_crossentropy(T.nnet.softmax(v), y)
    values = theano.function([v, y], loss)([[-1.0, 0.0, 1.0], [-1.0, 0.0, 1.0]], [2, 0])
    assert numpy.allclose(values, [0.40760596, 2.40760596])


@on_pytensor
def test_a_name_that_is_not_carried_says_so():
    for module, name in ((theano, "gof"), (T, "Rop"), (T.nnet, "conv3d")):
        with pytest.raises(AttributeError, match=rf"\.{name} is not carried over from Theano: .*"):
            getattr(module, name)
    with pytest.raises(AttributeError, match=r"has no option gpuarray\.preallocate"):
        theano.config.gpuarray__preallocate  # noqa: B018
    with pytest.raises(AttributeError, match="has no option warn_me"):
        theano.config.warn_me = True
    with pytest.raises(ImportError, match="cannot import name 'gof' from 'theano'"):
        from theano import gof  # noqa: F401
    with pytest.raises(ModuleNotFoundError, match=r"No module named 'theano\.gof'"):
        importlib.import_module("theano.gof.opt")
    assert "floatX" in str(theano.config)


@on_pytensor
def test_options_have_theanos_names(tmp_path):
    program = """
        import dltutorials, theano
        print(theano.config.floatX, theano.config.gcc.cxxflags, theano.config.device)
        theano.config.blas.ldflags = "-lmine"
        print(theano.config.blas.ldflags, theano.config.exception_verbosity)
    """
    (tmp_path / ".theanorc").write_text("[global]\nfloatX = float32\n[gcc]\ncxxflags = -O1\n")
    result = run(program, tmp_path, THEANO_FLAGS="exception_verbosity=high")
    lines = result.stdout.splitlines()
    assert lines[0].startswith("float32 -O1 -Dsgemm_=scipy_sgemm_ ")
    assert lines[0].endswith(" cpu")
    assert lines[1] == "-lmine high"
    assert result.stderr == ""


@on_pytensor
def test_options_that_are_gone_are_ignored_in_one_message(tmp_path):
    flags = "warn.ignore_bug_before=all,gpuarray.preallocate=1,floatX=float32"
    result = run("import dltutorials, theano; print(theano.config.floatX)", tmp_path,
                 THEANO_FLAGS=flags)  # fmt: skip
    assert result.stdout == "float32\n"
    assert result.stderr == (
        "THEANO_FLAGS:1: UserWarning: PyTensor, which takes Theano's place here, "
        "has no option warn.ignore_bug_before, gpuarray.preallocate: ignored\n"
    )


@on_pytensor
def test_the_device_may_be_the_cpu(tmp_path):
    result = run("import dltutorials", tmp_path, THEANO_FLAGS="device=cpu")
    assert result.stderr == ""


@on_pytensor
def test_a_pytensor_that_was_imported_before_stays_as_it_is(tmp_path):
    program = """
        import pytensor
        before = str(pytensor.config)
        import dltutorials, theano
        assert str(pytensor.config) == before
        print(theano.function is pytensor.function)
    """
    result = run(program, tmp_path, THEANO_FLAGS="floatX=float32")
    assert result.stdout == "True\n"
    # What PyTensor itself says of its BLAS, without our defaults, comes before.
    message = "PyTensor was imported before dltutorials: floatX ignored"
    assert result.stderr.splitlines()[-1] == f"THEANO_FLAGS:1: UserWarning: {message}"
    assert "before dltutorials" not in run(program, tmp_path, THEANO_FLAGS="").stderr


@pytest.mark.slow
def test_a_folder_of_that_name_is_no_theano(tmp_path):
    (tmp_path / "theano").mkdir()
    program = "import dltutorials; print(dltutorials.backend.name())"
    assert run(program, tmp_path, THEANO_FLAGS="").stdout == f"{backend.name()}\n"


@on_pytensor
@pytest.mark.parametrize("version", ["2.38.1", "3.4.0", "10.0"])
def test_other_versions_are_refused_with_what_to_install(tmp_path, version):
    program = f"""
        import importlib.metadata
        importlib.metadata.version = lambda name: {version!r}
        import dltutorials
    """
    result = run(program, tmp_path, check=False)
    assert result.stderr.splitlines()[-1] == (
        f"dltutorials.exceptions.SetupError: PyTensor: got {version}, expected 3.0 or newer, "
        "below 3.4; pip install 'pytensor>=3.0,<3.4'"
    )


def test_without_any_engine_it_is_said_what_to_install(tmp_path):
    program = """
        import importlib.util
        find, gone = importlib.util.find_spec, ("theano", "pytensor")
        importlib.util.find_spec = lambda name, *a: None if name in gone else find(name, *a)
        import dltutorials
    """
    result = run(program, tmp_path, check=False)
    message = (
        "SetupError: neither Theano nor PyTensor is installed; pip install 'pytensor>=3.0,<3.4'"
    )
    assert result.stderr.splitlines()[-1] == f"dltutorials.exceptions.{message}"


@pytest.mark.slow
def test_theano_itself_is_never_shadowed(tmp_path):
    """Where both are installed, PyTensor is not even looked at."""
    other = "pytensor" if backend.name() == "Theano" else "theano"
    (tmp_path / other).mkdir()
    (tmp_path / other / "__init__.py").write_text("raise RuntimeError('loaded the fake')\n")
    result = run("import dltutorials", tmp_path, check=False, PYTHONPATH=str(tmp_path))
    if other == "pytensor":
        assert result.returncode == 0, result.stderr
    else:  # a Theano that cannot be imported is an error, and the way out is said
        last = result.stderr.splitlines()[-1]
        assert "SetupError: Theano cannot be imported: loaded the fake; without it" in last


@on_pytensor
@pytest.mark.skipif(not shutil.which("g++"), reason="needs a compiler")
def test_c_code_is_linked_with_the_blas_of_our_choice(tmp_path):
    program = """
        import dltutorials, theano, theano.tensor as T, scipy_openblas32
        from dltutorials.backend import describe_backend
        x = T.fmatrix("x")
        theano.function([x], T.dot(x, x))([[1.0]])
        print(describe_backend())
        print(scipy_openblas32.get_lib_dir() in open("/proc/self/maps").read())
    """
    flags = f"linker=cvm,base_compiledir={tmp_path / 'cache'}"
    lines = run(program, tmp_path, THEANO_FLAGS=flags).stdout.splitlines()
    assert re.fullmatch(r"PyTensor [\d.]+, float64, linked with scipy_openblas", lines[0])
    assert lines[1] == "True"


@on_pytensor
@pytest.mark.parametrize(("flags", "is_warned"), [("", False), ("linker=cvm", True)])
def test_a_blas_that_cannot_be_linked_matters_to_c_code_only(tmp_path, flags, is_warned):
    (tmp_path / "scipy_openblas32.py").write_text(
        "def get_lib_dir(): return '/a path/lib'\ndef get_library(): return 'blas'\n"
    )
    result = run("import dltutorials", tmp_path, PYTHONPATH=str(tmp_path), THEANO_FLAGS=flags)
    assert ("cannot link from a path with spaces" in result.stderr) is is_warned
    assert bool(result.stderr) is is_warned


@on_pytensor
def test_threads_of_scipys_blas_sleep_soon_and_their_number_is_the_users(tmp_path):
    program = """
        import importlib, os
        import_module, seen = importlib.import_module, []
        def watch(name, *args, **options):
            if name == "scipy.linalg.cython_blas":
                seen.append(os.environ.get("OPENBLAS_THREAD_TIMEOUT"))
            return import_module(name, *args, **options)
        importlib.import_module = watch
        import ctypes, dltutorials
        print(*seen, os.environ.get("OPENBLAS_THREAD_TIMEOUT"))
        loaded = open("/proc/self/maps").read().split()
        [library] = {path for path in loaded if "scipy.libs" in path and "openblas" in path}
        print(ctypes.CDLL(library).scipy_openblas_get_num_threads())
    """
    assert run(program, tmp_path, OPENBLAS_NUM_THREADS="1").stdout == "20 None\n1\n"


@on_pytensor
def test_no_compiler_is_needed(tmp_path, tiny_file):
    arguments = ["--dataset", str(tiny_file), "--batch-size", "10", "--n-epochs", "2"]
    script = SCRIPTS / "train_logreg.py"
    result = run_python(script, *arguments, folder=tmp_path, PATH="/nowhere")
    how = "compiled by JAX" if backend.uses_jax() else "with SciPy's BLAS, compiled by Numba"
    assert how in result.stderr.splitlines()[0]


OTHER = "PyTensor" if backend.name() == "Theano" else "Theano"


FILES = Path(__file__).resolve().parent / "engines"


@pytest.mark.parametrize("engine", ["theano", "pytensor"])
def test_parameters_that_either_engine_saved_load(engine, tmp_path):
    params = [
        theano.shared(numpy.zeros((2, 3), "float32")),
        theano.shared(numpy.zeros(3, "float32")),
    ]
    load_params(params, FILES / f"{engine}_params.pkl")
    assert params[0].get_value().tolist() == [[0.5, 1.5, 2.5], [3.5, 4.5, 5.5]]
    assert params[1].get_value().tolist() == [1.0, 2.0, 3.0]
    save_params(params, tmp_path / "again.pkl")
    load_params(params, tmp_path / "again.pkl")


def test_a_training_begun_on_the_other_engine_goes_on(main, capsys):
    """After train_logreg.py --n-epochs 2 --checkpoint FILE on the tiny data set there."""
    shutil.copy(FILES / f"{OTHER.lower()}.state", "state")
    assert main("--n-epochs", "4", "--resume", "state") == 0
    out, err = capsys.readouterr()
    assert f"state: begun on {OTHER}" in err
    assert main("--n-epochs", "4", "--save", "whole.pkl") == 0
    whole = capsys.readouterr().out
    assert "epoch 4, minibatch 6/6" in out
    assert out.splitlines()[:-1] == whole.splitlines()[4:-1]
