"""Files that an encoder has written some day, kept as bytes: `python -m tests.kept_files` adds those that are missing.

Whatever the encoder writes today, these files must decode to the same pixels for ever.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import kpal

from .images import METADATA, gradient, moving, picture, poster, soft_icon

FOLDER = Path(__file__).with_name("kept")
CONTENT = FOLDER / "content.json"

# What is encoded, by the beginning of the name; a name never gets another content.
MAKERS: dict[str, Callable[[str], bytes]] = {
    "gradient": lambda coder: kpal.encode(gradient(), coder=coder),
    "icon": lambda coder: kpal.encode(soft_icon(), 60, coder=coder),
    "poster": lambda coder: kpal.encode(poster(60, 90, 12), coder=coder),
    "moving": lambda coder: kpal.encode_frames(
        list(moving(12, 40, 50, 30, 4)), coder=coder, durations=list(range(0, 1200, 100)), loop=3
    ),
    "metadata": lambda coder: kpal.encode(picture(30, 40, 9), metadata=METADATA, coder=coder),
    "one-colour": lambda coder: kpal.encode(gradient()[:1, :1], coder=coder),
}


def content(data: bytes) -> dict[str, Any]:
    """What a file holds, as JSON types; pixels and the metadata by their digest."""
    info, pixels = kpal.inspect(data), hashlib.sha256()
    if info.durations:
        for frame, _ in kpal.decode_frames(data):
            pixels.update(frame.tobytes())
    else:
        pixels.update(kpal.decode(data).tobytes())
    about = {
        "size": [info.width, info.height],
        "coder": info.coder,
        "durations": list(info.durations),
        "loop": info.loop,
    }
    metadata = json.dumps(info.metadata.as_info(), default=repr, sort_keys=True)
    return {**about, "pixels": pixels.hexdigest(), "metadata": hashlib.sha256(metadata.encode()).hexdigest()}


def main() -> None:
    """Adds the files that are missing, and what they hold."""
    known = json.loads(CONTENT.read_text()) if CONTENT.exists() else {}
    FOLDER.mkdir(exist_ok=True)
    for (kind, make), coder in itertools.product(MAKERS.items(), kpal.CODERS):
        if (name := f"{kind}-{coder}") not in known:
            data = make(coder)
            (FOLDER / f"{name}.kpal").write_bytes(data)
            known[name] = content(data)
    CONTENT.write_text(json.dumps(known, indent=1) + "\n")


if __name__ == "__main__":
    main()
