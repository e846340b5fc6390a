FROM python:3.11-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
# Dependencies come first: they change less often than the code, so their layer is kept.
COPY requirements.lock requirements-build.lock ./
RUN python -m venv /opt/plp && /opt/plp/bin/pip install --require-hashes --requirement requirements.lock
# The build tool stays in this stage.
RUN pip install --require-hashes --requirement requirements-build.lock
COPY . .
RUN pip wheel --no-deps --no-build-isolation --wheel-dir dist . && /opt/plp/bin/pip install --no-deps dist/*.whl

FROM python:3.11-slim
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin plp
COPY --from=build /opt/plp /opt/plp
ENV PATH=/opt/plp/bin:$PATH PYTHONUNBUFFERED=1
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/livez', timeout=2)"]
CMD ["plp", "serve", "--host", "0.0.0.0"]
