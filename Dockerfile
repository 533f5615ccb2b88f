# The tag is exact. Where builds must be the same for ever, give the digest that your registry reports:
# --build-arg PYTHON_IMAGE=python:3.11.14-slim-trixie@sha256:…
ARG PYTHON_IMAGE=python:3.11.14-slim-trixie

FROM ${PYTHON_IMAGE} AS build
WORKDIR /src
COPY requirements/run.txt requirements/build.txt requirements/
# The environment of the service has no pip, and nothing enters it whose hash is not written down.
RUN python -m venv --without-pip /opt/gateway \
 && python -m pip --python /opt/gateway/bin/python install --no-cache-dir --require-hashes --only-binary :all: -r requirements/run.txt \
 && python -m venv /opt/build \
 && /opt/build/bin/python -m pip install --no-cache-dir --require-hashes --only-binary :all: -r requirements/build.txt
COPY pyproject.toml README.md LICENSE ./
COPY gateway gateway
RUN /opt/build/bin/python -m pip wheel --no-cache-dir --no-index --no-deps --no-build-isolation --wheel-dir /opt/wheel . \
 && python -m pip --python /opt/gateway/bin/python install --no-cache-dir --no-index --no-deps --find-links /opt/wheel auth-gateway

FROM ${PYTHON_IMAGE}
COPY --from=build /opt/gateway /opt/gateway
# A volume that is made here takes its owner from here. By default the embedded store and the keys are in `data/` beside
# gateway.yaml: that is the volume.
RUN install -d -o 10001 -g 10001 -m 0700 /data \
 && install -d /etc/gateway \
 && ln -s /data /etc/gateway/data
ENV PATH=/opt/gateway/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    GATEWAY_CONFIG=/etc/gateway/gateway.yaml
WORKDIR /
VOLUME ["/data"]
# A number, because Kubernetes can tell only of a number that it is not root.
USER 10001:10001
EXPOSE 4180 4181 9180
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import http.client as h; c = h.HTTPConnection('127.0.0.1', 9180, timeout=4); c.request('GET', '/readyz'); raise SystemExit(c.getresponse().status != 200)"]
ENTRYPOINT ["gateway"]
CMD ["serve"]
