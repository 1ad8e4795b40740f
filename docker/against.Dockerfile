# Two images of this suite in one, so that both can take turns in the same rounds (docs/ci.md):
#   docker build -f docker/against.Dockerfile --build-arg HEAD=IMAGE --build-arg BASE=IMAGE -t autoencoder-bench:against docker
#   docker run --rm -v "$PWD/results:/results" autoencoder-bench:against run --against /opt/base/venv/bin/python=base
ARG HEAD=autoencoder-bench:head
ARG BASE=autoencoder-bench:base

FROM ${BASE} AS base

FROM ${HEAD}
# The base keeps its own Python packages and its own revision of the suite; what Python itself is, both share.
COPY --from=base /opt/bench /opt/base
