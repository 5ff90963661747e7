// Numbers and symbols as a reader writes them.

// A norm in few characters: 0.123, 12.3, 4.4e-4.
function brief(x) {
  if (x === null || Number.isNaN(x)) return "–";
  if (x === 0) return "0";
  if (!Number.isFinite(x)) return x > 0 ? "inf" : "−inf";
  const size = Math.abs(x);
  const text = size >= 1e-3 && size < 1e4 ? x.toFixed(size < 100 ? 3 : 1) : x.toExponential(1).replace("e+", "e");
  return text.replace(/^-/, "−");
}

// A number in at most five characters, none of which may be missing.
const tiny = (x) => (x >= 0.01 && x < 100 ? x.toFixed(2) : brief(x));

// A number to some digits; six are all that is stored of most.
function exact(x, digits = 6) {
  if (x === null || Number.isNaN(x)) return "nan";
  if (!Number.isFinite(x)) return x > 0 ? "inf" : "−inf";
  const size = Math.abs(x), rounded = Number(x.toPrecision(digits));
  const text = size === 0 || (size >= 1e-4 && size < 1e7) ? String(rounded) : rounded.toExponential();
  return text.replace("e+", "e").replace(/^-/, "−");
}

function percent(x) {
  if (x === null || !Number.isFinite(x)) return "–";
  const text = (100 * x).toFixed(1);
  return (text === "-0.0" ? "0.0" : text).replace("-", "−") + " %";
}

const sub = (n) => String(n).replace(/[0-9]/g, (d) => "₀₁₂₃₄₅₆₇₈₉"[d]);

// h₃ c₃ in the map; the state as one vector: h₃, or s₃ for (h₃, c₃).
const stateSymbol = (t) => D.states.map((s) => s + sub(t)).join(" ");
const joint = (t) => D.joint + sub(t);
const totalSymbol = (t) => `∂L/∂${joint(t)}`;

// ∂L₅/∂h₅, or ∂⁺L/∂h₅ where other losses read h₅ past all later states
const directSymbol = (k) => (D.shared[k - 1] ? `∂⁺L/∂${joint(k)}` : `∂L${sub(k)}/∂${joint(k)}`);

// ∂L₅/∂h₅ · ∂h₅/∂h₃
function termSymbol(k, t) {
  return k === t ? directSymbol(k) : `${directSymbol(k)} · ∂${joint(k)}/∂${joint(t)}`;
}

// ∂L₅/∂h₅ · J₅ · J₄
function productSymbol(k, t) {
  const js = Array.from({ length: k - t }, (_, i) => `J${sub(k - i)}`);
  const shown = js.length > 6 ? [...js.slice(0, 3), "…", ...js.slice(-2)] : js;
  return [directSymbol(k), ...shown].join(" · ");
}

function list(entries, most = 12) {
  if (!entries) return "";
  const shown = entries.slice(0, most).map((x) => exact(x, 4));
  return `[${shown.join(", ")}${entries.length > most ? `, … ${entries.length} in all` : ""}]`;
}

const shapeText = (shape) => `shape (${shape.join(", ")}${shape.length === 1 ? "," : ""})`;

// The facts of one value at time t, as lines.
function valueLines(series, t) {
  const size = series.shape.reduce((a, b) => a * b, 1);
  const entries = series.entries && series.entries.slice((t - 1) * size, t * size);
  return [shapeText(series.shape), ...(entries ? [`value ${list(entries, 16)}`] : [])];
}
