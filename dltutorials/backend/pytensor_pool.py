"""``theano.tensor.signal.pool`` for PyTensor, which has no pooling.

>>> import theano.tensor as T
>>> pool_2d(T.constant([[[[1.0, 2.0, 5.0, 4.0]]]]), (1, 2), ignore_border=True).eval().tolist()
[[[[2.0, 5.0]]]]
"""

from dltutorials.backend.pooling import max_pool_2d
from dltutorials.types import Expression


def pool_2d(
    input: Expression,
    ws: tuple[int, int] | None = None,
    ignore_border: bool | None = None,
    stride: tuple[int, int] | None = None,
    pad: tuple[int, int] = (0, 0),
    mode: str = "max",
    ds: tuple[int, int] | None = None,
) -> Expression:
    """Return the largest number of each window, see :func:`~dltutorials.backend.max_pool_2d`.

    Parameters
    ----------
    input : float tensor, ``(n_images, n_maps, height, width)``
    ws, ds : (int, int)
        The size of a window, under its new or its old name.
    ignore_border : True
        Rows and columns left over at the borders are ignored.
    stride, pad, mode
        The defaults: windows do not overlap, nothing is padded.

    Raises
    ------
    NotImplementedError
        If an argument is anything else.
    """
    ws = ds if ws is None else ws
    given = ignore_border, tuple(stride or ws or ()), tuple(pad), mode
    if ws is None or given != (True, tuple(ws), (0, 0), "max"):
        raise NotImplementedError(
            f"pool_2d: got ws={ws}, ignore_border={ignore_border}, stride={stride}, pad={pad}, "
            f"mode={mode}; expected a window, ignore_border=True and the defaults: Theano alone "
            "has the rest"
        )
    return max_pool_2d(input, ws)
