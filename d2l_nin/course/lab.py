"""How JupyterLab is set up in the course's own environment.

It imports nothing of the course: setup.sh and Binder's postBuild start it by itself.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

__all__ = ["set_up"]

# It asks its makers for news and updates unless it is told not to.
SETTINGS = {
    "@jupyterlab/apputils-extension:notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
    }
}
# In the place of a folded output it shows that output's first line: the answer.
STYLE = """\
.jp-OutputPlaceholder .jp-Placeholder-contentContainer { font-size: 0; }
.jp-OutputPlaceholder .jp-Placeholder-contentContainer::before {
  content: "Your prediction first, then run the cell";
  font-size: var(--jp-ui-font-size1);
}
"""


def set_up(prefix: Path, static: Path) -> None:
    """Write the settings and the style.

    Parameters
    ----------
    prefix : Path
        The environment's folder.
    static : Path
        The server's static files. A `custom/custom.css` of the reader's own, in
        ~/.jupyter, comes before the one written here.
    """
    settings = prefix / "share" / "jupyter" / "lab" / "settings" / "overrides.json"
    config = prefix / "etc" / "jupyter" / "jupyter_lab_config.json"
    style = static / "custom" / "custom.css"
    for path, text in (
        (settings, json.dumps(SETTINGS)),
        (config, json.dumps({"LabApp": {"custom_css": True}})),
        (style, STYLE),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)  # it may be a link to a file of other environments
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    from jupyter_server import DEFAULT_STATIC_FILES_PATH

    set_up(Path(sys.prefix), Path(DEFAULT_STATIC_FILES_PATH))
