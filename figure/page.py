"""Pages of HTML: one file each, that asks nothing of any network and runs nothing but what is ours.

What comes from files and names is text wherever it stands (Jinja2 escapes it). The page forbids itself, by a content
security policy, every request and every script whose digest is not ours.
"""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

SHARED = Path(__file__).parent / "pages"
# Of a page with explorer.jinja and the values that it shows, in the element "x-data".
EXPLORER_SCRIPTS = (
    "decoder.js", "explorer_data.js", "explorer_points.js", "explorer_map.js", "explorer_image.js",
    "explorer_epochs.js", "explorer.js",
)  # fmt: skip


def render(template: str, folder: Path, scripts: tuple[str, ...] = (), **values: Any) -> str:
    """A page.

    Args:
        template: its file's name, which extends ``page.jinja``.
        folder: where it lies.
        scripts: files of JavaScript, in that folder or the shared one, that run on it in this order, as one.
        values: what the template shows; text, unless made by :func:`as_json`.
    """
    environment = Environment(
        loader=FileSystemLoader([folder, SHARED]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    sources = "\n".join(_source(name, folder) for name in scripts)
    script = f"(() => {{\n'use strict';\n{sources}\n}})();" if sources else ""  # what one defines, the next ones know
    page = environment.get_template(template).render(
        script=Markup(script),
        script_digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        styles=Markup((SHARED / "page.css").read_text("utf-8")),
        **values,
    )
    return page.encode("utf-8", "replace").decode("utf-8")  # half a surrogate pair, of a name that is no text


def as_json(content: Any) -> Markup:
    """JSON that can stand in a ``<script type="application/json">``: nothing in it ends that element."""
    text = json.dumps(content, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def embedded_json(page: str, name: str) -> Any:
    """What :func:`as_json` put into the element of that id of a page; None if there is no such thing."""
    start = f'<script type="application/json" id="{name}">'
    _, found, rest = page.partition(start)
    try:
        return json.loads(rest.partition("</script>")[0]) if found else None
    except (ValueError, RecursionError):
        return None


def _source(name: str, folder: Path) -> str:
    own = folder / name
    return (own if own.exists() else SHARED / name).read_text("utf-8")


def packed(values: np.ndarray, kind: str) -> dict[str, str]:
    """An array as the pages' scripts unpack it.

    Args:
        values: of any shape; it is flattened.
        kind: ``f4``, ``f2``, ``i4``, ``i2`` or ``u1``.
    """
    content = np.ascontiguousarray(values).astype(f"<{kind}").tobytes()
    return {"type": kind, "data": base64.b64encode(content).decode()}
