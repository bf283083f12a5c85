"""Our own threads, for a work that takes as long as the test says."""

import ctypes
import shutil
import subprocess
from pathlib import Path

from dltutorials import backend

import pytest

PROGRAM = """
#include <cstddef>
#define sgemm_
#define scipy_openblas_get_num_threads get_num_threads  // not those of the linked OpenBLAS
#define scipy_openblas_set_num_threads set_num_threads
#include "parallel.h"
extern "C" int get_num_threads() { return 2; }
extern "C" void set_num_threads(int) {}
extern "C" int parts_of_helpers(int n, int helpers_sleep, int own_sleep)
{
    std::atomic<int> n_done(0);
    pthread_t self = pthread_self();
    dltutorials::Team::run(n, [&](int) {
        bool is_own = pthread_equal(self, pthread_self());
        usleep(is_own ? own_sleep : helpers_sleep);
        n_done += !is_own;
    });
    return n_done;
}
"""


@pytest.fixture
def parts_of_helpers(tmp_path):
    """Return a function that says how many of n parts other threads have done."""
    if not shutil.which("g++"):
        pytest.skip("needs g++")
    tmp_path.joinpath("program.cpp").write_text(PROGRAM)
    options = ["-O2", "-std=c++11", "-I", Path(backend.__file__).parent, "-pthread", "-fPIC"]
    command = ["g++", *options, "-shared", "program.cpp", "-o", "it.so"]
    subprocess.run(command, cwd=tmp_path, check=True)
    return ctypes.CDLL(str(tmp_path / "it.so")).parts_of_helpers


def test_a_thread_that_was_kept_from_running_is_not_waited_for_again(parts_of_helpers):
    parts_of_helpers(8, 20_000, 20_000)  # the helper begins
    assert parts_of_helpers(8, 5_000, 5_000) > 1
    assert parts_of_helpers(8, 300_000, 10_000) == 1
    assert parts_of_helpers(8, 0, 5_000) == 0
