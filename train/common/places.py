"""Places of files: a path, or a URL of an object store by fsspec (s3://, gs://, hf://), where files appear whole."""

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast
from urllib.parse import urlsplit
from urllib.request import url2pathname
from uuid import uuid4

PACKAGES = {
    "s3": "pip install 'latentface[cluster]'",
    "gs": "pip install 'latentface[cluster]' gcsfs",
    "hf": "pip install 'latentface[cluster]'",
}
"""Schemes whose stores show a file only once its upload is whole, and what installs their packages."""
ACCESS = {
    "s3": "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and AWS_ENDPOINT_URL for a server that is not Amazon's",
    "gs": "run `gcloud auth application-default login`",
    "hf": "run `hf auth login`, or set HF_TOKEN",
}
"""How to give credentials, by scheme."""
LIBRARIES = {"aiobotocore", "aiohttp", "botocore", "gcsfs", "google", "httpx", "huggingface_hub", "requests", "s3fs"}
"""Packages whose errors, which are no OSError, speak of the store."""


def is_url(path: str | Path) -> bool:
    """Tell whether a place is in an object store."""
    return "://" in str(path)


def place(text: str | Path) -> Path:
    """Return a path, or for the URL of an object store an object with a path's methods.

    Args:
        text: a path, or a URL with file://, s3://, gs:// or hf://.

    Raises:
        ValueError: the scheme is none of these.
        ImportError: the scheme's package is missing, named with the command that installs it.
    """
    if not is_url(text) or not isinstance(text, str):
        return Path(text) if isinstance(text, str) else text
    scheme = text.partition("://")[0]
    if scheme == "file":
        return Path(url2pathname(urlsplit(text).path))
    if scheme not in PACKAGES:
        raise ValueError(f"{text} is no place for files: give a path, or file://, {'://, '.join(PACKAGES)}://")
    try:
        from upath import UPath

        found = UPath(text, use_listings_cache=False)  # other machines write there meanwhile
        _ = found.fs
    except ImportError as error:
        raise ImportError(f"{scheme}:// needs another package: {PACKAGES[scheme]}") from error
    return cast(Path, found)


@contextmanager
def reached(path: str | Path) -> Iterator[None]:
    """Say in one line why an object store cannot be used within the block; errors about paths pass.

    Raises:
        PermissionError: there are no credentials, or they do not suffice.
        OSError: the store cannot be reached.
    """
    if not is_url(path):
        yield
        return
    scheme = str(path).partition("://")[0]
    try:
        yield
    except (FileNotFoundError, FileExistsError):
        raise
    except Exception as error:  # each store's library has its own
        if not isinstance(error, OSError) and type(error).__module__.partition(".")[0] not in LIBRARIES:
            raise
        said = (str(error).strip().splitlines() or [type(error).__name__])[0][:120]
        if isinstance(error, PermissionError) or "credential" in said.lower():
            raise PermissionError(f"{path}: no access ({said}): {ACCESS[scheme]}") from error
        raise OSError(f"{path} cannot be reached ({said})") from error


def check_place(path: Path) -> Path:
    """Look into a folder of an object store, so that a long work does not end at its first write.

    Raises:
        OSError: see `reached`; or its bucket does not exist.
    """
    if is_url(path):
        with reached(path):
            try:
                path.fs.ls(path.path)  # type: ignore[attr-defined]  # of a UPath
            except FileNotFoundError as error:
                if "bucket does not" in str(error) or "repository not" in str(error):  # else it is made by writing
                    raise FileNotFoundError(f"{path}: there is no such bucket: make it first") from error
    return path


@contextmanager
def whole_file(path: Path, alone: bool = True) -> Iterator[BinaryIO]:
    """Give a stream of a file that appears at `path` when the block ends without error.

    Args:
        path: of the file.
        alone: whether nobody else writes the same file at this moment.

    Raises:
        OSError: the disk is full, which is said with what to do; or see `reached`.
    """
    if is_url(path):
        with whole_upload(path) as stream:
            yield stream
        return
    partial = path.with_suffix(".partial" if alone else f".{uuid4().hex}.partial")
    try:
        with partial.open("wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT):  # they name no file
            partial.unlink(missing_ok=True)
            raise OSError(
                f"{path} cannot be written ({error.strerror}): make room, and the same call goes on"
            ) from error
        raise
    os.replace(partial, path)


@contextmanager
def whole_upload(path: Path) -> Iterator[BinaryIO]:
    """Give a stream of a local file, which is uploaded to `path` when the block ends without error."""
    with tempfile.TemporaryDirectory() as folder:
        local = Path(folder) / "upload"
        with local.open("wb") as stream:
            yield stream
        with reached(path):
            path.fs.put_file(str(local), path.path)  # type: ignore[attr-defined]  # of a UPath
