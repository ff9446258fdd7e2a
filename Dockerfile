# syntax=docker/dockerfile:1
#
# The service as a container: what requirements/runtime.lock names, this package, and nothing else.
# The local clouds, the demonstration and the testing room stay outside (.dockerignore).
#
#   docker build -t replicator .
#   docker run --read-only --tmpfs /tmp -p 127.0.0.1:8700:8700 \
#     -v "$PWD/replicator.yaml:/etc/replicator/replicator.yaml:ro" -v replicator-state:/var/lib/replicator replicator

# For builds that repeat bit by bit, name a digest: --build-arg PYTHON=python@sha256:…
ARG PYTHON=python:3.12-slim-bookworm

FROM ${PYTHON} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build

# Wheels only: nothing of a dependency is executed here. The environment has no pip of its own.
COPY requirements/runtime.lock requirements/build.lock requirements/
RUN python -m venv --without-pip /opt/replicator \
 && python -m pip --python /opt/replicator/bin/python install \
    --require-hashes --only-binary :all: -r requirements/runtime.lock \
 && python -m pip install --require-hashes --only-binary :all: -r requirements/build.lock

COPY pyproject.toml LICENSE ./
COPY replicator/ replicator/
COPY connectors/ connectors/
RUN python -m pip wheel --no-deps --no-build-isolation --no-index --wheel-dir dist . \
 && python -m pip --python /opt/replicator/bin/python install --no-deps --no-index dist/*.whl

FROM ${PYTHON}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Replicator" \
      org.opencontainers.image.description="Moves the state of serverless workloads from AWS to Azure while the business runs." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

RUN useradd --uid 10001 --user-group --home-dir /var/lib/replicator --shell /usr/sbin/nologin replicator \
 && install --directory --owner 10001 --group 10001 --mode 0750 /var/lib/replicator \
 && install --directory --mode 0755 /etc/replicator
COPY --from=build /opt/replicator /opt/replicator

# Written to at run time: the state's volume, and /tmp. The working directory is the volume, so that a
# relative path in a configuration is durable too.
ENV PATH=/opt/replicator/bin:$PATH HOME=/var/lib/replicator PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
WORKDIR /var/lib/replicator
VOLUME ["/var/lib/replicator"]
USER 10001:10001

# Asks http://127.0.0.1:8700, or what REPLICATOR_URL names. Whether replication goes well is another question:
# a service that waits for a cloud is sound, and must not be restarted for it.
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 CMD ["replicator", "status", "--live"]
EXPOSE 8700
STOPSIGNAL SIGTERM
ENTRYPOINT ["replicator"]
CMD ["run", "/etc/replicator/replicator.yaml"]
