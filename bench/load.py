"""wrk and what it sends: the bytes of one request, or of requests that differ in address and session."""

import json
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SERIAL, COOKIE = "{serial}", "{cookie}"
"""Where a head has the number of the request, and one of the cookies."""

_DONE = """
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format(
    'BENCH {"requests":%d,"micros":%d,"p50":%d,"p99":%d,"p999":%d,"socket":%d,"status":%d}\\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), latency:percentile(99.9),
    e.connect + e.read + e.write + e.timeout, e.status))
end
"""


@dataclass(frozen=True, slots=True)
class Load:
    """`head` is a whole request head, in which `SERIAL` and `COOKIE` may stand; `cookies` take turns."""

    head: str
    cookies: tuple[str, ...] = field(default=("",), repr=False)
    connections: int = 16

    def first(self) -> bytes:
        """The bytes of the first request."""
        return self.head.replace(SERIAL, "0").replace(COOKIE, self.cookies[0]).encode("latin-1")


@dataclass(frozen=True, slots=True)
class Ran:
    """What wrk says of one run; latencies in microseconds. `errors` are requests without an answer."""

    requests: int
    seconds: float
    p50: int
    p99: int
    p999: int
    errors: int
    above_399: int


def run_wrk(load: Load, port: int, seconds: int, folder: Path, start: int = 0) -> Ran:
    """Send for so many seconds, from the cores of whoever calls; the first request is number `start`."""
    script = folder / "load.lua"
    script.write_text(lua(load, folder, start), encoding="latin-1")
    command = ["wrk", "-t1", f"-c{load.connections}", f"-d{seconds}s", "--timeout", "10s", "-s", str(script)]
    done = subprocess.run([*command, f"http://127.0.0.1:{port}/"], capture_output=True, text=True, check=True)
    return read_wrk(done.stdout)


def read_wrk(said: str) -> Ran:
    """From the line that the script writes at the end. Raises `RuntimeError` where there is none."""
    found = re.search(r"^BENCH (\{.*\})$", said, re.MULTILINE)
    if not found:
        raise RuntimeError(f"wrk said nothing of its run: {said[-500:]}")
    told: dict[str, Any] = json.loads(found[1])
    latencies = (told["p50"], told["p99"], told["p999"])
    return Ran(told["requests"], told["micros"] / 1e6, *latencies, told["socket"], told["status"])


def lua(load: Load, folder: Path, start: int = 0) -> str:
    """The script of wrk, from the request of number `start` on.

    A head without places in it is handed over once, and whole: wrk's own writing would shuffle its lines.
    """
    pieces = [piece for piece in re.split(r"(\{serial\}|\{cookie\})", load.head) if piece]
    if SERIAL not in pieces and len(load.cookies) == 1:
        text = _quoted(load.first().decode("latin-1"))
        return f"wrk.format = function() return {text} end\n{_DONE}"
    file = folder / "cookies.txt"
    file.write_text("\n".join(load.cookies), encoding="latin-1")
    return _varying(pieces, file, start) + _DONE


def _varying(pieces: Sequence[str], cookies: Path, start: int) -> str:
    places = {SERIAL: "n", COOKIE: "cookies[n % #cookies + 1]"}
    joined = " .. ".join([places.get(piece) or _quoted(piece) for piece in pieces])
    return (
        f"local cookies, n = {{}}, {start - 1}\nfor line in io.lines({_quoted(str(cookies))}) do cookies[#cookies + 1] = line end\n"
        f"if #cookies == 0 then cookies[1] = '' end\n"
        f"request = function() n = n + 1; return {joined} end\n"
    )


def _quoted(text: str) -> str:
    """A Lua string; JSON writes the same escapes for what stands in a head."""
    return json.dumps(text, ensure_ascii=False)
