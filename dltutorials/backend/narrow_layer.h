// A layer with few outputs, its softmax, the cost, and the gradient, in one pass over the examples.
//
// A block of rows is read from memory, multiplied by the weights, and, while it is still in the
// cache, by its own gradient of the scores. W and its gradient are kept transposed, so that vectors
// run along the rows of x. GROUP outputs by two vectors are computed at a time, as many
// sums as stay in registers.

#include <algorithm>
#include <cmath>
#include <vector>

namespace dltutorials {

#if defined(__AVX512F__)
enum { WIDTH = 16 };
#elif defined(__AVX__)
enum { WIDTH = 8 };
#else
enum { WIDTH = 4 };
#endif

// Of unaligned numbers.
typedef float Vector __attribute__((vector_size(4 * WIDTH), aligned(4), may_alias));

static inline Vector& vector_at(float* p) { return *(Vector*)p; }
static inline const Vector& vector_at(const float* p) { return *(const Vector*)p; }

DLTUTORIALS_NO_TRAPS static void exponentials(float* x, npy_intp n)
{
    for (npy_intp i = 0; i < n; ++i) {
        Exponential of(0.5 * (x[i] < -110 ? -110 : x[i]));
        x[i] = (float)(of.e * (of.q + of.p) / (of.q - of.p));
    }
}

class NarrowLayer {
public:
    const float *x, *W, *b;
    npy_intp n_rows, n_in, n_out;
    float scale;  // of the gradient: 1 / n_rows for the mean

    // Writes the cost of each row, and the gradients of W and b; y has been checked.
    template <typename Label>
    void compute(const Label* y, float* nll, float* gradient_W, float* gradient_b)
    {
        prepare();
        Team::run(n_parts, [&](int part) { compute_part(part, y, nll); });
        finish(gradient_W, gradient_b);
    }

private:
    enum { GROUP = 5, BLOCK = 40 };

    npy_intp padded, n_parts;  // n_out up to a multiple of GROUP
    std::vector<float> Wt, gradients;  // (padded, n_in); one such for each part
    std::vector<double> sums;  // of the gradient of the scores, (n_parts, padded)

    void prepare()
    {
        padded = (n_out + GROUP - 1) / GROUP * GROUP;
        n_parts = std::min<npy_intp>(Team::MAX_PARTS, (n_rows + BLOCK / 2 - 1) / (BLOCK / 2));
        Wt.resize(padded * n_in), gradients.resize(padded * n_in * n_parts);
        sums.assign(padded * n_parts, 0);
        for (npy_intp j = 0; j < n_in; ++j)
            for (npy_intp k = 0; k < n_out; ++k)
                Wt[k * n_in + j] = W[j * n_out + k];
    }

    // Writes the cost of a part of the rows, and their part of the gradients.
    template <typename Label> void compute_part(int part, const Label* y, float* nll)
    {
        npy_intp end = n_rows * (part + 1) / n_parts, n, start = n_rows * part / n_parts;
        std::vector<float> d(BLOCK * padded);
        for (npy_intp row = start; row < end; row += n) {
            n = std::min<npy_intp>(BLOCK, end - row);
            const float* rows = x + row * n_in;
            for (npy_intp k = 0; k < padded; k += GROUP) {
                npy_intp r = 0;
                for (; r + 2 <= n; r += 2)
                    multiply<2>(rows + r * n_in, k, &d[r * padded]);
                if (r < n)
                    multiply<1>(rows + r * n_in, k, &d[r * padded]);
            }
            softmax(n, d.data(), y + row, nll + row, &sums[part * padded]);
            add_gradient(rows, n, d.data(), row == start, &gradients[part * padded * n_in]);
        }
    }

    // Replaces scores by their gradient.
    template <typename Label>
    void softmax(npy_intp n, float* d, const Label* y, float* nll, double* sum_of_d) const
    {
        for (npy_intp r = 0; r < n; ++r) {
            float *row = d + r * padded, highest = row[0] + b[0];
            for (npy_intp k = 0; k < n_out; ++k)
                highest = std::max(highest, row[k] += b[k]);
            nll[r] = highest - row[y[r]];
            for (npy_intp k = 0; k < n_out; ++k)
                row[k] -= highest;
        }
        exponentials(d, n * padded);
        for (npy_intp r = 0; r < n; ++r) {
            float *row = d + r * padded, sum = 0;
            for (npy_intp k = 0; k < n_out; ++k)
                sum += row[k];
            nll[r] += std::log(sum);
            for (npy_intp k = 0; k < padded; ++k)
                row[k] = k < n_out ? scale * (row[k] * (1 / sum)) : 0;
            row[y[r]] -= scale;
            for (npy_intp k = 0; k < n_out; ++k)
                sum_of_d[k] += row[k];
        }
    }

    // The products of ROWS rows with GROUP columns of W.
    template <int ROWS> void multiply(const float* rows, npy_intp k0, float* scores) const
    {
        const float* w = &Wt[k0 * n_in];
        Vector sums[ROWS][GROUP] = {};
        npy_intp j = 0;
        for (; j + WIDTH <= n_in; j += WIDTH)
            for (int k = 0; k < GROUP; ++k)
                for (int r = 0; r < ROWS; ++r)
                    sums[r][k] += vector_at(rows + r * n_in + j) * vector_at(w + k * n_in + j);
        for (int r = 0; r < ROWS; ++r)
            for (int k = 0; k < GROUP; ++k) {
                float sum = 0;
                for (int i = 0; i < WIDTH; ++i)
                    sum += sums[r][k][i];
                for (npy_intp i = j; i < n_in; ++i)
                    sum += rows[r * n_in + i] * w[k * n_in + i];
                scores[r * padded + k0 + k] = sum;
            }
    }

