// Numbers and symbols as a reader writes them.

// A number to some significant digits, as Python's `number` prints it, with a true minus sign.
function number(x, digits = 3) {
  if (x === null || Number.isNaN(x)) return "nan";
  const minus = x < 0 ? "−" : "", size = Math.abs(x);
  if (size === 0) return "0";
  if (size === Infinity) return `${minus}inf`;
  const whole = size < 1e6 ? String(Math.floor(size)).length : 0;
  const text = size.toExponential(Math.max(digits, whole) - 1);
  const [mantissa, exponent] = text.split("e").map(Number);
  if (exponent >= -4 && exponent < 6) return minus + String(Number(text));
  const power = String(Math.abs(exponent)).padStart(2, "0");
  return `${minus}${mantissa}e${exponent < 0 ? "-" : "+"}${power}`;
}

function percent(x) {
  if (x === null || !Number.isFinite(x)) return "–";
  const share = 100 * x;
  if (Math.abs(share) >= 1e6) return `${number(share)} %`;
  const text = Math.abs(share).toFixed(1);
  return `${share < 0 && text !== "0.0" ? "−" : ""}${text} %`;
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
  const shown = entries.slice(0, most).map((x) => number(x, 4));
  return `[${shown.join(", ")}${entries.length > most ? `, … ${entries.length} in all` : ""}]`;
}

const shapeText = (shape) => `shape (${shape.join(", ")}${shape.length === 1 ? "," : ""})`;

// The facts of one value at time t, as lines.
function valueLines(series, t) {
  const size = series.shape.reduce((a, b) => a * b, 1);
  const entries = series.entries && series.entries.slice((t - 1) * size, t * size);
  return [shapeText(series.shape), ...(entries ? [`value ${list(entries, 16)}`] : [])];
}
