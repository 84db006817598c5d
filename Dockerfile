# redheart serve with the model ready, on CPU. Built from the repository, with the index of PyTorch's CPU wheels that its
# page on installation names: docker build -t redheart --build-arg TORCH_INDEX=URL .
ARG PYTHON=3.11.11-slim-bookworm

FROM python:${PYTHON} AS build
# Without it the ordinary index is taken, whose build for GPUs is far larger.
ARG TORCH_INDEX=
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/redheart
ENV PATH=/opt/redheart/bin:$PATH
COPY container.txt /src/container.txt
ENV PIP_CONSTRAINT=/src/container.txt
# What it needs comes with the rest: its own index has few versions of that.
RUN pip install --no-deps ${TORCH_INDEX:+--index-url ${TORCH_INDEX}} torch==2.13.0
COPY . /src
RUN pip install "/src[ready,serve,memory,postgres]"

FROM python:${PYTHON}
COPY --from=build /opt/redheart /opt/redheart
RUN useradd --system --uid 10001 --create-home redheart
USER redheart
WORKDIR /home/redheart
ENV PATH=/opt/redheart/bin:$PATH PYTHONDONTWRITEBYTECODE=1 OMP_NUM_THREADS=1
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=90s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/health/ready', timeout=4)"]
ENTRYPOINT ["redheart", "serve"]
CMD ["--host", "0.0.0.0", "--port", "8080", "--keys", "/run/secrets/keys.json"]
