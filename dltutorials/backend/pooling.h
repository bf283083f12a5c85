// Max pooling, and its gradient.

namespace dltutorials {

const npy_intp MIN_NUMBERS = 1 << 16;  // of a part: less is not worth a thread

// Call work(first, n) for parts of all maps, which have this many numbers each.
template <typename Work> void share_maps(npy_intp n, npy_intp size, Work work)
{
    const npy_intp most = std::min<npy_intp>(n, Team::MAX_PARTS);
    const npy_intp n_parts = std::max<npy_intp>(1, std::min(most, n * size / MIN_NUMBERS));
    Team::run(n_parts, [&](npy_intp part) {
        const npy_intp first = n * part / n_parts, end = n * (part + 1) / n_parts;
        work(first, end - first);
    });
}

template <typename number, int rows, int columns>
void pool_maps(npy_intp n, const npy_intp* shape, const number* maps, number* z)
{
    const npy_intp height = shape[2] / rows, width = shape[3] / columns;
    for (npy_intp map = 0; map < n; ++map, maps += shape[2] * shape[3])
        for (npy_intp y = 0; y < height; ++y, z += width)
            for (npy_intp i = 0; i < width; ++i) {
                const number* window = maps + y * rows * shape[3] + i * columns;
                number largest = *window;
                for (int r = 0; r < rows; ++r)
                    for (int c = 0; c < columns; ++c)
                        largest = std::max(largest, window[r * shape[3] + c]);
                z[i] = largest;
            }
}

template <typename number, int rows, int columns>
void pool_gradient(npy_intp n, const npy_intp* shape, const number* maps, const number* top,
                   const number* from, number* to)
{
    const npy_intp height = shape[2] / rows, width = shape[3] / columns;
    for (npy_intp map = 0; map < n; ++map)
        for (npy_intp y = 0; y < shape[2]; ++y, maps += shape[3], to += shape[3]) {
            const npy_intp row = (map * height + y / rows) * width;
            const npy_intp end = y < height * rows ? width : 0;
            for (npy_intp i = 0; i < end; ++i)
                for (int c = 0; c < columns; ++c)
                    to[i * columns + c] = maps[i * columns + c] == top[row + i] ? from[row + i] : 0;
            std::fill(to + end * columns, to + shape[3], (number)0);
        }
}

// The largest number of each window; what is left over at the right and the bottom is cut.
template <typename number, int rows, int columns>
bool max_pool(PyArrayObject* input, PyArrayObject** output)
{
    const npy_intp* shape = PyArray_DIMS(input);
    npy_intp pooled[] = {shape[0], shape[1], shape[2] / rows, shape[3] / columns};
    const npy_intp size = shape[2] * shape[3], pooled_size = pooled[2] * pooled[3];
    const Array x(input);
    if (!x.object || !allocate(output, pooled, input))
        return false;
    const number* maps = x.data<number>();
    number* z = (number*)PyArray_DATA(*output);
    share_maps(shape[0] * shape[1], size, [=](npy_intp first, npy_intp n) {
        pool_maps<number, rows, columns>(n, shape, maps + first * size, z + first * pooled_size);
    });
    return true;
}

// Each number that is the largest of its window gets the gradient of the window.
template <typename number, int rows, int columns>
bool max_pool_gradient(PyArrayObject* input, PyArrayObject* largest, PyArrayObject* gradient,
                       PyArrayObject** output)
{
    npy_intp* shape = PyArray_DIMS(input);
    const npy_intp size = shape[2] * shape[3];
    const npy_intp pooled_size = (shape[2] / rows) * (shape[3] / columns);
    const Array x(input), z(largest), dz(gradient);
    if (!x.object || !z.object || !dz.object || !allocate(output, shape, input))
        return false;
    const number *maps = x.data<number>(), *top = z.data<number>(), *from = dz.data<number>();
    number* to = (number*)PyArray_DATA(*output);
    share_maps(shape[0] * shape[1], size, [=](npy_intp first, npy_intp n) {
        const npy_intp its = first * pooled_size;
        pool_gradient<number, rows, columns>(n, shape, maps + first * size, top + its, from + its,
                                             to + first * size);
    });
    return true;
}

}  // namespace dltutorials
