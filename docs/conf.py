"""The documentation site: `make docs` builds it into docs/_build/html, without a network.

The source folder is the whole repository, so that links between README, guide, benchmarks and notebooks are the same on
a code host and on the site. `include_patterns` says what becomes a page.
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE / "_ext")]

import workbench  # noqa: E402 - the checkout's own, not an installed one

project = "Medical Workbench"
author = "Medical Workbench contributors"
project_copyright = "Medical Workbench contributors, BSD-3-Clause"
version = release = workbench.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "myst_nb",
    "sphinx_copybutton",
    "sphinx_design",
    "api_pages",
    "card_pages",
    "index_pages",
    "plain_signatures",
    "public_names",
]
root_doc = "docs/index"
include_patterns = [
    "docs/**",
    "notebooks/*.ipynb",
    "benchmarks/README.md",
    "data/weights/README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
]
exclude_patterns = ["docs/_*", "**/.ipynb_checkpoints", ".*", "runs", "build", "dist", "widgets", "workbench", "tests"]

source_suffix = {".rst": "restructuredtext", ".md": "myst-nb", ".ipynb": "myst-nb"}
myst_enable_extensions = ["attrs_block", "attrs_inline", "colon_fence"]
myst_heading_anchors = 3
#: The tests run the notebooks; here they are only shown.
nb_execution_mode = "off"
#: Nothing of a page may come from another host; saved notebooks hold no widgets that would need these.
nb_ipywidgets_js = {}

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
autosummary_generate = False
napoleon_google_docstring = False
napoleon_use_rtype = False
#: Types in prose ("sequence of str, optional") are no names to look up; those of the signature are.
napoleon_use_param = False
napoleon_custom_sections = [("Attributes", "params_style")]
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 100
#: A name in single backticks is code; where it is a public name, it is a link as well.
default_role = "py:obj"

nitpicky = True
nitpick_ignore_regex = [
    # names of other projects, as signatures have them: no inventory of theirs can be had without a network
    ("py:.*", r"(_?pytest|abc|annotated_types|anywidget|collections|contextlib|enum|ipywidgets|jupyter_server)\..*"),
    ("py:.*", r"(matplotlib|mindspore|numpy|os|pathlib|pydantic|threading|torch|traitlets|types|typing|t)\..*"),
    ("py:class", r"Path|NoneType|FieldInfo|(Min|Max)Len|G[te]|L[te]|_PydanticGeneralMetadata"),
    # of what stands within Annotated, autodoc writes the module twice
    ("py:class", r".*\.~.*"),
    # a name in single backticks may be a parameter, or any other code
    ("py:obj", ".*"),
]

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

templates_path = ["_templates"]
html_context = {"default_mode": "auto"}
html_theme = "pydata_sphinx_theme"
html_title = "Medical Workbench"
html_static_path = ["_static"]
#: The first page lies in docs/; whoever opens the folder of the site is sent there.
html_additional_pages = {"index": "redirect.html"}
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
#: The lines under a result of the search are fetched, which a browser does not do from the disk.
html_show_search_summary = False
#: Pages without pages below them need no list of those.
_NOTEBOOKS = ("notebooks/tour", "notebooks/trust", "notebooks/tools", "notebooks/jobs")
html_sidebars = {name: [] for name in ("docs/index", "docs/user-guide", *_NOTEBOOKS, "search", "genindex")}
toc_object_entries_show_parents = "hide"
html_theme_options = {
    "logo": {"text": "Medical Workbench"},
    "show_prev_next": False,
    "navigation_with_keys": False,
    "header_links_before_dropdown": 7,
    "show_toc_level": 2,
    "navbar_persistent": ["search-button"],
    "footer_start": ["copyright"],
    "footer_center": [],
    "footer_end": ["sphinx-version"],
}
