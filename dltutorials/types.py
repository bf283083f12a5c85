"""Names for the types of common arguments."""

import os
from typing import Any, TypeAlias

PathLike: TypeAlias = str | os.PathLike[str]

# Neither Theano nor PyTensor has type hints; these names say what an argument is for.
Expression: TypeAlias = Any  # a Theano expression: what theano.tensor functions take and return
SharedVariable: TypeAlias = Any  # what theano.shared returns
Updates: TypeAlias = list[tuple[SharedVariable, Expression]]  # for theano.function(updates=...)

Split: TypeAlias = tuple[Any, ...]  # one set: (x, y), or (x,) without labels

# Types of optional packages, which cannot be imported here.
Axes: TypeAlias = Any  # matplotlib's
Figure: TypeAlias = Any  # matplotlib's
