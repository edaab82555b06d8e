# syntax=docker/dockerfile:1
# SHARE as a service. docs/deploy.md says how to build, configure and run it.

FROM python:3.13-slim AS build
# Base weights to put into the image, a name of `share models list`; empty for none.
ARG WEIGHTS=""
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY src ./src
# Wheels alone: no compiler is needed, and none comes in. The environment has no pip of its own. What is installed
# is this folder, which has no version to pin.
# hadolint ignore=DL3013
RUN --mount=type=cache,target=/var/cache/pip \
    export PIP_CACHE_DIR=/var/cache/pip \
    && python -m venv --without-pip /opt/share \
    && pip --python /opt/share/bin/python install --only-binary=:all: '.[serve,mcp,postgres,mysql,duckdb]'
RUN mkdir -p /cache \
    && if [ -n "$WEIGHTS" ]; then XDG_CACHE_HOME=/cache /opt/share/bin/share models pull "$WEIGHTS"; fi

FROM python:3.13-slim
RUN useradd --system --uid 10001 --no-create-home --home-dir /var/cache/share --shell /usr/sbin/nologin share
COPY --from=build /opt/share /opt/share
COPY --from=build --chown=10001:10001 /cache /var/cache/share
ENV PATH=/opt/share/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    XDG_CACHE_HOME=/var/cache/share
# share.toml is mounted here.
WORKDIR /etc/share
USER 10001:10001
EXPOSE 8400
# Whether the process lives. Whether a database can be read is /readyz, and no reason to start it again.
HEALTHCHECK --interval=30s --timeout=5s --start-period=15s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8400/healthz', timeout=4)"]
ENTRYPOINT ["share"]
# Loopback would be the container's own: the ports that are published say who reaches it. It wants SHARE_TOKEN.
CMD ["serve", "--host", "0.0.0.0", "--port", "8400"]
