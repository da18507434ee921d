"""How Sphinx builds the book. `make site` calls it; see build.py."""

from docutils import nodes

project = "From 1×1 convolution to ResNet"
html_title = project
author = "the authors of the course"
copyright = "the authors of the course; see LICENSE"
language = "en"

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.mathjax",
    "sphinx_copybutton",
    "sphinxcontrib.bibtex",
]
bibtex_bibfiles = ["references.bib"]

# What is stored is shown; nothing is executed.
nb_execution_mode = "off"
nb_merge_streams = True
nb_code_prompt_show = "Show the cell's {type}"
nb_code_prompt_hide = "Hide the cell's {type}"
suppress_warnings = ["mystnb.unknown_mime_type"]  # what README's table is made of
nb_render_markdown_format = "myst"
myst_enable_extensions = ["dollarmath", "amsmath", "attrs_inline", "deflist"]
myst_heading_anchors = 3

# Docstrings are NumPy-style and Markdown-like: single backquotes mean code.
default_role = "code"
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
autodoc_member_order = "bysource"
autodoc_typehints = "none"
python_use_unqualified_type_names = True

# Without a network, and from file://: MathJax comes along, summaries of hits, which
# a browser would have to fetch, don't.
mathjax_path = "mathjax/MathJax.js?config=TeX-AMS_SVG"
mathjax2_config = {
    "showMathMenu": False,
    "messageStyle": "none",
    "tex2jax": {
        "inlineMath": [["\\(", "\\)"]],
        "displayMath": [["\\[", "\\]"]],
        "ignoreClass": "tex2jax_ignore|mathjax_ignore|document",
        "processClass": "tex2jax_process|mathjax_process|math|output_area",
    },
}
myst_update_mathjax = False
html_show_search_summary = False
html_theme = "sphinx_book_theme"
html_static_path = ["_static"]
html_css_files = ["course.css"]
html_js_files = ["course.js"]
html_extra_path = ["extra"]
html_copy_source = True
html_sourcelink_suffix = ""
html_theme_options = {
    "use_download_button": True,
    "show_toc_level": 2,
    "home_page_in_toc": True,
    "navbar_persistent": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
html_context = {"default_mode": "auto"}


def unwrap(app, doctree):
    """Take the `div` from the ends of boxes, which docutils puts around a class."""
    for node in doctree.findall(nodes.raw):
        if node.astext().startswith(('<details class="course-', "</details>")):
            node["classes"] = []


def setup(app):
    app.connect("doctree-read", unwrap)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
