"""What ingress-nginx 1.15 makes of an Ingress, as far as its template concerns the annotations that we use.

Not the controller itself, which needs a cluster: the lines of its template, written anew, for a real nginx. It shows
what the annotations do and what they cannot do.
"""

from collections.abc import Mapping
from pathlib import Path

from tests.kit.proxies import nginx_surroundings


def configuration(
    folder: Path,
    port: int,
    annotations: Mapping[str, str],
    check: str,
    application: str,
    sent: Mapping[str, str],
) -> dict[str, str]:
    """Files for nginx. `check` and `application` are addresses here; `sent` is the ConfigMap of auth-proxy-set-headers."""
    size = annotations["proxy-buffer-size"]
    answered = annotations["auth-response-headers"].split(",")
    copied = "\n".join(
        f"auth_request_set $authHeader{number} $upstream_http_{name.lower().replace('-', '_')};\n"
        f"proxy_set_header '{name}' $authHeader{number};"
        for number, name in enumerate(answered)
    )
    added = "\n".join(f"proxy_set_header '{name}' '{value}';" for name, value in sent.items())
    server = f"""
server {{
    listen 127.0.0.1:{port};
    location = /_external-auth {{
        internal;
        proxy_pass_request_body off;
        proxy_set_header Content-Length "";
        proxy_set_header X-Forwarded-Proto "";
        proxy_set_header X-Original-URL $scheme://$http_host$request_uri;
        proxy_set_header X-Original-Method $request_method;
        proxy_set_header X-Sent-From "nginx-ingress-controller";
        proxy_set_header X-Real-IP $remote_addr;
        proxy_set_header X-Forwarded-For $remote_addr;
        proxy_set_header X-Auth-Request-Redirect $request_uri;
        proxy_buffer_size {size};
        proxy_buffers 4 {size};
        proxy_http_version 1.1;
        proxy_pass_request_headers on;
        {added}
        proxy_pass {check};
    }}
    location @signin {{
        internal;
        return 302 {annotations["auth-signin"]}?rd=$scheme://$http_host$request_uri;
    }}
    location / {{
        auth_request /_external-auth;
        {copied}
        error_page 401 = @signin;
        proxy_set_header Host $http_host;
        proxy_set_header X-Real-IP $remote_addr;
        proxy_set_header X-Forwarded-For $remote_addr;
        proxy_set_header X-Forwarded-Host $http_host;
        proxy_set_header X-Forwarded-Port $server_port;
        proxy_set_header X-Forwarded-Proto $scheme;
        proxy_set_header X-Forwarded-Scheme $scheme;
        proxy_set_header X-Scheme $scheme;
        proxy_set_header Proxy "";
        proxy_http_version 1.1;
        proxy_pass {application};
    }}
}}
"""
    return {"gateway.conf": server, "nginx.conf": nginx_surroundings(folder)}
