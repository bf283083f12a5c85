// What convolution and pooling share: arrays and their checks.

#include <algorithm>

namespace dltutorials {

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
