"""Theano 1.0.5 or PyTensor, made to import and run fast on current machines.

Importing this package imports the backend as ``theano`` (:mod:`dltutorials.backend.setup`). The
names here hide whatever depends on the backend and the machine; no other package asks which one it
is.

>>> from dltutorials import backend
>>> import theano
>>> W = theano.shared(3.0)
>>> float(theano.function([], backend.sum_of_squares(W), mode=backend.default_mode())())
9.0
"""

from dltutorials.backend.setup import import_theano, set_floatX, temporary_floatX

import_theano()

from dltutorials.backend.compiling import (  # noqa: E402
    compile_now,
    default_mode,
    nothing_is_compiled,
    sum_of_squares,
    updated_variables,
)
from dltutorials.backend.convolution import conv2d  # noqa: E402
from dltutorials.backend.describe import (  # noqa: E402
    NAMES,
    describe_backend,
    describe_numerics,
    name,
    name_blas,
    versions,
)
from dltutorials.backend.labels import (  # noqa: E402
    LabelError,
    checked_labels,
    shape_of_probabilities,
)
from dltutorials.backend.loops import Repeated, repeat  # noqa: E402
from dltutorials.backend.openblas import SlowTheanoWarning  # noqa: E402
from dltutorials.backend.pooling import max_pool_2d  # noqa: E402
from dltutorials.backend.residency import (  # noqa: E402
    bandwidths,
    device_indices,
    fetch,
    free_memory,
    minibatch_rows,
    n_transfers,
    uses_jax,
    without_waiting,
)

__all__ = [
    "NAMES",
    "LabelError",
    "Repeated",
    "SlowTheanoWarning",
    "bandwidths",
    "checked_labels",
    "compile_now",
    "conv2d",
    "default_mode",
    "describe_backend",
    "describe_numerics",
    "device_indices",
    "fetch",
    "free_memory",
    "import_theano",
    "max_pool_2d",
    "minibatch_rows",
    "n_transfers",
    "name",
    "name_blas",
    "nothing_is_compiled",
    "repeat",
    "set_floatX",
    "shape_of_probabilities",
    "sum_of_squares",
    "temporary_floatX",
    "updated_variables",
    "uses_jax",
    "versions",
    "without_waiting",
]
