/**
 * Expressions: the trees of the document (page/trees.py says their form), evaluated, bound to the
 * place of a quantity, and substituted. A quantity is a tree too: ["of", kind, layer, at, name].
 */

const FUNCTIONS = {
  exp: Math.exp,
  ln: Math.log,
  sqrt: Math.sqrt,
  tanh: Math.tanh,
  cosh: Math.cosh,
  sin: Math.sin,
  cos: Math.cos,
  abs: Math.abs,
  sign: Math.sign,
  max: Math.max,
  min: Math.min,
  'σ': (x) => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x))),
  'Φ': (x) => 0.5 * complementaryErrorFunction(-x / Math.SQRT2),
};

const HOLDS = {
  '<': (a, b) => a < b,
  '>': (a, b) => a > b,
  '≤': (a, b) => a <= b,
  '≥': (a, b) => a >= b,
  '=': (a, b) => a === b,
};

const HERE = {
  layer: 0
};

/** Returns the quantity of a kind at a place. */
export function quantity(kind, layer = -1, at = [], name = '') {
  return ['of', kind, layer, at, name];
}

/** Returns the address of a quantity as Python would write it, `weights[0][1, 2]`. */
export function address([, kind, layer, at, name]) {
  const index = at.length ? `[${at.join(', ')}]` : '';
  return kind + (name && `.${name}`) + (layer >= 0 ? `[${layer}]` : '') + index;
}

/**
 * Returns the number that a tree is.
 *
 * `of` knows numbers: `of.number(kind, layer, at, name)`, `of.samples`, how many samples of the
 * batch there are, and `of.overAll(tree)`, a sum over all weights. `place` has the layer that
 * layers are counted from, and the numbers of letters.
 */
export function evaluated(tree, of, place = HERE) {
  const inner = (part) => evaluated(part, of, place);
  const [operation, ...parts] = tree;
  switch (operation) {
    case 'of':
      return of.number(...resolved(tree, place));
    case 'constant':
    case 'value':
      return parts[0];
    case 'omitted':
      return parts[1];
    case 'letter':
      return place[parts[0]];
    case '+':
      return sumOf(parts, inner);
    case '*':
      return productOf(parts.map(inner));
    case '/':
      return quotientOf(parts, of, place);
    case '^':
      return inner(parts[0]) ** inner(parts[1]);
    case '-':
      return -inner(parts[0]);
    case 'call':
      return callOf(parts, of, place);
    case 'if':
      return inner(holds(parts[1], of, place) ? parts[0] : parts[2]);
    case 'sum':
      return seriesOf(tree, of, place);
    case 'all':
      return of.overAll(tree);
  }
  throw new TypeError(`${operation} has no number`);
}

/** Returns whether a comparison holds. */
export function holds([, relations, ...operands], of, place = HERE) {
  const values = operands.map((operand) => evaluated(operand, of, place));
  return relations.every((relation, n) => HOLDS[relation](values[n], values[n + 1]));
}

function sumOf(terms, of) {
  if (terms.length === 2 && isExp(terms[0]) && terms[1][0] === '-' && isOne(terms[1][1])) {
    return Math.expm1(of(terms[0][2]));  // exp(x) - 1 without losing its digits near 0
  }
  return terms.reduce((sum, one) => sum + of(one), 0);
}

/** 0 where a factor is 0, whatever the others: 0 ln 0 is 0. */
function productOf(values) {
  return values.includes(0) ? 0 : values.reduce((product, value) => product * value, 1);
}

function quotientOf([top, bottom], of, place) {
  if (isExp(top) && bottom[0] === 'sum' && isExp(bottom[3])) {
    return Math.exp(logShare(top, bottom, of, place));
  }
  const [above, below] = [top, bottom].map((part) => evaluated(part, of, place));
  if (below !== 0) return above / below;
  return above === 0 || Number.isNaN(above) ? NaN : Math.sign(above) * Infinity;
}

function callOf([name, ...args], of, place) {
  if (name === 'ln') return logOf(args[0], of, place);
  return FUNCTIONS[name](...args.map((part) => evaluated(part, of, place)));
}

/** ln x; of an output, and of what it leaves of 1, from its own equation: it may round to 0. */
function logOf(tree, of, place) {
  const rest = restOfOne(tree);
  const isRest = rest?.[0] === '-' && rest[1][0] === 'of';
  if (tree[0] === 'of' || isRest) {
    const known = logOfOutput(isRest ? rest[1] : tree, of, place, isRest);
    if (known !== null) return known;
  }
  return rest ? Math.log1p(evaluated(rest, of, place)) : Math.log(evaluated(tree, of, place));
}

/** ln a, or ln(1 - a), of an output that is a softmax, a sigmoid or an exponential; else null. */
function logOfOutput(which, of, place, isRest) {
  const made = of.equation?.(resolved(which, place));
  if (!made) return null;
  const {tree, place: there} = made;
  if (isExp(tree) && !isRest) return evaluated(tree[2], of, there);
  if (tree[0] !== '/') return null;
  const [, top, bottom] = tree;
  if (isExp(top) && bottom[0] === 'sum' && !isRest) return logShare(top, bottom, of, there);
  const power = restOfOne(bottom);
  if (!isOne(top) || !power || !isExp(power)) return null;
  const x = evaluated(power[2], of, there);  // a = 1 / (1 + exp(x))
  return -softplus(isRest ? -x : x);
}

