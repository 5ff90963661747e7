"""The documentation site, built by `python -m sphinx -W -b html docs docs/_build/html`."""

import sys
from pathlib import Path

import tinygrad_rnn

sys.path.insert(0, str(Path(__file__).parent / "_site"))  # this site's own extensions

project = "tinygrad_rnn"
author = "the tinygrad_rnn developers"
copyright = author  # noqa: A001  (the name Sphinx asks for)
version = release = tinygrad_rnn.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx_copybutton",
    "docstrings",  # plain text becomes reStructuredText
    "formulas",  # TeX becomes MathML, with numbers that can be linked to
    "figures",  # the picture stands where a doctest says Figure(...)
    "house",  # the rooms of the package, from its imports
]
myst_enable_extensions = ["dollarmath", "deflist"]
myst_heading_anchors = 3
suppress_warnings = ["myst.strikethrough"]
smartquotes = False  # "(...)" is a shape
exclude_patterns = ["_build", "_pictures", "_site", "Thumbs.db"]

autodoc_typehints = "none"  # shapes and kinds of arguments stand in the docstrings
autodoc_member_order = "groupwise"
autodoc_default_options = {"members": True}
add_module_names = False
python_maximum_signature_line_length = 100

html_theme = "furo"
html_title = f"tinygrad_rnn {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_theme_options = {"navigation_with_keys": True, "top_of_page_buttons": []}
copybutton_prompt_text = r">>> |\.\.\. "
copybutton_prompt_is_regexp = True
