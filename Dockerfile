# A static binary and a small system around it, run by an ordinary user. Put
# executables for command jobs into /commands, or build an image on this one.
# tagexec is its own init: it needs no tini and no --init.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=""
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X github.com/tagexec/tagexec/cmd/internal/version.release=${VERSION}" -o /tagexec ./cmd/tagexec

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
