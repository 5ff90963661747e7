// The numbers of the page: unpacked once, asked for by k and t, which count from 1.

const D = JSON.parse(document.getElementById("data").textContent);

// Base64 of floats -> an array of numbers.
function unpack(packed) {
  if (!packed) return null;
  const [kind, text] = Object.entries(packed)[0];
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  if (kind === "f8") return Array.from(new Float64Array(bytes.buffer));
  const short = Array.from(new Float32Array(bytes.buffer));
  return kind === "log" ? short.map((x) => 10 ** x) : short;
}

const T = D.T;
const norms = unpack(D.norms), shares = unpack(D.shares), vectors = unpack(D.vectors);
const total = unpack(D.total), indirect = unpack(D.indirect);
const gains = unpack(D.gains), matrices = unpack(D.matrices);
const others = { norms: unpack(D.others.norms), shares: unpack(D.others.shares) };
const tableShares = D.tables.map((row) => unpack(row.shares));
const sums = D.sums.map(unpack);
const weights = D.weights.map((w) => ({
  ...w, norm: unpack(w.norm)[0], norms: unpack(w.norms), shares: unpack(w.shares),
  entries: unpack(w.entries),
}));
const values = {
  x: { ...D.values.x, entries: unpack(D.values.x.entries) },
  h: D.values.h.map((h) => ({ ...h, entries: unpack(h.entries) })),
  y: D.values.y && { ...D.values.y, entries: unpack(D.values.y.entries) },
  L: { ...D.values.L, entries: unpack(D.values.L.entries) },
};

// Which gradients there are: a step may have no loss, and not every path leads everywhere.
const sends = (k) => D.losses[k - 1];
// What enters at s_k comes from its own loss, from later ones that read it too, or from both.
const earliest = (k) => D.earliest[k - 1] ?? Infinity;  // how far back it gets
const reaches = (k, t) => earliest(k) <= t;
const silent = (t) => !D.reached[t - 1].some(Boolean);  // whether no loss reaches s_t
const whyNot = (k, t) =>
  (sends(k) ? `L${sub(k)} does not reach ${joint(t)}` : `no loss at step ${k}`);

const at = (k, t) => (k * (k - 1)) / 2 + t - 1;  // the entry of the term (k, t) in a triangle
const norm = (k, t) => norms[at(k, t)];

// The share of the term in dL/dh_t; of a very long sequence only those in the tables are known.
function share(k, t) {
  if (shares) return shares[at(k, t)];
  const i = D.tables[t - 1].ks.indexOf(k);
  return i < 0 ? null : tableShares[t - 1][i];
}

function vector(k, t) {
  return vectors && vectors.slice(at(k, t) * D.width, (at(k, t) + 1) * D.width);
}

function matrix(j) {
  const n = D.width, start = (r) => ((j - 2) * n + r) * n;
  return matrices && Array.from({ length: n }, (_, r) => matrices.slice(start(r), start(r + 1)));
}

const columnsOf = (t) => (D.columns.length === 1 ? D.columns[0] : D.columns[t - 1]);
const sizesOf = (columns) => D.sizes.find((s) => s.columns === null || columns <= s.columns);

// Norms on one log scale for the whole page: the same width and colour mean the same at every t.
const [bottom, top_] = D.scale;
const visible = (n) => n >= bottom * (1 - 1e-9);
function shareOf(n) {
  if (!(n > bottom)) return 0;
  return Math.min(1, Math.log10(n / bottom) / Math.log10(top_ / bottom));
}

// The colour at a share (0 to 1) of the way through a list of colours.
function blend(colors, share) {
  const position = share * (colors.length - 1);
  const i = Math.min(colors.length - 2, Math.floor(position));
  return colors[i].map((c, j) => Math.round(c + (colors[i + 1][j] - c) * (position - i)));
}
