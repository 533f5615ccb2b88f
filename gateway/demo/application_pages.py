"""What the sample application shows."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

from gateway.demo.look import WINDOW, page
from gateway.identity.presented import Headers

SCRIPT = """
"use strict";
const said = document.getElementById("said");
const say = (text) => { said.textContent = text; };

document.getElementById("ask")?.addEventListener("click", async () => {
  const answer = await fetch("/api/whoami", { headers: { accept: "application/json" } });
  const body = await answer.text();
  let shown = body;
  try { shown = JSON.stringify(JSON.parse(body), null, 2); } catch { /* not JSON: shown as it is */ }
  say(`HTTP ${answer.status}\\n${shown}`);
});

const form = document.getElementById("talk");
if (form) {
  const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`);
  const lines = [];
  const tell = (line) => { lines.push(line); say(lines.slice(-12).join("\\n")); };
  socket.onopen = () => { tell("connected: the handshake passed the gateway"); form.elements.message.focus(); };
  socket.onmessage = (event) => tell(`echo: ${event.data}`);
  socket.onclose = (event) => tell(`closed (${event.code})`);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (socket.readyState === WebSocket.OPEN) { socket.send(form.elements.message.value); form.reset(); }
  });
}
"""


@dataclass(frozen=True, slots=True)
class Visit:
    """What one request told the application. `told` are the decoded X-Auth-* headers, names without the prefix.

    `claims` are those of a verified assertion; where there is none, `fault` says why.
    """

    told: Mapping[str, str]
    groups: tuple[str, ...]
    claims: Mapping[str, Any]
    fault: str

    @property
    def name(self) -> str:
        return self.told.get("name") or self.told.get("user") or "nobody"

    @property
    def initials(self) -> str:
        return "".join([part[0] for part in self.name.split()[:2]]).upper()


def home(visit: Visit, received: Headers, logout: str) -> bytes:
    """The identity, the assertion and all headers that arrived."""
    body = f"""{_card(visit)}
{_links(logout)}
<h2 class="section">Who you are, signed</h2>
{_assertion(visit)}
{_decision(visit)}
<h2 class="section">Ask as a script does</h2>
<p>The same request, sent by <code>fetch</code>. Sign out in another tab and press again: 401 with JSON, no redirect.</p>
<div class="row"><button class="button quiet" id="ask" type="button">Fetch /api/whoami</button></div>
<pre class="said" id="said" role="status"></pre>
<h2 class="section">What this application received</h2>
<p>The headers in colour come from the gateway. Your session cookie is not among them: it never reaches an
application.</p>
{_table(received)}"""
    return _document(f"Hello, {visit.name}", body)


def admin(visit: Visit, logout: str) -> bytes:
    body = f"""{_card(visit)}
<p class="lead">This page is for the group <code>admins</code>, and you are in it.</p>
<p>Sign out, come back as Ben User, and the gateway answers 403 before the application hears of it.</p>
{_links(logout)}"""
    return _document("For admins", body)


def public() -> bytes:
    body = """<h1>A public page</h1>
<p class="lead">Everybody may see this. The gateway let the request pass without looking at a cookie.</p>
<div class="row"><a class="button" href="/">Go to the protected page</a>
<button class="button quiet" id="ask" type="button">Fetch /api/whoami</button></div>
<pre class="said" id="said" role="status"></pre>"""
    return _document("Public", body)


def socket() -> bytes:
    body = """<h1>A WebSocket</h1>
<p>The handshake carries your session cookie, so the gateway knew you before this connection was opened.</p>
<form id="talk" class="row"><input class="button quiet" name="message" value="hello" aria-label="Message">
<button class="button" type="submit">Send</button><a class="button quiet" href="/">Back</a></form>
<pre class="said" id="said" role="log"></pre>"""
    return _document("WebSocket", body)


def missing() -> bytes:
    return _document("Not here", '<h1>Not here</h1>\n<p><a href="/">Back to the start</a></p>')


def _document(title: str, body: str) -> bytes:
    script = '\n<script src="/public/demo.js" defer></script>'
    return page(
        title=title,
        brand="Sample application",
        mark=WINDOW,
        sheet="/public/look.css",
        body=body + script,
        wide=True,
    )


def _card(visit: Visit) -> str:
    tags = "".join([f'<span class="tag">{escape(group)}</span>' for group in visit.groups])
    return f"""<div class="bar"><span class="face" aria-hidden="true">{escape(visit.initials)}</span>
<div><h1>Hello, {escape(visit.name)}</h1><p>{escape(visit.told.get("email", "") or "no e-mail address")}</p></div></div>
<p>{tags}</p>"""


def _links(logout: str) -> str:
    return f"""<nav class="row"><a class="button quiet" href="/">Home</a>
<a class="button quiet" href="/admin">Admin page</a><a class="button quiet" href="/public">Public page</a>
<a class="button quiet" href="/ws">WebSocket</a><a class="button quiet" href="{escape(logout)}">Sign out</a></nav>"""


def _assertion(visit: Visit) -> str:
    if visit.fault:
        return f"<p>The assertion could not be verified: {escape(visit.fault)}.</p>"
    rows = "".join(
        [
            f"<tr><th scope=row>{escape(name)}</th><td>{escape(value if isinstance(value, str) else json.dumps(value))}</td></tr>"
            for name, value in visit.claims.items()
        ]
    )
    return (
        "<p>✓ Signature, issuer, audience and time verified with the keys that the gateway publishes.</p>"
        f'<table class="table">{rows}</table>'
    )


def _decision(visit: Visit) -> str:
    rule, decision = visit.told.get("rule"), visit.told.get("decision")
    if not rule or not decision:
        return ""
    return f"""<h2 class="section">Why you may see this page</h2>
<p>Rule <code>{escape(rule)}</code> let you pass, in decision <code>{escape(decision)}</code>.
The log of the gateway has the same id.</p>"""


def _table(received: Headers) -> str:
    lines = sorted(received, key=lambda line: (not line[0].startswith(b"x-auth-"), line[0]))
    return f'<table class="table">{"".join([_row(name, value) for name, value in lines])}</table>'


def _row(name: bytes, value: bytes) -> str:
    ours = ' class="ours"' if name.startswith(b"x-auth-") else ""
    shown = value.decode("latin-1")
    if len(shown) > 120:
        shown = f"{shown[:100]}… ({len(shown)} characters)"
    title = name.decode("latin-1").title()
    return f"<tr{ours}><th scope=row>{escape(title)}</th><td>{escape(shown)}</td></tr>"