    // Adds (or sets) the products of n rows and GROUP columns of their gradient.
    void add_gradient(const float* rows, npy_intp n, const float* d, bool is_first, float* g) const
    {
        npy_intp j = 0;
        for (; j + 2 * WIDTH <= n_in; j += 2 * WIDTH)
            for (npy_intp k0 = 0; k0 < padded; k0 += GROUP) {
                Vector sums[GROUP][2] = {};
                for (npy_intp r = 0; r < n; ++r)
                    for (int k = 0; k < GROUP; ++k)
                        for (int v = 0; v < 2; ++v)
                            sums[k][v] += vector_at(rows + r * n_in + j + v * WIDTH)
                                * d[r * padded + k0 + k];
                for (int k = 0; k < GROUP; ++k)
                    for (int v = 0; v < 2; ++v) {
                        Vector& old = vector_at(g + (k0 + k) * n_in + j + v * WIDTH);
                        old = is_first ? sums[k][v] : old + sums[k][v];
                    }
            }
        for (; j < n_in; ++j)
            for (npy_intp k = 0; k < padded; ++k) {
                float sum = 0;
                for (npy_intp r = 0; r < n; ++r)
                    sum += rows[r * n_in + j] * d[r * padded + k];
                g[k * n_in + j] = is_first ? sum : g[k * n_in + j] + sum;
            }
    }

    // Adds the parts.
    void finish(float* gradient_W, float* gradient_b)
    {
        for (npy_intp k = 0; k < n_out; ++k) {
            double sum = 0;
            for (npy_intp part = 0; part < n_parts; ++part)
                sum += sums[part * padded + k];
            gradient_b[k] = sum;
        }
        const npy_intp size = padded * n_in;
        for (npy_intp part = 1; part < n_parts; ++part)
            for (npy_intp i = 0; i < size; ++i)
                gradients[i] += gradients[part * size + i];
        for (npy_intp j = 0; j < n_in; ++j)
            for (npy_intp k = 0; k < n_out; ++k)
                gradient_W[j * n_out + k] = n_parts ? gradients[k * n_in + j] : 0;
    }
};

#ifdef Py_PYTHON_H

// Makes a C-contiguous float32 array, unless there is one of this shape.
static bool make_array(PyArrayObject** array, int n_dims, npy_intp n_rows, npy_intp n_columns = 1)
{
    npy_intp shape[] = {n_rows, n_columns};
    if (*array && PyArray_IS_C_CONTIGUOUS(*array)
        && PyArray_CompareLists(PyArray_DIMS(*array), shape, n_dims))
        return true;
    Py_XDECREF(*array);
    *array = (PyArrayObject*)PyArray_EMPTY(n_dims, shape, NPY_FLOAT32, 0);
    return *array;
}

// Computes the three outputs; false, with Python's error set, if that is impossible.
template <typename Label>
static bool narrow_layer(PyArrayObject* x, PyArrayObject* W, PyArrayObject* b, PyArrayObject* y,
    PyArrayObject* scale, PyArrayObject** nll, PyArrayObject** gradient_W,
    PyArrayObject** gradient_b)
{
    npy_intp n_rows = PyArray_DIM(x, 0), n_in = PyArray_DIM(W, 0), n_out = PyArray_DIM(W, 1);
    if (PyArray_DIM(x, 1) != n_in || PyArray_DIM(b, 0) != n_out) {
        PyErr_Format(PyExc_ValueError, "got %zd columns of x and %zd biases for W of %zd x %zd",
            PyArray_DIM(x, 1), PyArray_DIM(b, 0), n_in, n_out);
        return false;
    }
    PyArrayObject* made[] = {PyArray_GETCONTIGUOUS(x), PyArray_GETCONTIGUOUS(W),
        PyArray_GETCONTIGUOUS(b), PyArray_GETCONTIGUOUS(y)};
    bool done = made[0] && made[1] && made[2] && made[3] && make_array(nll, 1, n_rows)
        && make_array(gradient_W, 2, n_in, n_out) && make_array(gradient_b, 1, n_out);
    if (done) {
        static NarrowLayer layer;  // keeps its memory
        layer.x = (const float*)PyArray_DATA(made[0]);
        layer.W = (const float*)PyArray_DATA(made[1]);
        layer.b = (const float*)PyArray_DATA(made[2]);
        layer.scale = *(const float*)PyArray_DATA(scale);
        layer.n_rows = n_rows, layer.n_in = n_in, layer.n_out = n_out;
        const Label* labels = (const Label*)PyArray_DATA(made[3]);
        layer.compute(labels, (float*)PyArray_DATA(*nll), (float*)PyArray_DATA(*gradient_W),
            (float*)PyArray_DATA(*gradient_b));
    }
    for (PyArrayObject* array : made)
        Py_XDECREF(array);
    return done;
}

#endif

}  // namespace dltutorials
