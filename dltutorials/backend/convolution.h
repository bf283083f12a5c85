// Convolution of images with filters, and its gradients.
//
// Images are taken in blocks that fit a cache. The patches of a block are the columns of a
// matrix: row (channel, i, j) holds the pixels that W[filter, channel, i, j] is multiplied
// with. The convolution and both of its gradients are then one product of matrices each,
// which the BLAS computes.

#include <cstdlib>
#include <cstring>

extern "C" void sgemm_(const char*, const char*, const int*, const int*, const int*, const float*,
                       const float*, const int*, const float*, const int*, const float*, float*,
                       const int*);
extern "C" void dgemm_(const char*, const char*, const int*, const int*, const int*, const double*,
                       const double*, const int*, const double*, const int*, const double*,
                       double*, const int*);

namespace dltutorials {

const npy_intp BLOCK_BYTES = 1 << 20;

// C = A B + beta C of matrices that are stored by rows; a transposed factor is stored as it was.
#define DLTUTORIALS_PRODUCT(number, gemm)                                                        \
    inline void product(bool transpose_A, bool transpose_B, npy_intp m, npy_intp n, npy_intp k,  \
                        const number* A, const number* B, number beta, number* C)                \
    {                                                                                            \
        int m_ = m, n_ = n, k_ = k, lda = transpose_A ? m : k, ldb = transpose_B ? k : n;        \
        number one = 1;                                                                          \
        gemm(transpose_B ? "T" : "N", transpose_A ? "T" : "N", &n_, &m_, &k_, &one, B, &ldb, A,  \
             &lda, &beta, C, &n_);                                                               \
    }
DLTUTORIALS_PRODUCT(npy_float32, sgemm_)
DLTUTORIALS_PRODUCT(npy_float64, dgemm_)

template <typename number> inline void copy(number* to, const number* from, npy_intp n)
{
    npy_intp i = 0;
    for (; i + 8 <= n; i += 8)
        std::memcpy(to + i, from + i, 8 * sizeof(number));
    for (; i < n; ++i)
        to[i] = from[i];
}

template <typename number> inline void add(number* to, const number* from, npy_intp n)
{
    for (npy_intp i = 0; i < n; ++i)
        to[i] += from[i];
}

struct Shape {
    npy_intp images, channels, height, width, filters, rows, columns;  // of a filter: rows, columns

