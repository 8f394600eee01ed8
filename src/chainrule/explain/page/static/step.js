/**
 * Step: the numbers of a step of training.
 *
 * While nothing is changed they are the engine's, and what the engine doesn't hold is computed from
 * them. Where something was changed, every number is computed here, in float64, from what the step
 * began with, by the equations of the document.
 */

import {address, bound, evaluated, quantity, term} from './expressions.js';
import {Table} from './table.js';

const OF_SAMPLES = ['activations', 'pre_activations', 'deltas', 'masks'];
const OF_ROWS = ['activations', 'targets'];  // which are given, and may be changed
const AFTER = {
  new_weights: 'parameters',
  new_biases: 'parameters'
};

/** Where each weight and bias is in the one vector that has them all. */
export class Layout {
  constructor(sizes) {
    this.sizes = sizes;
    this.layers = sizes.length - 1;
    this.weightStarts = [];
    this.biasStarts = [];
    this.count = 0;
    for (const starts of [this.weightStarts, this.biasStarts]) {
      for (let layer = 0; layer < this.layers; layer++) {
        starts.push(this.count);
        this.count += (starts === this.weightStarts ? sizes[layer] : 1) * sizes[layer + 1];
      }
    }
  }

  place(layer, at) {
    if (at.length === 1) return this.biasStarts[layer] + at[0];
    return this.weightStarts[layer] + at[0] * this.sizes[layer + 1] + at[1];
  }

  /** Calls `see(layer, at)` for every weight, layer after layer, then every bias. */
  each(see) {
    for (let layer = 0; layer < this.layers; layer++) {
      for (let k = 0; k < this.sizes[layer]; k++) {
        for (let j = 0; j < this.sizes[layer + 1]; j++) see(layer, [k, j]);
      }
    }
    for (let layer = 0; layer < this.layers; layer++) {
      for (let j = 0; j < this.sizes[layer + 1]; j++) see(layer, [j]);
    }
  }
}

export class Step {
  #known;
  #edited;
  #engine;

  /**
   * @param {object} source what the document has of the step
   * @param {Equations} equations of the step
   * @param {Layout} layout
   * @param {boolean} isComputed whether the source has only what the step begins with
   * @param {Map} edits quantities and numbers that they were changed to, by their addresses
   */
  constructor(source, equations, layout, isComputed = false, edits = new Map()) {
    this.source = source;
    this.equations = equations;
    this.layout = layout;
    this.edits = edits;
    this.isLive = isComputed || edits.size > 0;
    this.isComputed = isComputed;
    this.samples = source.rows.length;
    this.number = this.number.bind(this);
    this.#known = new Table();
    this.#edited = edits.size ? tableOf(edits) : null;
    this.#engine = edits.size && !isComputed ? new Step(source, equations, layout) : null;
  }

  /** Returns the step with a number changed. */
  changed(which, value) {
    const edits = new Map(this.edits).set(address(which), [which, value]);
    return new Step(this.source, this.equations, this.layout, this.isComputed, edits);
  }

  /** Returns a number of the step. */
  number(kind, layer = -1, at = [], name = '') {
    const edited = this.#edited?.get(kind, layer, at, name);
    if (edited !== undefined) return edited;
    const equation = this.isLive ? this.equations.find(kind, layer, at, name) : null;
    if (!equation) {
      const stored = this.#stored(kind, layer, at, name);
      if (stored !== undefined) return stored;
    }
    return this.#computed(kind, layer, at, name);
  }

  /** Returns the tree that makes a quantity here, and its place; null where it is a number. */
  equation([kind, layer, at, name]) {
    const found = this.isLive ? this.equations.find(kind, layer, at, name) : null;
    return found && {tree: this.equations.tree(found), place: found.place};
  }

  /**
   * Returns the expression that makes a quantity, in a notation's terms; null where it is given.
   */
  formula([, kind, layer, at, name], notation = '') {
    const equation = this.equations.find(kind, layer, at, name);
    return equation && bound(this.equations.tree(equation, notation), equation.place);
  }

