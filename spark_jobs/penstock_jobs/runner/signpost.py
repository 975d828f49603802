"""The file in the lake that says where the control plane that decides is called, for runners that reach none they know.

Whoever writes to the lake could write it, and the runner's token goes to whom it names: so that token signs it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import sys
from pathlib import Path

# Tells these signatures from any other that is ever made with the token.
_PURPOSE = "penstock control planes"


def read_signpost(path: Path, token: str) -> list[str]:
    """The URLs that it names, the one that decides first; none where there is no file, or one that nobody signed."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return []
    try:
        content = json.loads(text)
        urls, signature = content["controlPlanes"], content["signature"]
        if all(isinstance(url, str) for url in urls) and hmac.compare_digest(sign(urls, token), signature):
            return list(urls)
    except (ValueError, KeyError, TypeError):
        pass
    print(f"sync: {path} is not signed with this runner's token: ignored", file=sys.stderr, flush=True)  # noqa: T201
    return []


def sign(urls: list[str], token: str) -> str:
    """What the control plane writes beside these URLs."""
    return hmac.new(token.encode(), "\n".join([_PURPOSE, *urls]).encode(), hashlib.sha256).hexdigest()
