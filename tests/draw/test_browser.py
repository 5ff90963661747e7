"""The page in Chromium: what a reader sees and does, against the gradient flow.

Run with `pytest -m browser`; Playwright only drives the Chromium that is installed on the machine.
"""

import re
import shutil

import numpy as np
import pytest
from support.networks import make, with_losses

import tinygrad_rnn as tg
from tinygrad_rnn.flow.terms import gradient_flow
from tinygrad_rnn.guards.numbers import number, percent, typeset

pytestmark = pytest.mark.browser

PROGRAM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)


@pytest.fixture(scope="module")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api", reason="pip install '.[browser]'")
    if PROGRAM is None:
        pytest.skip("Chromium is not installed")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=PROGRAM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield chromium
        chromium.close()


@pytest.fixture
def show(browser, tmp_path):
    """Open the page of a run; afterwards nothing may have been requested but the page, nor an error
    logged.
    """
    opened, said = [], []

    def opener(run, width=1280, height=800, t=1, **options):
        path = tmp_path / "bptt.html"
        tg.draw.page(run, path, t)
        page = browser.new_context(
            viewport={"width": width, "height": height}, **options
        ).new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: opened.append(request.url))
        page.goto(path.as_uri())
        return page

    yield opener
    assert said == []
    assert all(re.fullmatch(r"file://\S+/bptt\.html", url) for url in opened)


def exact(text):
    return float(text.replace("−", "-"))


def column(rows, n):
    return [row.locator("td").nth(n).inner_text() for row in rows]


def norm_told(page):
    return exact(re.search(r"norm (\S+?);?(\s|$)", page.locator("#tip").inner_text())[1])


def total_told(page):
    return exact(page.locator("#now").inner_text().split("= ")[-1])


@pytest.fixture(scope="module", params=["RNN", "LSTM"])
def network(request):
    run = make(request.param, 8)
    return run, gradient_flow(run.losses, run.states)


def test_slider_and_keys_choose_t(show, network):
    run, flow = network
    page = show(run)
    for keys, t in (("ArrowRight", 2), ("ArrowRight", 3), ("ArrowLeft", 2)):
        page.keyboard.press(keys)
        assert total_told(page) == pytest.approx(flow.total_norm(t), rel=1e-5)
        assert page.locator("#t").input_value() == str(t)
    page.locator("#t").focus()
    page.keyboard.press("End")
    assert total_told(page) == pytest.approx(flow.total_norm(8), rel=1e-5)
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    assert page.locator("#now").inner_text().startswith("t = 6")  # a key is counted once
    page.locator("#t").fill("4")
    rows = page.locator("#terms tbody tr").all()
    assert column(rows[:-1], 2) == [number(r.norm) for r in flow.table(4)]
    assert column(rows[:-1], 3) == [typeset(percent(r.share)) for r in flow.table(4)]
    assert rows[-1].locator("#total").inner_text() == number(flow.total_norm(4))


def test_keys_stop_at_both_ends(show):
    page = show(make("RNN", 3))
    page.keyboard.press("ArrowLeft")
    assert page.locator("#t").input_value() == "1"
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    assert page.locator("#t").input_value() == "3"


def test_a_line_tells_its_numbers_to_the_mouse_and_to_the_keyboard(show, network):
    run, flow = network
    page = show(run, t=2)
    for k in range(2, 9):
        strand = page.locator(f"[data-key=term{k}]")
        strand.focus()
        assert norm_told(page) == pytest.approx(flow.norms()[k - 1, 1], rel=1e-5)
        assert typeset(percent(flow.share(k, 2))) in page.locator("#tip").inner_text()
        assert (
            f"norm {page.locator('#tip').inner_text().split('norm ')[1].split()[0]}"
            in strand.get_attribute("aria-label")
        )
    strand = page.locator("[data-key=term5]")
    for piece, j in enumerate((5, 4, 3, 2)):
        page.mouse.move(*strand.locator(".hit").nth(piece).evaluate(MIDDLE, 0.5 if piece else 0.1))
        assert norm_told(page) == pytest.approx(flow.norms()[4, j - 1], rel=1e-5)


