# The service, without torch: mmgcn serve in /data, where mmgcn.toml, runs and videos are mounted.
FROM python:3.12-slim AS build
COPY . /source
RUN python -m venv /opt/mmgcn \
 && /opt/mmgcn/bin/pip install --no-cache-dir -r /source/requirements-serve.txt \
    'psycopg[binary]>=3.2' 'av>=18' 'opencv-python-headless>=4.10' \
 && /opt/mmgcn/bin/pip install --no-cache-dir --no-deps /source

FROM python:3.12-slim
COPY --from=build /opt/mmgcn /opt/mmgcn
RUN useradd --create-home --uid 10001 mmgcn
USER mmgcn
ENV PATH=/opt/mmgcn/bin:$PATH PYTHONUNBUFFERED=1
WORKDIR /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
  CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
# Needs MMGCN_TOKEN: every address of the container is reachable from other machines.
CMD ["mmgcn", "serve", "--host", "0.0.0.0"]
