# One image for every process of the service; what it does, the command says.
FROM python:3.11-slim-bookworm AS build
WORKDIR /build
COPY requirements-build.lock requirements.lock ./
RUN python -m venv /opt/amana \
 && /opt/amana/bin/pip install --no-cache-dir --no-deps --require-hashes -r requirements-build.lock \
 && /opt/amana/bin/pip install --no-cache-dir --no-deps --require-hashes -r requirements.lock
COPY . .
RUN /opt/amana/bin/pip install --no-cache-dir --no-deps --no-build-isolation . \
 && /opt/amana/bin/pip uninstall --yes setuptools pip

FROM python:3.11-slim-bookworm
# Folders that volumes are mounted on take this owner and mode along.
RUN install -d -o 10001 -g 10001 -m 0700 /keys /data /journal
COPY --from=build /opt/amana /opt/amana
ENV PATH=/opt/amana/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    AMANA_DATA_DIR=/data AMANA_KEYS_DIR=/keys
USER 10001:10001
WORKDIR /data
ENTRYPOINT ["amana"]
CMD ["--help"]
