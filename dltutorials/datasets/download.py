"""Fetching published data sets, and keeping them where the next run finds them.

:func:`download` gets the files of a data set from the first mirror that has them complete, checks
each against its MD5, and writes them as one file in the tutorial's format into the user's cache.
Complete files are not fetched again, broken ones never take a file's name, and several processes
may download at once.

Proxies are taken from the environment (``HTTPS_PROXY``), and
``DLTUTORIALS_MIRROR`` names your own server, which is tried first: the URL of a folder that
contains a folder ``mnist``.
"""

import logging
import os
import time
from pathlib import Path
from typing import Any, BinaryIO

from dltutorials.datasets.catalogue import PublishedDataset, PublishedFile, require_content
from dltutorials.datasets.idx import read_idx_folder
from dltutorials.datasets.pickled import write_pickled_sets
from dltutorials.datasets.sources import FloatRows
from dltutorials.exceptions import DataError, reason_of
from dltutorials.io.files import durable_writer, prepare_output

TIMEOUT = 30  # seconds without an answer
ROUNDS = 2  # over the mirrors, in case a fault was temporary
_SLACK = 1 << 16  # bytes read of a wrong answer, to tell what it is
PAUSE = 1.0  # seconds between two rounds

_log = logging.getLogger(__name__)


def cache_folder() -> Path:
    """Return ``$XDG_CACHE_HOME/dltutorials``, or else ``~/.cache/dltutorials``."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if not cache.is_absolute():  # as the XDG specification requires
        cache = Path(os.path.expanduser("~"), ".cache")
    return cache / "dltutorials"


def download(published: PublishedDataset, folder: Path | None = None) -> Path:
    """Fetch a data set and write it in the tutorial's format.

    Parameters
    ----------
    published : PublishedDataset
        An entry of :data:`dltutorials.datasets.catalogue.CATALOGUE`.
    folder : pathlib.Path, optional
        Where to write it; by default the user's cache.

    Returns
    -------
    pathlib.Path
        The file in the tutorial's format.

    Raises
    ------
    DataError
        If no mirror has the right files, the folder cannot be written, or what was fetched is not
        the data set.
    """
    folder = cache_folder() if folder is None else folder
    target = folder / published.file_name
    name = published.file_name.split(".")[0]
    own = os.environ.get("DLTUTORIALS_MIRROR")
    mirrors = [f"{own.rstrip('/')}/{name}"] if own else []
    mirrors += published.mirrors
    try:
        originals = folder / name
        originals.mkdir(parents=True, exist_ok=True)
        for file in published.files:
            _fetch(file, mirrors, originals / file.name)
        train_set, valid_set, test_set = (
            (FloatRows(x, "float32").whole(), y.astype("int64"))
            for x, y in read_idx_folder(originals, endings=(".gz",))  # which are verified
        )
        sets = (train_set, valid_set, test_set)
        require_content(sets, published)
        prepare_output(target)
        write_pickled_sets(sets, target)
    except OSError as error:
        raise DataError(
            f"{published.title} cannot be kept in {folder}: {reason_of(error)}; "
            "set XDG_CACHE_HOME to a folder that can be written"
        ) from None
    return target


def _fetch(file: PublishedFile, mirrors: list[str], path: Path) -> None:
    """Fetch the file to `path` from the first mirror that has it complete, unless it is there."""
    from pooch import file_hash

    if path.exists() and file_hash(str(path), alg="md5") == file.md5:
        return
    prepare_output(path)
    urls = [f"{mirror}/{file.name}" for mirror in mirrors]
    failures: dict[str, str] = {}
    for attempt in range(ROUNDS):
        if attempt:
            time.sleep(PAUSE)
        for url in list(urls):
            failure = _try(url, file, path)
            if failure is None:
                return
            failures[url] = str(failure)
            _log.warning("%s: %s", url, failure)
            if not failure.may_pass:
                urls.remove(url)
    reasons = "; ".join(f"{url}: {reason}" for url, reason in failures.items())
    raise DataError(
        f"{path.name} could not be downloaded to {path}: {reasons}; try again later, name another "
        "server in DLTUTORIALS_MIRROR, or put the file there yourself"
    )


class _Failure(Exception):  # noqa: N818
    """The reason why a mirror failed, and whether trying again may help."""

    def __init__(self, reason: str, may_pass: bool) -> None:
        super().__init__(reason)
        self.may_pass = may_pass


def _try(url: str, file: PublishedFile, path: Path) -> _Failure | None:
    # Imported here: few runs download, and these take a quarter of a second to import.
    import pooch
    import requests
    from tqdm.auto import tqdm
    from urllib3.exceptions import HTTPError

    bar = tqdm(total=file.n_bytes, desc=file.name, unit="B", unit_scale=True, disable=None)
    get = pooch.HTTPDownloader(progressbar=bar, timeout=TIMEOUT)
    try:
        with durable_writer(path) as stream:
            get(url, _Limited(stream, file.n_bytes + _SLACK), None)
            stream.flush()
            _require_whole(Path(stream.name), file)
    except _Failure as failure:
        return failure
    except requests.RequestException as error:
        return _explain(error)
    except (ValueError, HTTPError) as error:  # an invalid address or length
        return _Failure(f"the server's answer cannot be used: {reason_of(error)}", may_pass=False)
    finally:
        bar.close()
    return None


class _Limited:
    """A file that accepts no more bytes than expected, whatever a server sends."""

    def __init__(self, file: BinaryIO, max_bytes: int) -> None:
        self.file, self.left = file, max_bytes
        self.flush = file.flush

    def write(self, block: bytes) -> None:
        self.left -= len(block)
        if self.left < 0:
            raise _Failure("it sends more bytes than the file has", may_pass=False)
        self.file.write(block)


def _require_whole(path: Path, file: PublishedFile) -> None:
    from pooch import file_hash

    n_bytes, md5 = path.stat().st_size, file_hash(str(path), alg="md5")
    if md5 == file.md5:
        return
    with open(path, "rb") as stream:
        is_page = stream.read(512).lstrip().startswith(b"<")
    look = " (by its look a web page)" if is_page else ""
    raise _Failure(
        f"got {n_bytes:,} bytes with MD5 {md5}{look}, "
        f"expected {file.n_bytes:,} bytes with MD5 {file.md5}",
        may_pass=n_bytes < file.n_bytes,
    )


def _explain(error: Any) -> _Failure:
    """Describe an error of requests, whose own text fills a page, in a few words."""
    import requests

    if isinstance(error, requests.HTTPError):
        status = getattr(error.response, "status_code", 0)
        return _Failure(f"the server answers with status {status}", may_pass=status >= 500)
    for kind, reason, may_pass in (
        (requests.exceptions.SSLError, "the server's certificate is refused", False),
        (requests.exceptions.ProxyError, "the proxy cannot be used", False),
        (requests.Timeout, f"no answer within {TIMEOUT} s", True),
        (requests.exceptions.ChunkedEncodingError, "the connection broke", True),
        (requests.ConnectionError, "no connection", True),
    ):
        if isinstance(error, kind):
            return _Failure(reason, may_pass)
    return _Failure(f"{type(error).__name__}: {reason_of(error)}", may_pass=False)