def test_a_chip_and_a_value_tell_theirs(show, network):
    run, flow = network
    page = show(run)
    page.locator("[data-key=recurrent4]").hover()
    told = page.locator("#tip").inner_text()
    W = flow.parameters["W_hh"]
    assert f"W_hh: shape ({W.shape[0]}, {W.shape[1]})" in told
    added = np.linalg.norm(flow.contribution("W_hh")[3])
    assert exact(re.search(r"adds (\S+),", told)[1]) == pytest.approx(added, rel=1e-5)
    gain = exact(re.search(r"‖J₄‖ = (\S+),", told)[1])
    assert gain == pytest.approx(flow.singular_values(4)[0], rel=1e-5)
    assert "h_(t−1) @ W_hh" in told
    page.locator("[data-key=y3]").focus()
    told = page.locator("#tip").inner_text()
    assert exact(re.search(r"value \[(.*)\]", told)[1]) == pytest.approx(
        run.outputs[2].data.item(), rel=1e-3
    )
    assert "y_t = h_t @ W_hy + b_y" in told


MIDDLE = """(path, share) => {
  const point = path.getPointAtLength(share * path.getTotalLength())
    .matrixTransform(path.getScreenCTM());
  return [point.x, point.y];
}"""


def cell_of(page, k, t, T):
    """Where the cell (k, t) of the heat map is."""
    box = page.locator(".heat canvas").bounding_box()
    return box["x"] + (t - 0.5) * box["width"] / T, box["y"] + (T - k + 0.5) * box["height"] / T


def test_the_heat_map_tells_and_selects(show, network):
    run, flow = network
    page = show(run)
    for k, t in ((1, 1), (8, 1), (6, 3), (8, 8)):
        page.mouse.move(*cell_of(page, k, t, 8))
        assert page.locator("#tip").inner_text().startswith(f"k = {k}, t = {t}")
        assert norm_told(page) == pytest.approx(flow.norms()[k - 1, t - 1], rel=1e-5)
    page.mouse.move(*cell_of(page, 3, 6, 8))  # an earlier loss sends nothing to a later state
    assert page.locator("#tip").is_hidden()
    page.mouse.click(*cell_of(page, 6, 3, 8))
    assert page.locator("#t").input_value() == "3"
    rows = page.locator(".factors tbody tr").all()
    assert column(rows, 3) == [number(flow.norms()[5, j - 1]) for j in (6, 5, 4, 3)]
    assert column(rows[1:], 1) == [number(flow.singular_values(j)[0]) for j in (6, 5, 4)]
    bold = exact(page.locator("#path b").first.inner_text().split()[1])
    assert bold == pytest.approx(flow.norms()[5, 2], rel=1e-5)
    assert page.locator(".strand.dim").count() == 5
    page.keyboard.press("Escape")
    assert page.locator(".strand.dim").count() == 0


def test_the_heat_map_by_keyboard(show, network):
    run, flow = network
    page = show(run, t=2)
    heat = page.locator(".heat svg")
    heat.focus()
    for key in ("ArrowUp", "ArrowUp", "ArrowUp", "ArrowLeft", "ArrowDown"):
        page.keyboard.press(key)
    assert page.locator("#tip").inner_text().startswith("k = 4, t = 1")
    assert norm_told(page) == pytest.approx(flow.norms()[3, 0], rel=1e-5)
    assert "Now k = 4, t = 1" in heat.get_attribute("aria-label")
    page.keyboard.press("Enter")
    assert page.locator("#t").input_value() == "1"
    assert page.locator(".factors tbody tr").count() == 4


