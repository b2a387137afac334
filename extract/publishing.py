"""Publishing: upload of a folder from `save_pretrained` to the Hugging Face hub."""

from __future__ import annotations

from pathlib import Path

from extract.extras import require

RUN_FILE, FEATURES_FILE = "model.safetensors", "manifest.json"


class PretrainedError(ValueError):
    """A folder was not written by `save_pretrained`, or cannot be uploaded."""


def push_to_hub(folder: Path | str, repo_id: str, *, private: bool = True) -> str:
    """Upload a folder from `save_pretrained` to the Hugging Face hub, and return its address.

    A run becomes a model repository, a feature set a data set repository.

    Args:
        folder: folder of a published run or feature set.
        repo_id: name of the repository, such as "name/model"; it is created if it does not exist.
        private: whether a new repository is private. A run contains users' ids and interactions.

    Raises:
        ImportError: huggingface_hub is not installed.
        PretrainedError: the folder was not written by `save_pretrained`, or the hub refuses it.
    """
    require("huggingface_hub", purpose="publishing", extra="hub")
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    folder = Path(folder)
    kinds = {RUN_FILE: ("model", "run"), FEATURES_FILE: ("dataset", "feature set")}
    found = [kind for name, kind in kinds.items() if (folder / name).is_file()]
    if not found:
        raise PretrainedError(
            f"{folder} is neither a published run nor a published feature set; write it with "
            "save_pretrained first"
        )
    kind, noun = found[0]
    api = HfApi()
    try:
        url = str(api.create_repo(repo_id, repo_type=kind, private=private, exist_ok=True))
        api.upload_folder(
            repo_id=repo_id,
            repo_type=kind,
            folder_path=folder,
            commit_message=f"Upload a {noun} of mmgcn",
        )
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        raise PretrainedError(
            f"the hub refused {repo_id}: {' '.join(str(error).split())[:200]}; log in "
            "with: hf auth login"
        ) from error
    return url
