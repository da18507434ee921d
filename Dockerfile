# docker build -t d2l-nin . && docker run --rm -p 8888:8888 d2l-nin
# opens the chapters at the address that it prints; x86-64 and ARM alike.

# Debian 12: its Python is 3.11, a reference version of the course.
FROM debian:bookworm-slim AS system
# OpenBLAS and LAPACKE: on ARM MXNet's wheel takes them in place of Arm's libraries
# (d2l_nin/course/arm.py, started by setup.sh, makes the links). libgomp1: on both.
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        git libgomp1 make python3 python3-venv \
    && if [ "$(dpkg --print-architecture)" = arm64 ]; then \
        apt-get install -y --no-install-recommends libopenblas0-pthread liblapacke; \
    fi \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 --shell /bin/bash reader
USER reader

FROM system AS course
# A folder that COPY made would be root's, and nothing could be saved in it.
WORKDIR /home/reader/course
COPY --chown=reader . .
ENV PIP_NO_CACHE_DIR=1
RUN sh setup.sh
EXPOSE 8888
CMD [".venv/bin/python", "-m", "jupyter", "lab", "--ip=0.0.0.0", "--no-browser", "notebooks"]
