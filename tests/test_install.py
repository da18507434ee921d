"""Where packages come from: a folder of wheels, an index of one's own, a proxy."""

import hashlib
import http.server
import os
import re
import subprocess
import sys
import threading
import urllib.parse
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def a_wheel(folder: Path) -> str:
    """A wheel of nothing, and the lines that lock it."""
    path = folder / "tiny_course_wheel-1.0-py3-none-any.whl"
    info = "tiny_course_wheel-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("tiny_course_wheel.py", "")
        file.writestr(f"{info}/METADATA",
                      "Metadata-Version: 2.1\nName: tiny-course-wheel\nVersion: 1.0\n"
                      "Requires-Dist: what-nobody-has\n")  # fmt: skip
        file.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\n"
                      "Generator: test\nTag: py3-none-any\n")  # fmt: skip
        file.writestr(f"{info}/RECORD", "")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return f"tiny-course-wheel==1.0 --hash=sha256:{digest}\n"


def test_make_wheels_fills_a_folder_that_installs_what_is_locked(tmp_path):
    """The Makefile's own line on a tiny lock, then pip as setup.sh calls it."""
    (tmp_path / "index").mkdir()
    (tmp_path / "requirements.lock").write_text(a_wheel(tmp_path / "index"))
    wheels = tmp_path / "my wheels"
    shown = subprocess.run(
        ["make", "-n", "wheels", f"WHEELS={wheels}"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    line = shown[shown.index('".venv/bin/python" -m pip') :].split("\necho")[0]
    no_network = {"PATH": os.environ["PATH"], "PIP_NO_INDEX": "1",
                  "PIP_CONFIG_FILE": os.devnull}  # fmt: skip
    line = line.replace('".venv/bin/python"', f'"{sys.executable}"')
    subprocess.run(line, shell=True, cwd=tmp_path, check=True,
                   env={**no_network, "PIP_FIND_LINKS": str(tmp_path / "index")}
                   )  # fmt: skip
    assert [path.name for path in wheels.iterdir()] == [
        "tiny_course_wheel-1.0-py3-none-any.whl"
    ]
    install = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index",
               "--find-links", str(wheels), "--target", str(tmp_path / "there"),
               "--require-hashes", "-r", "requirements.lock"]  # fmt: skip
    subprocess.run(install, cwd=tmp_path, check=True, env=no_network)
    assert (tmp_path / "there" / "tiny_course_wheel.py").is_file()
    (wheels / "tiny_course_wheel-1.0-py3-none-any.whl").write_bytes(b"another")
    done = subprocess.run(install, cwd=tmp_path, env=no_network, capture_output=True)
    assert done.returncode != 0


class Index(http.server.BaseHTTPRequestHandler):
    """An index of packages, and a proxy to it: a proxy is asked for whole addresses."""

    def do_GET(self):
        asked = urllib.parse.urlsplit(self.path)
        self.server.asked.append(self.path)
        name = asked.path.rstrip("/").rpartition("/")[2]
        path = self.server.folder / name
        if name == "tiny-course-wheel":
            (wheel,) = self.server.folder.glob("*.whl")
            body = f'<a href="/files/{wheel.name}">{wheel.name}</a>'.encode()
        else:
            body = path.read_bytes() if path.is_file() else b""
        self.send_response(200 if body else 404)
        self.send_header("Content-Type", "text/html" if b"<a" in body else "a/wheel")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass


@pytest.fixture
def index(tmp_path):
    (tmp_path / "index").mkdir()
    (tmp_path / "requirements.lock").write_text(a_wheel(tmp_path / "index"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Index) as server:
        server.folder, server.asked = tmp_path / "index", []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.mark.parametrize("way", ["index", "proxy", "a proxy that is not there"])
def test_an_index_of_ones_own_and_a_proxy_are_heeded(tmp_path, index, way):
    """By the function that setup.sh installs with."""
    here = f"127.0.0.1:{index.server_port}"
    far = "packages.school.invalid"
    env = {"PATH": os.environ["PATH"], "PIP_CONFIG_FILE": os.devnull,
           "PIP_NO_CACHE_DIR": "1", "PIP_RETRIES": "0", "PIP_TRUSTED_HOST": far,
           "PIP_INDEX_URL": f"http://{here if way == 'index' else far}/simple/",
           }  # fmt: skip
    if way != "index":
        env["HTTP_PROXY"] = f"http://{here if way == 'proxy' else '127.0.0.1:9'}"
    text = (ROOT / "setup.sh").read_text()
    parts = [re.search(r"^fail\(\) .*$", text, re.MULTILINE)[0],
             re.search(r"^install\(\) \{.*?^\}", text, re.MULTILINE | re.DOTALL)[0],
             "install --target there --require-hashes -r requirements.lock",
             ]  # fmt: skip
    (tmp_path / "venv" / "bin").mkdir(parents=True)
    python = tmp_path / "venv" / "bin" / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    done = subprocess.run(
        ["/bin/sh", "-c", "venv=venv\n" + "\n".join(parts)], cwd=tmp_path, env=env,
        capture_output=True, text=True,
    )  # fmt: skip
    came = (tmp_path / "there" / "tiny_course_wheel.py").is_file()
    assert came == (done.returncode == 0) == (way in ("index", "proxy")), done.stderr
    if way == "proxy":
        assert index.asked and all(asked.startswith("http://") for asked in index.asked)
    if way.endswith("not there"):
        assert "Behind a proxy set HTTPS_PROXY" in done.stderr