    npy_intp out_height() const { return height - rows + 1; }
    npy_intp out_width() const { return width - columns + 1; }
    npy_intp positions() const { return out_height() * out_width(); }
    npy_intp weights() const { return channels * rows * columns; }
    npy_intp bytes(npy_intp size) const { return (weights() + filters) * positions() * size; }
};

// Copy the patches of n images to the columns, or add the columns to the images.
template <typename number, bool to_columns>
void patches(const Shape& s, npy_intp n, number* images, number* columns)
{
    for (npy_intp c = 0; c < s.channels; ++c)
        for (npy_intp i = s.rows - 1; i >= 0; --i)  // a convolution turns its filters round
            for (npy_intp j = s.columns - 1; j >= 0; --j)
                for (npy_intp image = 0; image < n; ++image) {
                    number* pixels = images + ((image * s.channels + c) * s.height + i) * s.width + j;
                    for (npy_intp y = 0; y < s.out_height(); ++y) {
                        if (to_columns)
                            copy(columns, pixels, s.out_width());
                        else
                            add(pixels, columns, s.out_width());
                        pixels += s.width;
                        columns += s.out_width();
                    }
                }
}

// Copy maps stored by images to maps stored by filters, or back.
template <typename number, bool by_filters>
void rearrange(const Shape& s, npy_intp n, number* images, number* filters)
{
    for (npy_intp image = 0; image < n; ++image)
        for (npy_intp f = 0; f < s.filters; ++f) {
            number* one = images + (image * s.filters + f) * s.positions();
            number* other = filters + (f * n + image) * s.positions();
            std::memcpy(by_filters ? other : one, by_filters ? one : other,
                        s.positions() * sizeof(number));
        }
}

enum Result { OUTPUT, WEIGHTS, INPUT };

// Compute one of x, W and z = x * W from the other two, for some of the images.
template <typename number, Result result>
bool convolve(const Shape& s, npy_intp block, npy_intp start, npy_intp end, number* x, number* W,
              number* z)
{
    const npy_intp image_size = s.channels * s.height * s.width;
    const npy_intp map_size = s.filters * s.positions();
    number* columns = (number*)std::malloc(s.bytes(sizeof(number)) * block);
    if (!columns)
        return false;
    number* maps = columns + block * s.weights() * s.positions();
    if (result == INPUT)
        std::fill(x + start * image_size, x + end * image_size, (number)0);
    for (; start < end; start += block) {
        const npy_intp n = std::min(block, end - start), size = n * s.positions();
        number *images = x + start * image_size, *outputs = z + start * map_size;
        if (result != INPUT)
            patches<number, true>(s, n, images, columns);
        if (result != OUTPUT)
            rearrange<number, true>(s, n, outputs, maps);
        if (result == OUTPUT) {
            product(false, false, s.filters, size, s.weights(), W, columns, 0, maps);
            rearrange<number, false>(s, n, outputs, maps);
        } else if (result == WEIGHTS) {
            product(false, true, s.filters, s.weights(), size, maps, columns, 1, W);
        } else {
            product(true, false, s.weights(), size, s.filters, W, maps, 0, columns);
            patches<number, false>(s, n, images, columns);
        }
    }
    std::free(columns);
    return true;
}

// The same for all images; false if there is not enough memory.
template <typename number, Result result>
bool convolve_all(const Shape& s, number* x, number* W, number* z)
{
    const npy_intp bytes = s.bytes(sizeof(number)), n_weights = s.filters * s.weights();
    const npy_intp block = std::max<npy_intp>(1, std::min(s.images, BLOCK_BYTES / bytes));
    const npy_intp n_blocks = (s.images + block - 1) / block;
    const npy_intp n_parts = std::min<npy_intp>(n_blocks, Team::MAX_PARTS);
    number* sums = NULL;  // of each part but the first
    if (result == WEIGHTS) {
        std::fill(W, W + n_weights, (number)0);
        sums = (number*)std::calloc(n_parts * n_weights + 1, sizeof(number));
        if (!sums)
            return false;
    }
    std::atomic<bool> done(true);
    Team::run(n_parts, [&](npy_intp part) {
        const npy_intp start = n_blocks * part / n_parts * block;
        const npy_intp end = std::min(s.images, n_blocks * (part + 1) / n_parts * block);
        number* its_W = result == WEIGHTS && part ? sums + part * n_weights : W;
        if (!convolve<number, result>(s, block, start, end, x, its_W, z))
            done = false;
    });
    if (result == WEIGHTS)
        for (npy_intp part = 1; part < n_parts; ++part)
            add(W, sums + part * n_weights, n_weights);
    std::free(sums);
    return done;
}

// The operations: of (x, W), (x, z) and (W, z). False if a Python error is set.
template <typename number, Result result>
bool convolution(PyArrayObject* first, PyArrayObject* second, PyArrayObject** output)
{
    const npy_intp *a = PyArray_DIMS(first), *b = PyArray_DIMS(second);
    const Shape shapes[] = {{a[0], a[1], a[2], a[3], b[0], b[2], b[3]},
                            {a[0], a[1], a[2], a[3], b[1], a[2] - b[2] + 1, a[3] - b[3] + 1},
                            {b[0], a[1], b[2] + a[2] - 1, b[3] + a[3] - 1, a[0], a[2], a[3]}};
    const Shape& s = shapes[result];
    npy_intp outputs[][4] = {{s.images, s.filters, s.out_height(), s.out_width()},
                             {s.filters, s.channels, s.rows, s.columns},
                             {s.images, s.channels, s.height, s.width}};
    const bool matches[] = {a[1] == b[1], a[0] == b[0], a[0] == b[1]};
    if (!matches[result])
        return fail("conv2d: images and filters differ in the number of channels");
    if (std::min({s.rows, s.columns, s.out_height(), s.out_width()}) < 1)
        return fail("conv2d: the images are smaller than the filters");
    const Array one(first), other(second);
    if (!one.object || !other.object || !allocate(output, outputs[result], first))
        return false;
    number *p = one.data<number>(), *q = other.data<number>();
    number* r = (number*)PyArray_DATA(*output);
    const bool done = result == OUTPUT    ? convolve_all<number, result>(s, p, q, r)
                      : result == WEIGHTS ? convolve_all<number, result>(s, p, r, q)
                                          : convolve_all<number, result>(s, r, p, q);
    if (!done)
        PyErr_NoMemory();
    return done;
}

}  // namespace dltutorials