def test_a_line_and_a_row_of_the_table_select_the_same_path(show, network):
    run, _ = network
    page = show(run)
    page.locator("[data-key=term4]").focus()
    page.keyboard.press("Enter")
    by_line = page.locator("#path").inner_text()
    page.keyboard.press("Enter")  # and lets it go
    assert page.locator(".factors").count() == 0
    page.get_by_role("button", name="follow the path of k = 4").click()
    assert page.locator("#path").inner_text() == by_line


def test_the_backward_pass_is_played_step_by_step(show, network):
    run, flow = network
    page = show(run, t=6)
    for j, drawn in ((8, 1), (7, 3), (6, 6)):
        page.locator("#step").click()
        said = page.locator("#caption").inner_text()
        assert said.startswith(f"Step {9 - j} of 3")
        assert said.endswith(f"= {number(flow.total_norm(j))}")
        assert page.locator(".strand .hit").count() == drawn
    page.locator("#play").click()
    page.locator("#caption", has_text="Step 3 of 3").wait_for()
    assert page.locator("#play").inner_text() == "▶ Go on"


def test_bars_tell_what_a_step_adds(show, network):
    run, flow = network
    page = show(run, t=3)
    page.locator("[data-weight=W_xh]").focus()
    told = page.locator("#tip").inner_text()
    assert told.startswith("W_xh at t = 3")
    assert norm_told(page) == pytest.approx(np.linalg.norm(flow.contribution("W_xh")[2]), rel=1e-5)
    page.keyboard.press("ArrowRight")
    assert page.locator("#tip").inner_text().startswith("W_xh at t = 4")


def test_the_operation_level(show, network):
    run, _ = network
    page = show(run)
    page.get_by_role("button", name="Operations").click()
    assert page.locator("#map-panel").is_hidden()
    item = page.locator("#ops [data-key]").first
    item.focus()
    assert "shape" in page.locator("#tip").inner_text()
    page.get_by_role("button", name="Cells").click()
    assert page.locator("#map svg").is_visible()


def test_tab_goes_through_the_page_in_order(show):
    page = show(make("RNN", 4))
    seen = []
    for _ in range(14):
        page.keyboard.press("Tab")
        seen.append(page.evaluate(
            "(e => e.id || e.dataset.key || e.closest('[id]')?.id || e.tagName)"
            "(document.activeElement)"
        ))  # fmt: skip
    assert seen[:6] == ["t", "play", "step", "cells", "operations", "theme"]
    assert seen[6] == "term1"  # the map is one stop; up and down move inside it
    assert seen[7:9] == ["heat", "terms"]


def test_up_and_down_move_inside_the_map(show):
    page = show(make("RNN", 4), t=2)
    page.locator("[data-key=term2]").focus()
    seen = []
    for key in ("ArrowDown", "ArrowDown", "ArrowDown", "ArrowUp", "End", "Home"):
        page.keyboard.press(key)
        seen.append(page.evaluate("document.activeElement.dataset.key"))
    assert seen[:4] == ["term3", "term4", "x1", "term4"]
    assert seen[5] == "term2"
    page.keyboard.press(
        "ArrowRight"
    )  # t changes, the focus stays with the line of the same loss where there is one
    assert page.locator("#t").input_value() == "3"


def test_everything_that_can_be_focused_has_a_name(show, network):
    page = show(network[0])
    page.locator("[data-key=term3]").press("Enter")
    nameless = page.evaluate("""() =>
      [...document.querySelectorAll("button, input, [tabindex]")]
      .filter((e) => !(e.getAttribute("aria-label") || e.textContent.trim() || e.labels?.length))
      .map((e) => e.outerHTML)""")
    assert nameless == []


