// MRG31k3p: numbers from many streams in turn, as mrg_uniform.py has them.

namespace dltutorials {

const npy_int64 MRG_M1 = 2147483647, MRG_M2 = 2147462579;

inline npy_int64 mrg_below(npy_int64 y, npy_int64 m)
{
    return y >= m ? y - m : y;
}

inline npy_int64 mrg_product(npy_int64 x)
{
    return mrg_below(((x & 65535) << 15) + 21069 * (x >> 16), MRG_M2);
}

template <typename number>
void mrg_draw(npy_int32* states, npy_intp n_streams, number* numbers, npy_intp n, number norm)
{
    for (npy_intp start = 0; start < n; start += n_streams)
        for (npy_intp i = start; i < n && i < start + n_streams; ++i) {
            npy_int32* s = states + 6 * (i - start);
            const npy_int64 x12 = s[1], x13 = s[2], x21 = s[3], x23 = s[5];
            npy_int64 y1 = ((x12 & 511) << 22) + (x12 >> 9) + ((x13 & 16777215) << 7) + (x13 >> 24);
            y1 = mrg_below(mrg_below(y1, MRG_M1) + x13, MRG_M1);
            npy_int64 y2 = mrg_below(mrg_product(x23) + x23, MRG_M2);
            y2 = mrg_below(y2 + mrg_product(x21), MRG_M2);
            numbers[i] = (number)(y1 <= y2 ? y1 - y2 + MRG_M1 : y1 - y2) * norm;
            s[2] = s[1], s[1] = s[0], s[0] = y1;
            s[5] = s[4], s[4] = s[3], s[3] = y2;
        }
}

// Make the next states and the numbers; false if Python has an error to raise.
template <typename number>
bool mrg_uniform(PyArrayObject* states, PyArrayObject* size, PyArrayObject** new_states,
                 PyArrayObject** sample, bool inplace, int type, number norm)
{
    npy_intp shape[NPY_MAXDIMS], n = 1, ndim = PyArray_DIM(size, 0);
    for (npy_intp i = 0; i < ndim; ++i) {
        shape[i] = *(npy_int64*)PyArray_GETPTR1(size, i);
        n *= shape[i];
    }
    if (n > MRG_M1) {
        PyErr_SetString(PyExc_ValueError, "size: got more than 2^31 - 1 numbers");
        return false;
    }
    Py_XDECREF(*new_states);
    Py_XDECREF(*sample);
    const int flags = NPY_ARRAY_CARRAY | (inplace ? 0 : NPY_ARRAY_ENSURECOPY);
    *new_states = (PyArrayObject*)PyArray_FROM_OF((PyObject*)states, flags);
    *sample = (PyArrayObject*)PyArray_SimpleNew(ndim, shape, type);
    if (!*new_states || !*sample)
        return false;
    mrg_draw((npy_int32*)PyArray_DATA(*new_states), PyArray_DIM(*new_states, 0),
             (number*)PyArray_DATA(*sample), n, norm);
    return true;
}

}
