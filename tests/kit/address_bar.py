"""Where a browser really goes: the origin of an address by the URL Standard (url.spec.whatwg.org, section 4.4).

Written from the standard and not from our own code: it repairs what browsers repair, so that a test can ask where a
sloppy address would have led.
"""

from urllib.parse import unquote

SPECIAL = {"http": "80", "https": "443", "ws": "80", "wss": "443", "ftp": "21"}


def destination(address: str, page: str) -> str:
    """The origin that a browser on `page` opens for this Location; "" where it opens none."""
    text = address.strip("".join(map(chr, range(0x21))))
    text = text.replace("\t", "").replace("\n", "").replace("\r", "")
    scheme, colon, rest = text.partition(":")
    if not colon or not scheme.isascii() or not scheme[:1].isalpha() or set(scheme) & set("/\\?#@"):
        return _relative(text, page)
    scheme = scheme.lower()
    if scheme not in SPECIAL:
        return ""
    rest = rest.replace("\\", "/")
    # A special scheme of another page than this one needs no slashes, and takes any number of them.
    if not rest.startswith("//") and scheme == page.partition(":")[0]:
        return _relative(rest, page)
    return _authority(scheme, rest.lstrip("/"))


def _relative(text: str, page: str) -> str:
    text = text.replace("\\", "/")
    if text.startswith("//"):
        return _authority(page.partition(":")[0], text.lstrip("/"))
    return page


def _authority(scheme: str, rest: str) -> str:
    for end in "/?#":
        rest = rest.partition(end)[0]
    host = unquote(rest.rpartition("@")[2])
    name, colon, port = host.rpartition(":")
    if not colon or host.endswith("]"):
        name, port = host, ""
    name = name.lower().replace("。", ".").replace("．", ".").replace("｡", ".").rstrip(".")
    return f"{scheme}://{name}" + (f":{port}" if port not in {"", SPECIAL[scheme]} else "")
