"""Let this environment see the packages of another: `see.py OTHER/bin/python`."""

import subprocess
import sys
import sysconfig
from pathlib import Path

where = "import sysconfig; print(sysconfig.get_path('purelib'))"
other = subprocess.check_output([sys.argv[1], "-c", where], text=True).strip()
line = f"import site; site.addsitedir({other!r})\n"
(Path(sysconfig.get_path("purelib")) / "course.pth").write_text(line, encoding="utf-8")