CONTRAST = """() => {
  const channels = (c) => c.match(/[\\d.]+/g).map(Number);
  const light = (c) => channels(c).slice(0, 3).map((x) => x / 255)
    .map((x) => (x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4))
    .reduce((sum, x, i) => sum + x * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (e) => {
    for (let at = e; at; at = at.parentElement) {
      const box = at.querySelector?.(":scope > .chip, :scope > .node");
      const c = box && at !== e ? getComputedStyle(box).fill : getComputedStyle(at).backgroundColor;
      if (channels(c)[3] !== 0) return c;
    }
    return getComputedStyle(document.body).backgroundColor;
  };
  const poor = [];
  for (const e of document.querySelectorAll("body *")) {
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || !e.getClientRects().length || e.closest(".dim")) continue;
    if (/SCRIPT|STYLE/.test(e.tagName)) continue;
    const style = getComputedStyle(e), paper = light(behind(e));
    const ink = light(e.closest("svg") ? style.fill : style.color);
    const ratio = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
    if (ratio < 4.5) poor.push([e.textContent, ratio]);
  }
  return poor;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out(show, network, scheme):
    page = show(network[0], color_scheme=scheme, t=3)
    assert page.evaluate("document.documentElement.dataset.theme") == scheme
    assert page.evaluate(CONTRAST) == []
    page.locator("#operations").click()
    assert page.evaluate(CONTRAST) == []
    page.locator("#theme").click()
    assert page.evaluate("document.documentElement.dataset.theme") != scheme
    assert page.evaluate(CONTRAST) == []


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844), (320, 640)])
@pytest.mark.parametrize("T", [4, 10, 30, 100])
def test_nothing_is_wider_than_the_window_and_type_is_readable(show, width, height, T):
    page = show(make("RNN", T), width, height)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    small = page.evaluate("""() => [...document.querySelectorAll("main *, header *")].filter((e) =>
      [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim()) &&
      e.getClientRects().length &&
      e.tagName !== "SUB" && !e.closest("#ops") && parseFloat(getComputedStyle(e).fontSize) < 10)
      .map((e) => e.outerHTML)""")
    assert small == []


def test_it_prints_light_and_without_controls(show):
    page = show(make("RNN", 10), color_scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.locator("#play").is_hidden()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_hostile_names_run_nothing(show):
    name = "</script><img src=x onerror=alert(1)>"
    W = tg.Tensor(np.full((1, 1), 0.5), requires_grad=True, name=name)
    run = tg.unroll(
        lambda x, h: np.tanh(x + h @ W),
        np.ones((3, 1)),
        np.ones(1),
        loss=lambda y, _: np.sum(y),
        targets=np.zeros(3),
    )
    page = show(run)
    page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    page.locator("[data-key=recurrent2]").hover()
    assert page.locator("#tip img").count() == 0
    assert "<img src=x" in page.locator("#tip").inner_text()


@pytest.mark.parametrize("scale", [0.0, 1e300, np.nan, np.inf])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_numbers_of_every_kind_are_drawn(show, scale):
    W = tg.Tensor(np.full((2, 2), 0.5), requires_grad=True, name="W")
    run = tg.unroll(lambda x, h: x + h @ W, np.ones((4, 2)), np.ones(2),
                    loss=lambda y, _: np.sum(y) * scale,
                    targets=np.zeros(4))  # fmt: skip
    page = show(run)
    page.locator("[data-key=term3]").focus()
    page.keyboard.press("Enter")
    assert page.locator(".factors tbody tr").count() == 3
    drawn = page.locator("#map").inner_html().split("aria-label")
    drawn = " ".join(re.findall(r' (?:d|points|x|y|stroke-width)="([^"]*)"', " ".join(drawn)))
    assert "NaN" not in drawn
    assert "Infinity" not in drawn


def test_a_page_within_a_page(browser):
    """As a notebook shows it: in a frame without an origin of its own."""
    page = browser.new_page()
    page.set_content(tg.draw.page(make("RNN", 3))._repr_html_())
    frame = page.frame_locator("iframe")
    frame.locator("#step").click()
    assert frame.locator("#caption").inner_text().startswith("Step 1 of 3")


@pytest.mark.parametrize("name", ["RNN", "LSTM", "tuple"])
def test_steps_without_a_loss(show, name):
    run = with_losses(name, 6, {2, 5})
    flow = gradient_flow(run.losses, run.states)
    page = show(run)
    s = "h" if name == "RNN" else "s"
    assert [page.locator(f"[data-key=L{t}]").count() for t in range(1, 7)] == [0, 1, 0, 0, 1, 0]
    assert [page.locator(f"[data-key=term{t}]").count() for t in range(1, 7)] == [0, 1, 0, 0, 1, 0]
    direct, *rows, total = page.locator("#terms tbody tr").all()
    assert direct.inner_text().split("\t") == ["direct", "no loss at this step"]
    assert column(rows, 2) == [number(r.norm) for r in flow.table(1)[1:]]
    assert column([total], 3) == ["100 %"]
    assert page.locator("#map .past [data-key=y3]").count() == 1
    assert page.locator("#map .past [data-key=y5]").count() == 0
    page.mouse.move(*cell_of(page, 3, 1, 6))
    assert page.locator("#tip").inner_text().split("\n") == ["k = 3, t = 1", "no loss at step 3"]
    page.mouse.click(*cell_of(page, 3, 1, 6))
    assert page.locator("#path").inner_text() == "There is no such path: no loss at step 3."
    page.mouse.click(*cell_of(page, 5, 3, 6))
    assert page.locator(".factors tbody tr").count() == 3
    assert "Pale: no loss at k" in page.locator("#heat-panel").inner_text()
    page.locator("#t").fill("6")
    assert page.locator("#now").inner_text() == f"t = 6, ‖∂L/∂{s}₆‖ = 0"
    assert page.locator(".strand").count() == 0
    (direct, total) = page.locator("#terms tbody tr").all()
    assert column([total], 2) + column([total], 3) == ["0", "–"]
    page.locator("#t").fill("4")
    said = []
    for _ in range(3):
        page.locator("#step").click()
        said.append(page.locator("#caption").inner_text())
    nothing = f"nothing comes from later losses: ‖∂L/∂{s}₆‖ = 0"
    assert said[0] == f"Step 1 of 3, at {s}₆: no loss at step 6; {nothing}"
    assert said[1].startswith(f"Step 2 of 3, at {s}₅: direct ∂L₅/∂{s}₅, norm ")
    assert "nothing comes from later losses" in said[1]
    indirect = f"indirect, from {s}₅ through J₅, norm "
    assert said[2].startswith(f"Step 3 of 3, at {s}₄: no loss at step 4; {indirect}")
    page.locator("[data-weight=W_hy]").focus()
    assert page.locator("#tip").inner_text().split("\n")[:2] == ["W_hy at t = 4", "adds nothing"]
    everything = page.content()
    assert not re.search(r'"[^"]*\b(NaN|Infinity|undefined)\b', everything.split("<script")[0])
    for t in range(1, 7):
        page.locator("#t").fill(str(t))
        shown = page.locator("body").inner_text() + page.locator("#map").inner_html()
        assert not re.search("NaN|Infinity|undefined", shown)


@pytest.mark.parametrize("t", [1, 5, 20, 40, 60])
def test_a_long_sequence_with_few_losses(show, t):
    run = with_losses("LSTM", 60, {30, 31, 55})
    page = show(run, t=t)
    shown = page.locator("#map").inner_html() + page.locator("#terms").inner_text()
    assert not re.search("NaN|Infinity|undefined", shown)
    assert page.locator("#map [data-key^=L]").count() <= 3


def test_every_statement_is_about_the_pair(show):
    page = show(make("LSTM", 4))
    page.locator("[data-key=term3]").press("Enter")
    said = page.locator("body").inner_text()
    assert "s = (h, c)" in said
    assert not re.search(r"∂h|∂c", said)
    named = "[...document.querySelectorAll('#map [aria-label]')]"
    told = page.evaluate(f"{named}.map((e) => e.ariaLabel).join()")
    assert not re.search(r"∂h|∂c", told)
