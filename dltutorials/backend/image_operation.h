// What convolution and pooling share: arrays, and threads that share the parts of a loop.
//
// The parts do not depend on the number of threads, and so the results do not, either.

#include <pthread.h>

#include <algorithm>
#include <atomic>

#ifdef sgemm_  // of scipy-openblas32
extern "C" int scipy_openblas_get_num_threads();
extern "C" void scipy_openblas_set_num_threads(int);
#endif

namespace dltutorials {

const npy_intp MAX_PARTS = 8;

template <typename Work> struct Parts {
    Work work;
    const npy_intp n;
    std::atomic<npy_intp> next;

    static void* take(void* parts)  // until none is left
    {
        Parts& of = *(Parts*)parts;
        for (npy_intp part; (part = of.next.fetch_add(1)) < of.n;)
            of.work(part);
        return NULL;
    }
};

// Call work(0) to work(n - 1) in as many threads as the BLAS has, whose products use one meanwhile.
// (If the BLAS divided each of many products among its threads, it would wait for the slowest each
// time, which beside busy processes takes long.)
template <typename Work> void share(npy_intp n, Work work)
{
    Parts<Work> parts{work, n, {0}};
    pthread_t helpers[MAX_PARTS];
    npy_intp n_helpers = 0;
#ifdef sgemm_
    const int n_threads = scipy_openblas_get_num_threads();
    scipy_openblas_set_num_threads(1);
    while (n_helpers < std::min<npy_intp>(n, n_threads) - 1
           && !pthread_create(&helpers[n_helpers], NULL, Parts<Work>::take, &parts))
        ++n_helpers;
#endif
    Parts<Work>::take(&parts);
    while (n_helpers)
        pthread_join(helpers[--n_helpers], NULL);
#ifdef sgemm_
    scipy_openblas_set_num_threads(n_threads);
#endif
}

struct Array {  // that is contiguous, for as long as it is needed
    PyArrayObject* object;

    explicit Array(PyArrayObject* original) : object(PyArray_GETCONTIGUOUS(original)) {}
    ~Array() { Py_XDECREF(object); }
    template <typename number> number* data() const { return (number*)PyArray_DATA(object); }
};

inline bool allocate(PyArrayObject** output, npy_intp* shape, PyArrayObject* like)
{
    if (*output && PyArray_CompareLists(PyArray_DIMS(*output), shape, 4)
        && PyArray_IS_C_CONTIGUOUS(*output))
        return true;
    Py_XDECREF(*output);
    *output = (PyArrayObject*)PyArray_EMPTY(4, shape, PyArray_TYPE(like), 0);
    return *output != NULL;
}

inline bool fail(const char* message)
{
    PyErr_SetString(PyExc_ValueError, message);
    return false;
}

}  // namespace dltutorials
