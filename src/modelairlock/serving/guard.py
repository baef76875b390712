"""Who may ask at all: decided from the head of a request alone.

Without a token a server on the loopback address is open to every program of the machine, and to the browser on it: a
web page can send requests there, and read the answers once it has made its own name lead to 127.0.0.1 (DNS rebinding).
So the name in ``Host`` must be the machine's own then, and what a browser calls cross-site is refused.
"""

import hmac

from starlette.types import Scope

from modelairlock.serving.problems import Refusal

#: these say yes or no, and nothing else
_OPEN = ("/v2/health/live", "/v2/health/ready")


def refused(scope: Scope, token: str, hosts: frozenset[str]) -> Refusal | None:
    """Why a request is turned away, if it is: without the `token`, or for none of `hosts`. Empty ones ask nothing."""
    heads: list[tuple[bytes, bytes]] = scope["headers"]
    if token and scope["path"] not in _OPEN:
        given = [value for name, value in heads if name == b"authorization"]
        if len(given) != 1 or not _is(given[0], token):
            return Refusal(401, "a token is needed: Authorization: Bearer TOKEN", kind="token")
    if hosts:
        given = [value for name, value in heads if name == b"host"]
        if len(given) != 1 or _name(given[0]) not in hosts:
            return Refusal(421, "this server is for this machine alone, and was asked under another name", kind="host")
    # Browsers that do not say whether a page asks across sites say at least which page it is.
    origins = [value for name, value in heads if name == b"origin"]
    own = [value for name, value in heads if name == b"host"]
    if any(origin.partition(b"://")[2] not in own for origin in origins):
        return Refusal(403, "web pages may not ask here", kind="host")
    sites = [value for name, value in heads if name == b"sec-fetch-site"]
    if any(site not in {b"none", b"same-origin"} for site in sites):
        return Refusal(403, "web pages may not ask here", kind="host")
    return None


def _is(given: bytes, token: str) -> bool:
    scheme, _, value = given.partition(b" ")
    # The time this takes says nothing of how much of it was right.
    return hmac.compare_digest(value.strip(), token.encode()) and scheme.lower() == b"bearer"


def _name(host: bytes) -> str:
    text = host.decode("latin-1").lower()
    if text.startswith("["):
        return text.partition("]")[0].removeprefix("[")
    return text.partition(":")[0]
