# One image for every process: Dagster's webserver and daemon, the minute poller, any `transit` command.
# Build: docker build -t transit-assets .    Run: docker run -p 127.0.0.1:3000:3000 -v transit:/data transit-assets

FROM python:3.12.11-slim-bookworm AS build
WORKDIR /app
COPY pyproject.toml requirements.lock ./
# What runs, without the development tools: the ranges come from pyproject.toml, the versions from the lock.
RUN python -m venv /app/.venv \
    && python -m pip install --no-cache-dir "$(sed -n 's/^\(uv==[^ ]*\).*/\1/p' requirements.lock)" \
    && uv pip install --no-cache --python /app/.venv --compile-bytecode \
        --constraint requirements.lock --requirement pyproject.toml setuptools
COPY README.md LICENSE workspace.yaml dagster.yaml dagster.postgres.yaml ./
COPY dbt_project dbt_project
COPY transit_assets transit_assets
# dbt's manifest is prepared here, because the root file system may be read-only where the image runs.
RUN uv pip install --no-cache --python /app/.venv --compile-bytecode --no-deps --no-build-isolation --editable . \
    && /app/.venv/bin/python -c "from transit_assets.dbt_lake import manifest_path; manifest_path()"

FROM python:3.12.11-slim-bookworm
# LightGBM's wheel needs OpenMP of the system.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --create-home transit \
    && install --directory --owner=10001 /data
COPY --from=build --chown=10001 /app /app
ENV PATH=/app/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    TRANSIT_LAKE=/data
WORKDIR /app
USER 10001
VOLUME /data
EXPOSE 3000
# True of every process: it reaches its lake. docker-compose.yaml asks the webserver and the daemon more than that.
HEALTHCHECK --interval=60s --timeout=30s --start-period=60s CMD ["transit", "status", "--json"]
ENTRYPOINT ["transit"]
CMD ["ui", "--host", "0.0.0.0"]
