"""Products of few rows on one thread of OpenBLAS.

OpenBLAS wakes all its threads for a product of 20 rows. Two of them take a sixth less time on an
idle machine, at best, and many times as long beside one busy process: each product ends with its
slowest thread. So Theano's matrix products use one thread if one of their three sizes is at most 64
and all three multiplied at most 2^25, a millisecond's work. This also makes the results of training
with small minibatches independent of the number of threads. ``OPENBLAS_NUM_THREADS`` counts for
larger products.
"""

import zlib
from typing import Any

_CODE = """
#ifdef sgemm_  // scipy-openblas32 is linked, under other names
extern "C" int scipy_openblas_get_num_threads();
extern "C" void scipy_openblas_set_num_threads(int);
#endif

namespace {

struct FewRows {  // as long as it exists, OpenBLAS uses one thread, if this is best for x and y
    int n_threads;

    FewRows(PyArrayObject* x, PyArrayObject* y) : n_threads(0)
    {
#ifdef sgemm_
        if (PyArray_NDIM(x) != 2 || PyArray_NDIM(y) != 2)
            return;
        npy_intp n = PyArray_DIM(x, 0), k = PyArray_DIM(x, 1), m = PyArray_DIM(y, 1);
        if ((n <= 64 || k <= 64 || m <= 64) && (double)n * k * m <= (1 << 25)) {
            n_threads = scipy_openblas_get_num_threads();
            if (n_threads > 1)
                scipy_openblas_set_num_threads(1);
        }
#endif
    }

    ~FewRows()
    {
#ifdef sgemm_
        if (n_threads > 1)
            scipy_openblas_set_num_threads(n_threads);
#endif
    }
};

}  // namespace
"""


def use_one_thread_for_few_rows(theano: Any) -> None:
    """Change the C code of Theano's matrix products."""
    product = theano.tensor.blas.GemmRelated
    build, build_version = product.build_gemm_call, product.build_gemm_version
    support_code = product.c_support_code

    def build_gemm_call(self: Any) -> str:
        return f"{{ FewRows few_rows(%(_x)s, %(_y)s);\n{build(self)}\n}}"

    def build_gemm_version(self: Any) -> tuple:
        return (*build_version(self), zlib.crc32(_CODE.encode()))

    product.build_gemm_call, product.build_gemm_version = build_gemm_call, build_gemm_version
    product.c_support_code = lambda self: support_code(self) + _CODE
