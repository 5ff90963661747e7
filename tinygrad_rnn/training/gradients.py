"""Where the gradient of a hidden state comes from: equation (3.1) as a table and in pictures."""

from pathlib import Path

from tinygrad_rnn import draw
from tinygrad_rnn.draw.support import Support
from tinygrad_rnn.draw.symbols import definition, joint_name, state_names
from tinygrad_rnn.flow.terms import GradientFlow
from tinygrad_rnn.guards.numbers import number, percent
from tinygrad_rnn.nn.unroll import Unrolled


def table(run: Unrolled, t: int, flow: GradientFlow) -> str:
    """Equation (3.1) at t as text: norm and share of every term."""
    names = state_names(run)
    name, meaning = joint_name(names), f", {definition(names)}" if len(names) > 1 else ""
    lines = [f"eq. (3.1) at t = {t}: dL/d{name}_{t} = direct + indirect{meaning}"]
    lines.append(f"{'term':<36}{'norm':>10}{'share':>10}")
    rows, support = flow.table(t, most=12), Support(flow)
    for row in rows:
        k = row.ks[0]
        if k not in support.senders:
            lines.append(f"direct   {support.why_not(k)}")
            continue
        head = f"dL_{k}/d{name}_{k}" if support.senders[k] == {k} else f"d+L/d{name}_{k}"
        if len(row.ks) > 1:
            what = f"{len(row.ks)} smaller terms, summed"
        elif k == t:
            what = f"direct   {head}"
        else:
            what = f"k = {k:<4} {head} . d{name}_{k}/d{name}_{t}"
        lines.append(f"{what:<36}{number(row.norm):>10}{percent(row.share):>10}")
    whole = 1.0 if rows[0].share == rows[0].share else rows[0].share
    what = f"sum      dL/d{name}_{t}"
    lines.append(f"{what:<36}{number(flow.total_norm(t)):>10}{percent(whole):>10}")
    lines.append("share: projection on the sum; shares add up to 100 %, norms do not")
    return "\n".join(lines)


def pictures(run: Unrolled, t: int, flow: GradientFlow, folder: Path, suffix: str) -> list[Path]:
    """The three pictures of one run, and the page to explore it; returns their paths."""
    made: dict[str, draw.Figure | draw.Page] = {
        f"paths_t{t}.{suffix}": draw.paths(run, t, flow),
        f"operations.{suffix}": draw.ops(run),
        f"heatmap.{suffix}": draw.heatmap(flow, t),
        "bptt.html": draw.page(run, t=t, flow=flow),
    }
    return [figure.save(folder / name) for name, figure in made.items()]
