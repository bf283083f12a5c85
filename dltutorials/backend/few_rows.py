"""Products of few rows, on threads of our own.

OpenBLAS wakes all its threads for a product of 20 rows, which ends with the slowest one: beside a
busy process, it takes many times as long. So if one of the three sizes of a matrix product is at
most 64, and all three multiplied at most 2^25, Theano's operations divide it into four parts for
the threads of ``parallel.h``, of which none waits long for another (``few_rows.h``). The parts, and
so the results of training with small minibatches, do not depend on the number of threads. A single
row is multiplied as a vector. ``OPENBLAS_NUM_THREADS`` is the number of threads for all products.
"""

import zlib
from pathlib import Path
from typing import Any

_FILES = ("parallel.h", "few_rows.h")
_CODE = "\n".join(Path(__file__).with_name(n).read_text(encoding="utf-8") for n in _FILES)


def divide_few_rows(theano: Any) -> None:
    """Change the C code of Theano's matrix products."""
    product = theano.tensor.blas.GemmRelated
    build, build_version = product.build_gemm_call, product.build_gemm_version
    support_code = product.c_support_code

    def build_gemm_call(self: Any) -> str:
        code = build(self)
        for own in ("sgemm_(", "dgemm_("):
            code = code.replace(own, "dltutorials::multiply(")
        return code

    def build_gemm_version(self: Any) -> tuple:
        return (*build_version(self), zlib.crc32(_CODE.encode()))

    product.build_gemm_call, product.build_gemm_version = build_gemm_call, build_gemm_version
    product.c_support_code = lambda self: support_code(self) + _CODE