/** ln(exp(u) / Σ exp(v)), the largest v taken away first. */
function logShare(top, [, index, count, pattern], of, place) {
  const powers =
      Array.from({length: count}, (_, n) => evaluated(pattern[2], of, {...place, [index]: n}));
  const most = Math.max(...powers);
  const others = powers.toSpliced(powers.indexOf(most), 1);
  const sum = others.reduce((total, power) => total + Math.exp(power - most), 0);
  return evaluated(top[2], of, place) - most - Math.log1p(sum);
}

function softplus(x) {
  return Math.max(0, x) + Math.log1p(Math.exp(-Math.abs(x)));
}

function isOne([operation, value]) {
  return operation === 'constant' && value === 1;
}

function isExp([operation, name]) {
  return operation === 'call' && name === 'exp';
}

/** Returns x of 1 + x, else null. */
function restOfOne(tree) {
  return tree[0] === '+' && tree.length === 3 && isOne(tree[1]) ? tree[2] : null;
}

function seriesOf([, index, count, pattern, ...terms], of, place) {
  if (terms.length) return terms.reduce((sum, one) => sum + evaluated(one, of, place), 0);
  const inner = {...place};
  let sum = 0;
  for (let n = 0; n < (index === 'i' ? Math.min(count, of.samples) : count); n++) {
    inner[index] = n;
    sum += evaluated(pattern, of, inner);
  }
  return sum;
}

function resolved([, kind, layer, at, name], place) {
  const indices = at.map((index) => (typeof index === 'number' ? index : place[index] ?? index));
  return [kind, layer === null ? -1 : layer + place.layer, indices, name];
}

/** Returns a tree with its layers counted from the first, and numbers in the places of letters. */
export function bound(tree, place) {
  if (!Array.isArray(tree)) return tree;
  if (tree[0] === 'of') return ['of', ...resolved(tree, place)];
  if (tree[0] === 'compare') {
    return [tree[0], tree[1], ...tree.slice(2).map((part) => bound(part, place))];
  }
  if (tree[0] === 'sum') {
    const others = {...place, [tree[1]]: undefined};
    return [...tree.slice(0, 3), ...tree.slice(3).map((part) => bound(part, others))];
  }
  return [tree[0], ...tree.slice(1).map((part) => bound(part, place))];
}

/** Returns term n of a series that is bound. */
export function term([, index, , pattern, ...terms], n) {
  return terms.length ? terms[n] : bound(pattern, {layer: 0, [index]: n});
}

/** Returns the quantities that a bound tree is made of, those of a long series left out. */
export function references(tree) {
  if (!Array.isArray(tree)) return [];
  if (tree[0] === 'of') return [tree];
  return tree.slice(1).flatMap(references);
}

/**
 * Returns a bound tree with its numbers: of a choice what holds, of a long sum the largest terms.
 *
 * `of` knows numbers, as for `evaluated`; `of.series(tree)` gives the terms of a sum that are
 * known, and in `omitted` how many are not, and what these come to.
 */
export function substituted(tree, of, most) {
  if (!Array.isArray(tree)) return tree;
  const inner = (part) => substituted(part, of, most);
  switch (tree[0]) {
    case 'of':
      return ['value', of.number(...tree.slice(1)), tree];
    case 'constant':
    case 'letter':
    case 'value':
      return tree;
    case 'if':
      return inner(holds(tree[2], of) ? tree[1] : tree[3]);
    case 'sum':
    case 'all':
      return ['+', ...shortened(of.series(tree), of, most).map(inner)];
  }
  return [tree[0], ...tree.slice(1).map(inner)];
}

/** Returns the terms to be shown, in their order, with dots in the places of the others. */
function shortened({terms, omitted}, of, most) {
  const rest = omitted ? [['omitted', omitted.count, omitted.value]] : [];
  if (terms.length <= most + 1) return [...terms, ...rest];
  const values = terms.map((one) => evaluated(one, of));
  const places = values.map((_, n) => n);
  const largest =
      places.toSorted((a, b) => Math.abs(values[b]) - Math.abs(values[a])).slice(0, most);
  const shown = [];
  let before = 0;
  for (const place of [...largest.toSorted((a, b) => a - b), terms.length]) {
    const left = values.slice(before, place);
    if (left.length === 1) {
      shown.push(terms[before]);  // dots for one would be no shorter
    } else if (left.length) {
      shown.push(['omitted', left.length, left.reduce((a, b) => a + b)]);
    }
    if (place < terms.length) shown.push(terms[place]);
    before = place + 1;
  }
  return [...shown, ...rest];
}

/** erfc by its series near 0 and its continued fraction (Lentz) beyond, to about 1e-15. */
export function complementaryErrorFunction(x) {
  if (x < 0) return 2 - complementaryErrorFunction(-x);
  if (x < 2) {
    let [part, sum] = [x, x];
    for (let n = 1; Math.abs(part) > 1e-17 * Math.abs(sum); n++) {
      part *= -x * x / n;
      sum += part / (2 * n + 1);
    }
    return 1 - 2 / Math.sqrt(Math.PI) * sum;
  }
  let fraction = 0;
  for (let n = 60; n > 0; n--) fraction = n / 2 / (x + fraction);
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / (x + fraction);
}
