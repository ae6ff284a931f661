"""Models on the Hugging Face Hub, by huggingface_hub: the extra `hub`.

A model is a repository with the files of a model folder. Access tokens are huggingface_hub's own matter: it
reads them where `hf auth login` has put them. The environment variable `HF_ENDPOINT` names another server.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from vqzip.errors import ModelError, VqzipError, missing_package
from vqzip.families.fetching import MODEL_FILES, copy_folder, largest_bytes
from vqzip.families.installed import summary
from vqzip.models.folder import one_line

if TYPE_CHECKING:
    from huggingface_hub import HfApi

_REPOSITORY = re.compile(r"([A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)(?:@([\w./-]+))?")


def pull(repository: str, target: Path) -> None:
    """Copy the files of a model folder out of a repository.

    Args:
        repository: `OWNER/NAME` or `OWNER/NAME@REVISION`.
        target: an empty folder.

    Raises:
        ModelError: there is no such repository, it has no model, or a file is too large.
        UsageError: huggingface_hub is not installed.
    """
    api = _api()
    name, revision = _parts(repository)
    with _as_model_error(repository, "pulled"):
        found = api.model_info(name, revision=revision, files_metadata=True)
        for file in found.siblings or []:
            if file.rfilename in MODEL_FILES and (file.size or 0) > largest_bytes(file.rfilename):
                raise ModelError(f"{repository} has a {file.rfilename} of {file.size} bytes.")
        with tempfile.TemporaryDirectory() as folder:
            # The commit that was looked at, whatever is pushed meanwhile.
            api.snapshot_download(
                name, revision=found.sha, allow_patterns=list(MODEL_FILES), local_dir=folder
            )
            copy_folder(Path(folder), target)


def push(folder: Path, repository: str, *, private: bool) -> str:
    """Upload a model folder to a repository, which is made if it does not exist.

    Args:
        folder: is checked before anything is sent; only the files of a model folder are.
        repository: `OWNER/NAME`.
        private: make a new repository private.

    Returns:
        The address of the commit.

    Raises:
        ModelError: the model is damaged, or the server refuses.
        UsageError: huggingface_hub is not installed.
    """
    api = _api()
    name, revision = _parts(repository)
    facts = summary(folder)
    with _as_model_error(repository, "pushed"):
        api.create_repo(name, private=private, exist_ok=True, repo_type="model")
        commit = api.upload_folder(
            repo_id=name,
            folder_path=folder,
            allow_patterns=list(MODEL_FILES),
            revision=revision,
            commit_message=f"{facts.config.name} {facts.id[:8].hex()}",
        )
    return str(commit.commit_url)


@contextmanager
def _as_model_error(repository: str, what: str) -> Iterator[None]:
    """Turn what huggingface_hub raises into an error of one sentence."""
    try:
        yield
    except VqzipError:
        raise
    except Exception as error:
        # The errors of a connection are those of the HTTP client, which changed twice.
        raise ModelError(f"{repository} cannot be {what} ({one_line(error)}).") from error


def _parts(repository: str) -> tuple[str, str | None]:
    """Return the name and the revision of a repository."""
    match = _REPOSITORY.fullmatch(repository)
    if match is None:
        raise ModelError(f"a repository is OWNER/NAME or OWNER/NAME@REVISION, got '{repository}'.")
    return match[1], match[2]


def _api() -> HfApi:
    try:
        from huggingface_hub import HfApi
    except ImportError as error:
        raise missing_package("huggingface_hub", "the Hugging Face Hub", "hub") from error
    return HfApi(endpoint=os.environ.get("HF_ENDPOINT"), library_name="vqzip")
