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

# ONNX Runtime: /ort/libonnxruntime.so.1 and, for CUDA, its providers beside it, where it looks for them.
FROM node:20.19.5-bookworm-slim AS ort-cpu
COPY scripts/fetch-onnxruntime /scripts/
RUN mkdir /ort && cp "$(/scripts/fetch-onnxruntime)" /ort/libonnxruntime.so.1

FROM node:20.19.5-bookworm-slim AS ort-cuda
WORKDIR /ort
# npm pack runs nothing of a package; the hashes are those of the archives that were tried.
RUN npm pack --loglevel=error com.github.asus4.onnxruntime@0.4.9 com.github.asus4.onnxruntime.linux-x64-gpu@0.4.9 \
  && echo "064cf176e499f4891e0cfe90f25cf64c553689eee1492bd2ed921fccca28131a2ad02373267bae19a509ec8b288c182a3b8a2e0f58d76a1f0e63225b08ddbd16  com.github.asus4.onnxruntime-0.4.9.tgz" >sums \
  && echo "168a4884d13f360fafd97eb9c1573d7253c2042be1bc0e771f1a3653429fe5f19d56c0bb88203e999d0a2d6820710023ed3219ea9362751e000b5d20ef85e8eb  com.github.asus4.onnxruntime.linux-x64-gpu-0.4.9.tgz" >>sums \
  && sha512sum --check --strict sums \
  && for archive in *.tgz; do tar --extract --no-same-owner --gzip --strip-components=4 --wildcards --file "$archive" 'package/Plugins/Linux/x64/*.so'; done \
  && mv libonnxruntime.so libonnxruntime.so.1 \
  && rm -- *.tgz sums libonnxruntime_providers_tensorrt.so

FROM ort-${RUNTIME} AS ort

# The program. bookworm's C library is the oldest of the bases that it is to run on.
FROM golang:1.26-bookworm AS program
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
COPY --from=client /src/web/dist web/dist
RUN CGO_ENABLED=1 go build -trimpath -ldflags '-s -w' -o /out/seghub ./app

FROM ${BASE}
RUN apt-get update \
  && apt-get install -y --no-install-recommends ca-certificates libstdc++6 \
  && rm -rf /var/lib/apt/lists/* \
  && useradd --uid 10001 --user-group --no-create-home --home-dir /data --shell /usr/sbin/nologin seghub \
  && install -d -o seghub -g seghub -m 0700 /data
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
