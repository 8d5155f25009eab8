# syntax=docker/dockerfile:1
# One image with all programs of Flyball, from Debian 13: its hiredis has TLS. `docker build .` or `buildah bud .`.
# The programs use Debian's shared libraries; the last stage has only the packages that those are in.
ARG DEBIAN=debian:trixie-slim

FROM ${DEBIAN} AS build
RUN apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends >/dev/null \
      g++ cmake ninja-build mold ccache pkg-config \
      libpistache-dev libhiredis-dev prometheus-cpp-dev libyaml-cpp-dev libgtest-dev libgmock-dev nlohmann-json3-dev \
      libsimdjson-dev libspdlog-dev libfmt-dev libcli11-dev libexpected-dev libboost-dev libre2-dev libsqlite3-dev \
      libcurl4-openssl-dev libssl-dev libcrypt-dev libbrotli-dev zlib1g-dev libpq-dev
WORKDIR /src
COPY CMakeLists.txt CMakePresets.json ./
COPY cmake cmake
COPY cmd cmd
COPY pkg pkg
RUN --mount=type=cache,target=/root/.cache/ccache \
    cmake --preset release >/dev/null && \
    cmake --build build/release --target flyball-api flyball-autoscaler flyballctl && \
    mkdir -p /out && cd build/release/bin && \
    install -s flyball-api flyball-autoscaler flyballctl /out/ && ln -s flyballctl /out/kubectl-flyball
RUN ldd /out/flyball* | awk '$2 == "=>" {print $3}' | sort -u | xargs -n 1 realpath | xargs dpkg-query -S | \
    sed 's/:.*//' | sort -u >/packages

FROM ${DEBIAN}
RUN --mount=type=bind,from=build,source=/packages,target=/packages \
    apt-get update -qq && \
    DEBIAN_FRONTEND=noninteractive xargs -a /packages apt-get install -y -qq --no-install-recommends ca-certificates >/dev/null && \
    rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/* /var/log/* /usr/share/doc/* /usr/share/man/*
COPY --from=build /out/ /usr/bin/
RUN --mount=type=bind,source=manifests/image,target=/image \
    mkdir -p /usr/share/flyball && \
    /image/sbom.sh "$(flyball-api --version | sed 's/.* //')" >/usr/share/flyball/sbom.cdx.json
USER 65532:65532
CMD ["flyball-api", "--help"]
