# One image for every role: `docker run … mailtrack watch`, `dispatch`, `work`, `web`, `up`.

# Whatever is installed is checked against a hash in a lock file. The base image, which brings
# Python, pip and Debian, is named by its tag: what it hashes to changes with every security
# fix of Debian. To pin it, too, look the digest up where you build, and pass it on:
# docker build --build-arg BASE=python:3.13-slim@sha256:…
ARG BASE=python:3.13-slim

FROM $BASE AS build
WORKDIR /src
COPY requirements-image.lock requirements.lock requirements-run.lock ./
RUN pip install --no-cache-dir --require-hashes --only-binary=:all: -r requirements-image.lock \
 && uv venv --python /usr/local/bin/python /app \
 && uv pip install --no-cache --python /app --compile-bytecode \
      --require-hashes -r requirements-run.lock
COPY pyproject.toml README.md LICENSE ./
COPY mailtrack mailtrack
COPY templates templates
# The big lock file pins what builds the wheel, too.
RUN uv build --wheel --build-constraints requirements.lock --require-hashes --out-dir /dist \
 && uv pip install --no-cache --python /app --compile-bytecode --no-deps /dist/*.whl

FROM $BASE
RUN groupadd --system --gid 10001 mailtrack \
 && useradd --system --uid 10001 --gid 10001 --no-create-home mailtrack \
 && install -d -o mailtrack -g mailtrack -m 700 /data
COPY --from=build /app /app
ENV PATH=/app/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    MAILTRACK_DATA_DIR=/data \
    MAILTRACK_WEB__HOST=0.0.0.0
USER 10001
WORKDIR /data
# Only `mailtrack up` writes here, where it has no PostgreSQL and no Redis of its own.
VOLUME /data
EXPOSE 8080
ENTRYPOINT ["mailtrack"]
CMD ["--help"]
