"""The least that a server can answer, by the same uvicorn: what a check is held against.

python -m bench.constant PORT
"""

import sys
from typing import Any

import uvicorn


async def constant(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001 (ASGI's form)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


if __name__ == "__main__":
    uvicorn.run(
        constant, port=int(sys.argv[1]), http="httptools", loop="uvloop", ws="none", lifespan="off",
        proxy_headers=False, access_log=False, server_header=False, log_level="warning",
    )  # fmt: skip
