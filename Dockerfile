# Two images, both with an ordinary user. Put executables for command jobs into
# /commands, or build an image on one of them. tagexec is its own init: it needs no
# tini and no --init.
#
#   docker build .                    a static binary and a small system around it
#   docker build --target duckdb .    with DuckDB, which needs cgo and glibc
#
# Modules are fetched by go build, which takes only what it builds in: DuckDB is large.
FROM golang:1.26-trixie AS source
WORKDIR /src
COPY . .

FROM source AS build-duckdb
ARG VERSION=""
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=1 go build -tags duckdb -trimpath -ldflags "-s -w -X github.com/tagexec/tagexec/cmd/internal/version.release=${VERSION}" -o /tagexec ./cmd/tagexec

FROM debian:trixie-slim AS duckdb
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates libstdc++6 tzdata \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --no-create-home --uid 10001 tagexec \
 && mkdir /commands
COPY --from=build-duckdb /tagexec /usr/local/bin/tagexec
USER 10001
ENV TAGEXEC_HTTP_ADDR=0.0.0.0:8089 TAGEXEC_COMMANDS_DIR=/commands
EXPOSE 8089
STOPSIGNAL SIGTERM
ENTRYPOINT ["tagexec"]
CMD ["serve"]

FROM source AS build
ARG VERSION=""
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X github.com/tagexec/tagexec/cmd/internal/version.release=${VERSION}" -o /tagexec ./cmd/tagexec

FROM alpine:3.22
RUN apk add --no-cache ca-certificates tzdata \
 && adduser -D -H -u 10001 tagexec \
 && mkdir /commands
COPY --from=build /tagexec /usr/local/bin/tagexec
USER 10001
ENV TAGEXEC_HTTP_ADDR=0.0.0.0:8089 TAGEXEC_COMMANDS_DIR=/commands
EXPOSE 8089
STOPSIGNAL SIGTERM
ENTRYPOINT ["tagexec"]
CMD ["serve"]
