"""A real notebook, run by Jupyter's client: what each cell shows.

Run with `pytest -m notebook`.
"""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

pytestmark = [
    pytest.mark.notebook,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning"),
]

NOTEBOOK = Path(__file__).parents[2] / "examples" / "gradient_flow.ipynb"


@pytest.fixture(scope="module")
def outputs():
    """What each code cell that shows something shows, by kind."""
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    shown = [cell.outputs for cell in notebook.cells if cell.cell_type == "code"]
    assert all(
        output.output_type == "execute_result" for made in shown for output in made
    )  # nothing printed, no error
    return [made[0].data for made in shown if made]


def test_figures_are_svg(outputs):
    svgs = [data["image/svg+xml"] for data in outputs if "image/svg+xml" in data]
    assert len(svgs) == 4
    for svg in svgs:
        root = ElementTree.fromstring(svg)
        assert float(root.attrib["width"].removesuffix("pt")) <= 900.01
        assert len(svg) < 250_000


def test_the_page_is_a_frame(outputs):
    (page,) = [data["text/html"] for data in outputs if "text/html" in data]
    assert re.match(
        r'<iframe srcdoc=".*" title="Unrolled RNN, T = 30: where its gradients come from"',
        page,
        re.S,
    )
    assert "height: 860px" in page
    assert len(page) < 500_000


def test_the_notebook_is_kept_without_outputs():
    assert '"outputs": []' in NOTEBOOK.read_text("utf-8")
    assert '"output_type"' not in NOTEBOOK.read_text("utf-8")
