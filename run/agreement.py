"""What several processes make sure of before they work as one, see :mod:`run.ranks`."""

import hashlib
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from run import ranks
from run.hints import own_command
from run.provenance import versions

_ROOT = Path(__file__).parents[1]
_HOUSE = ("data", "figure", "latent", "model", "run", "stages")


SAME_FILES = "give each machine the same files, or folders that they share"  # where what they read differs


def agree(arguments: Mapping[str, Any], output_dir: Path, may_differ: Collection[str] = ()) -> None:
    """Find out, before any work is done, that all processes are to do the same, with the same, in one folder.

    Args:
        arguments: by name, plain or paths.
        output_dir: where the first writes, and all read.
        may_differ: names of those that do not decide the outcome.

    Raises:
        BadInput: they are not.
    """
    if ranks.world_size() == 1:
        return
    ranks.require_same("versions", versions() | {"the suite": _own_digest()}, "install the same on each machine")
    plain = json.loads(json.dumps(arguments, default=str))
    typed = {f"--{name}": value for name, value in plain.items() if name not in may_differ}
    ranks.require_same("arguments", typed, f"start all of them by one command, say: {own_command({})}")
    ranks.require_shared_folder(output_dir)


def _own_digest() -> str:
    """A short digest of the program's own files."""
    digest = hashlib.sha256()
    for path in sorted(path for folder in _HOUSE for path in (_ROOT / folder).rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
