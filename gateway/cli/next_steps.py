"""What an operator does with the files of `gateway snippet`, for each proxy, until it answers by them."""

from collections.abc import Mapping

from gateway.forward_auth.snippets.plan import APPLICATION, SECRET_VARIABLE

_STEPS: Mapping[str, tuple[str, ...]] = {
    "nginx": (
        # nginx reads a relative include from there, wherever the including file is (ngx_conf_full_name).
        "Put all of these files into the directory of nginx.conf, from where they include each other; not into conf.d.",
        "Write `include gateway.conf;` into the http block of nginx.conf.",
        "Fill in the certificates in gateway.conf.",
        "Test with `nginx -t`; then load it with `nginx -s reload`.",
    ),
    "traefik": (
        "Put gateway-dynamic.yml at /etc/traefik/gateway-dynamic.yml, where traefik.yml looks for it.",
        "Make traefik.yml your /etc/traefik/traefik.yml, or take its entry points and its file provider over.",
        "Fill in the certificates, or a certResolver, in gateway-dynamic.yml.",
        "Traefik has no test command: load it with `systemctl restart traefik`, and look for errors in its log.",
    ),
    "caddy": (
        "Make it your /etc/caddy/Caddyfile, or take its snippets and sites over.",
        "Fill in `tls` where Caddy shall not obtain a certificate itself.",
        "Test with `caddy validate --config /etc/caddy/Caddyfile`; then load it with `systemctl reload caddy`.",
    ),
    "haproxy": (
        "Put gateway.lua at /etc/haproxy/gateway.lua, where haproxy.cfg loads it from.",
        "Make haproxy.cfg your /etc/haproxy/haproxy.cfg, or take its sections over.",
        "Fill in the certificate at `bind`.",
        "Test with `haproxy -c -f /etc/haproxy/haproxy.cfg`; then load it with `systemctl reload haproxy`.",
    ),
}
_PLACEHOLDER = f"Write the address of your application in the place of {APPLICATION}."
_SECRET = f"Set {SECRET_VARIABLE} in its environment to server.verify_secret."
_SECRETS: Mapping[str, str] = {
    "nginx": f"Write server.verify_secret in the place of ${{{SECRET_VARIABLE}}} in gateway-ask.conf, as envsubst does.",
}


def next_steps(proxy: str, *, given: bool, secret: bool) -> str:
    """A numbered list; `given`: the application's address was; with `secret`, where the proxy gets server.verify_secret from."""
    *before, last = _STEPS[proxy]
    address = [] if given else [_PLACEHOLDER]
    told = [_SECRETS.get(proxy, _SECRET)] if secret else []
    steps = [*before, *address, *told, last]
    lines = [f"  {number}. {step}" for number, step in enumerate(steps, 1)]
    return "\n".join(
        ["", "Next:", *lines, f"docs/proxies/{proxy}.md says what this guarantees, and what it cannot."]
    )
