"""The loops of convolution and pooling, compiled by Numba for PyTensor.

``convolution.h`` and ``pooling.h``, the same in C, explain what each does, and why.
"""

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dltutorials.backend import convolution, pooling

import numpy as np
from pytensor.link.numba.dispatch.basic import numba_njit, register_funcify_default_op_cache_key

_BLOCK_BYTES = 1 << 20
_VERSION = zlib.crc32(Path(__file__).read_bytes())  # of compiled code that is kept


@numba_njit
def _block(n_images: int, weights: int, filters: int, positions: int, itemsize: int) -> int:
    return max(1, min(n_images, _BLOCK_BYTES // ((weights + filters) * positions * itemsize)))


@numba_njit
def _check(fits: bool, rows: int, columns: int) -> None:
    if not fits:
        raise ValueError("conv2d: images and filters differ in the number of channels")
    if rows < 1 or columns < 1:
        raise ValueError("conv2d: the images are smaller than the filters")


@numba_njit
def _patches(images: Any, columns: Any, is_copied: bool) -> None:
    n_channels, n_rows, n_columns, n, height, width = columns.shape
    pixels, patches = images.reshape(-1), columns.reshape(-1)
    stride = images.shape[3]
    # Unsigned, so that Numba need not ask whether an index counts from the end.
    to, length = np.uintp(0), np.uintp(width)
    for c in range(n_channels):
        for i in range(n_rows - 1, -1, -1):
            for j in range(n_columns - 1, -1, -1):
                for image in range(n):
                    start = ((image * n_channels + c) * images.shape[2] + i) * stride + j
                    for y in range(height):
                        at = np.uintp(start + y * stride)
                        if is_copied:
                            for x in range(length):
                                patches[to + x] = pixels[at + x]
                        else:
                            for x in range(length):
                                pixels[at + x] += patches[to + x]
                        to += length


@numba_njit
def _rearrange(outputs: Any, maps: Any, by_filters: bool) -> None:
    n, n_filters, height, width = outputs.shape
    by_image, by_filter = outputs.reshape(-1), maps.reshape(-1)
    size = np.uintp(height * width)
    for image in range(n):
        for f in range(n_filters):
            one = np.uintp(image * n_filters + f) * size
            other = np.uintp(f * n + image) * size
            if by_filters:
                for i in range(size):
                    by_filter[other + i] = by_image[one + i]
            else:
                for i in range(size):
                    by_image[one + i] = by_filter[other + i]


@register_funcify_default_op_cache_key(convolution.Conv2d)
def _conv2d(op: Any, node: Any, **kwargs: Any) -> tuple[Callable, int]:
    @numba_njit
    def conv2d(x: Any, W: Any) -> Any:
        x = np.ascontiguousarray(x)
        n_filters, n_channels, rows, columns = W.shape
        height, width = x.shape[2] - rows + 1, x.shape[3] - columns + 1
        _check(n_channels == x.shape[1], height, width)
        weights, positions = n_channels * rows * columns, height * width
        block = _block(len(x), weights, n_filters, positions, x.itemsize)
        z = np.empty((len(x), n_filters, height, width), x.dtype)
        matrix = np.ascontiguousarray(W).reshape(n_filters, weights)
        memory = np.empty((weights + n_filters) * positions * block, x.dtype)
        for start in range(0, len(x), block):
            n = min(block, len(x) - start)
            size = n * positions
            patches = memory[: weights * size].reshape(
                (n_channels, rows, columns, n, height, width)
            )
            maps = memory[-n_filters * size :].reshape((n_filters, n, height, width))
            _patches(x[start : start + n], patches, True)
            np.dot(matrix, patches.reshape(weights, size), maps.reshape(n_filters, size))
            _rearrange(z[start : start + n], maps, False)
        return z

    return conv2d, _VERSION


@register_funcify_default_op_cache_key(convolution.Conv2dWeightGradient)
def _weight_gradient(op: Any, node: Any, **kwargs: Any) -> tuple[Callable, int]:
    @numba_njit
    def conv2d_weight_gradient(x: Any, dz: Any) -> Any:
        x, dz = np.ascontiguousarray(x), np.ascontiguousarray(dz)
        n_channels, (n_filters, height, width) = x.shape[1], dz.shape[1:]
        rows, columns = x.shape[2] - height + 1, x.shape[3] - width + 1
        _check(len(x) == len(dz), rows, columns)
        weights, positions = n_channels * rows * columns, height * width
        block = _block(len(x), weights, n_filters, positions, x.itemsize)
        dW = np.zeros((n_filters, weights), x.dtype)
        memory = np.empty((weights + n_filters) * positions * block, x.dtype)
        for start in range(0, len(x), block):
            n = min(block, len(x) - start)
            size = n * positions
            patches = memory[: weights * size].reshape(
                (n_channels, rows, columns, n, height, width)
            )
            maps = memory[-n_filters * size :].reshape((n_filters, n, height, width))
            _patches(x[start : start + n], patches, True)
            _rearrange(dz[start : start + n], maps, True)
            dW += np.dot(maps.reshape(n_filters, size), patches.reshape(weights, size).T)
        return dW.reshape(n_filters, n_channels, rows, columns)

    return conv2d_weight_gradient, _VERSION


@register_funcify_default_op_cache_key(convolution.Conv2dInputGradient)
def _input_gradient(op: Any, node: Any, **kwargs: Any) -> tuple[Callable, int]:
    @numba_njit
    def conv2d_input_gradient(W: Any, dz: Any) -> Any:
        dz = np.ascontiguousarray(dz)
        n_filters, n_channels, rows, columns = W.shape
        height, width = dz.shape[2:]
        _check(n_filters == dz.shape[1], height, width)
        weights, positions = n_channels * rows * columns, height * width
        block = _block(len(dz), weights, n_filters, positions, dz.itemsize)
        dx = np.zeros((len(dz), n_channels, height + rows - 1, width + columns - 1), dz.dtype)
        matrix = np.ascontiguousarray(W).reshape(n_filters, weights)
        memory = np.empty((weights + n_filters) * positions * block, dz.dtype)
        for start in range(0, len(dz), block):
            n = min(block, len(dz) - start)
            size = n * positions
            patches = memory[: weights * size].reshape(
                (n_channels, rows, columns, n, height, width)
            )
            maps = memory[-n_filters * size :].reshape((n_filters, n, height, width))
            _rearrange(dz[start : start + n], maps, True)
            np.dot(matrix.T, maps.reshape(n_filters, size), patches.reshape(weights, size))
            _patches(dx[start : start + n], patches, False)
        return dx

    return conv2d_input_gradient, _VERSION


@register_funcify_default_op_cache_key(pooling.MaxPool2d)
def _max_pool(op: Any, node: Any, **kwargs: Any) -> tuple[Callable, int]:
    rows, columns = op.rows, op.columns

    @numba_njit
    def max_pool_2d(x: Any) -> Any:
        n, n_maps, height, width = x.shape
        z = np.empty((n, n_maps, height // rows, width // columns), x.dtype)
        for image in range(n):
            for m in range(n_maps):
                for i in range(z.shape[2]):
                    for j in range(z.shape[3]):
                        largest = x[image, m, i * rows, j * columns]
                        for r in range(rows):
                            for c in range(columns):
                                largest = max(largest, x[image, m, i * rows + r, j * columns + c])
                        z[image, m, i, j] = largest
        return z

    return max_pool_2d, _VERSION


@register_funcify_default_op_cache_key(pooling.MaxPool2dGradient)
def _max_pool_gradient(op: Any, node: Any, **kwargs: Any) -> tuple[Callable, int]:
    rows, columns = op.rows, op.columns

    @numba_njit
    def max_pool_2d_gradient(x: Any, z: Any, dz: Any) -> Any:
        x, z, dz = np.ascontiguousarray(x), np.ascontiguousarray(z), np.ascontiguousarray(dz)
        dx = np.zeros(x.shape, x.dtype)
        numbers, largest, gradients = x.reshape(-1), z.reshape(-1), dz.reshape(-1)
        out, zero = dx.reshape(-1), x.dtype.type(0)
        height, width = z.shape[2:]
        for m in range(x.shape[0] * x.shape[1]):
            for i in range(height * rows):
                start = np.uintp((m * x.shape[2] + i) * x.shape[3])
                window = np.uintp((m * height + i // rows) * width)
                for j in range(np.uintp(width)):
                    top, gradient = largest[window + j], gradients[window + j]
                    for c in range(np.uintp(columns)):
                        at = start + j * np.uintp(columns) + c
                        out[at] = gradient if numbers[at] == top else zero
        return dx

    return max_pool_2d_gradient, _VERSION