  /** Returns the terms of a series that are known; how many are not, and what they come to. */
  series(tree, of) {
    if (tree[0] === 'all') return {terms: this.#termsOverAll(tree), omitted: null};
    const [, index, count] = tree;
    const known = index === 'i' ? Math.min(count, this.samples) : count;
    const terms = Array.from({length: known}, (_, n) => term(tree, n));
    const rest = known < count ? {count: count - known, value: this.#rest(of)} : null;
    return {terms, omitted: rest};
  }

  /**
   * Returns the step after this one, with what this one makes: on the samples of `next`, the next
   * step of the run, or where there is none on those of this one, as they were changed.
   */
  taken(next) {
    const {parameters, state} = this.#made();
    const {source} = next ?? this;
    const isRateChanged = this.edits.has('learning_rate') || !next?.source.update;
    const rate = (isRateChanged ? this : next).number('learning_rate');
    const update = {
      ...this.source.update,
      learning_rate: rate,
      step_number: this.number('step_number') + 1,
      state,
    };
    const following = {
      ...source,
      parameters,
      update,
      step: this.source.step + 1,
      batch_size: source.rows.length,  // those that are known
    };
    const kept = [...this.edits].filter(([, [[, kind]]]) => !next && OF_ROWS.includes(kind));
    return new Step(following, (next ?? this).equations, this.layout, true, new Map(kept));
  }

  /** What the step makes of the parameters and of the optimizer's memory. */
  #made() {
    const empty = () => new Float64Array(this.layout.count);
    const names = Object.keys(this.source.update.state);
    const [parameters, state] = [empty(), Object.fromEntries(names.map((name) => [name, empty()]))];
    this.layout.each((layer, at) => {
      const place = this.layout.place(layer, at);
      parameters[place] = this.number(at.length === 2 ? 'new_weights' : 'new_biases', layer, at);
      for (const name of names) state[name][place] = this.number('state_after', layer, at, name);
    });
    return {parameters, state};
  }

  #computed(kind, layer, at, name) {
    const known = this.#known.get(kind, layer, at, name);
    if (known !== undefined) return known;
    const made = this.#evaluated(kind, layer, at, name);
    const rest = this.#isPartial(kind) ? this.#rest(['of', kind, layer, at, name]) : 0;
    this.#known.set(kind, layer, at, name, made + rest);
    return made + rest;
  }

  #evaluated(kind, layer, at, name) {
    const equation = this.equations.find(kind, layer, at, name);
    if (!equation) throw new RangeError(`${address(['of', kind, layer, at, name])} is not known`);
    return evaluated(this.equations.tree(equation), this, equation.place);
  }

  /** Returns Σ over all weights, or over the derivatives by all weights and biases. */
  overAll([, letter, pattern, what]) {
    let sum = 0;
    this.#each(what, (which) => {
      sum += evaluated(pattern, this, {layer: 0, [letter]: this.number(...which.slice(1))});
    });
    return sum;
  }

  #termsOverAll([, letter, pattern, what]) {
    const terms = [];
    this.#each(what, (which) => terms.push(replaced(pattern, letter, which)));
    return terms;
  }

  #each(what, see) {
    this.layout.each((layer, at) => {
      const isWeight = at.length === 2;
      if (what === 'weights') {
        if (isWeight) see(quantity('weights', layer, at));
      } else {
        see(quantity(isWeight ? 'weight_gradients' : 'bias_gradients', layer, at));
      }
    });
  }

  #isPartial(kind) {
    return this.samples < this.source.batch_size &&
        ['loss', 'weight_gradients', 'bias_gradients'].includes(kind);
  }

  /** What the samples that the page doesn't have add; they stay as they were. */
  #rest(of) {
    if (this.isComputed) return 0;
    const engine = this.#engine ?? this;
    return engine.#stored(...of.slice(1)) - engine.#evaluated(...of.slice(1));
  }

  #stored(kind, layer, at, name) {
    const {source} = this;
    const of = (array) => array?.[this.layout.place(layer, at)];
    if (OF_SAMPLES.includes(kind)) {
      const width = this.layout.sizes[kind === 'activations' ? layer : layer + 1];
      return source[kind]?.[layer]?.[at[0] * width + at[1]];
    }
    switch (kind) {
      case 'weights':
      case 'biases':
        return of(source.parameters);
      case 'weight_gradients':
      case 'bias_gradients':
        return of(source.gradient);
      case 'targets':
        return source.targets[at[0] * (source.targets.length / this.samples) + at[1]];
      case 'sample_losses':
      case 'shares':
      case 'sample_weights':
        return source[kind]?.[at[0]];
      case 'option':
        return source.options[name];
      case 'state':
      case 'state_after':
        return of(source.update[kind]?.[name]);
    }
    if (kind in AFTER) return of(source.update[AFTER[kind]]);
    return source[kind] ?? source.update?.[kind];
  }
}

/** The equations of a step, by the kinds and layers of quantities. */
export class Equations {
  #trees;
  #entries;

  constructor(entries, trees) {
    this.#trees = trees;
    this.#entries = new Table();
    for (const entry of entries) {
      const {kind, layer, at, name = ''} = entry;
      this.#entries.set(kind, layer, [at.length, ...at.filter(Number.isInteger)], name, entry);
    }
  }

  /** Returns the equation of a quantity, with the place of its letters; null where it has none. */
  find(kind, layer, at, name) {
    const entry = this.#entries.get(kind, layer, [at.length], name) ??
        (at.length ? this.#entries.get(kind, layer, [at.length, at.at(-1)], name) : null);
    if (!entry) return null;
    const place = {layer};
    for (let n = 0; n < at.length; n++) place[entry.at[n]] = at[n];
    return {entry, place};
  }

  /**
   * Returns the tree of an equation, of a notation whose quantities are multiples of ours its own.
   */
  tree({entry}, notation = '') {
    return this.#trees[entry.scaled?.[notation] ?? entry.tree];
  }
}

function tableOf(edits) {
  const table = new Table();
  for (const [[, ...place], value] of edits.values()) table.set(...place, value);
  return table;
}

function replaced(tree, letter, by) {
  if (!Array.isArray(tree)) return tree;
  if (tree[0] === 'letter' && tree[1] === letter) return by;
  return tree.map((part) => replaced(part, letter, by));
}
