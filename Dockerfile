# The hub with everything that it needs. By itself for the CPU; for a GPU:
#
#   docker build --build-arg RUNTIME=cuda \
#     --build-arg BASE=nvidia/cuda:13.0.1-cudnn-runtime-ubuntu24.04 -t seghub:gpu .
#
# docker-compose.yml says the same for its gpu profile.
ARG BASE=debian:12.12-slim
ARG RUNTIME=cpu

# The web client.
FROM node:20.19.5-bookworm-slim AS client
WORKDIR /src/web
COPY web/package.json web/package-lock.json web/.npmrc ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY hub/closecodes.json ../hub/
COPY web ./
RUN npm run build

# ONNX Runtime: /ort/libonnxruntime.so.1 and, for CUDA, its provider beside it, where it looks for it.
FROM node:20.19.5-bookworm-slim AS ort-cpu
COPY scripts/fetch-onnxruntime /scripts/
RUN mkdir /ort && cp "$(/scripts/fetch-onnxruntime)" /ort/

FROM node:20.19.5-bookworm-slim AS ort-cuda
COPY scripts/fetch-onnxruntime /scripts/
RUN mkdir /ort && cp "$(dirname "$(/scripts/fetch-onnxruntime --gpu)")"/*.so* /ort/

FROM ort-${RUNTIME} AS ort

# The program. bookworm's C library is the oldest of the bases that it is to run on.
FROM golang:1.26-bookworm AS program
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
COPY --from=client /src/web/dist web/dist
RUN CGO_ENABLED=1 go build -trimpath -tags nomsgpack -ldflags '-s -w' -o /out/seghub ./app

# Where users are numbered at random (OpenShift), they are of the group root: /data is that group's too.
FROM ${BASE}
RUN apt-get update \
  && apt-get install -y --no-install-recommends ca-certificates libstdc++6 \
  && rm -rf /var/lib/apt/lists/* \
  && useradd --uid 10001 --user-group --no-create-home --home-dir /data --shell /usr/sbin/nologin seghub \
  && install -d -o seghub -g root -m 0770 /data
WORKDIR /opt/seghub
COPY --from=ort /ort lib
COPY models/weights models/weights
COPY --from=program /out/seghub /usr/local/bin/seghub

# Beyond loopback, for the port is published from here: the hub starts only with an access key.
ENV SEGHUB_LISTEN=0.0.0.0:8080 \
    SEGHUB_DATA=/data \
    SEGHUB_MODELS=/opt/seghub/models/weights \
    SEGHUB_ORT_LIBRARY=/opt/seghub/lib/libonnxruntime.so.1
USER 10001:10001
VOLUME /data
EXPOSE 8080
# bash speaks enough HTTP for this; nothing else needs to be installed.
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
  CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET /healthz HTTP/1.0\\r\\n\\r\\n' >&3 && read -r _ status _ <&3 && [ \"$status\" = 200 ]"]
# SIGTERM drains: running images finish, slots go back.
STOPSIGNAL SIGTERM
ENTRYPOINT ["seghub"]
CMD ["serve"]
