/**
 * Tour: the places of a step in their order, Forward → Loss → Backward → Update, layer after layer,
 * neuron after neuron, and inside a neuron term after term.
 *
 * A stop is a place, and of a stop inside a place, which line and which term of it are looked at.
 */

export const PHASES = ['forward', 'loss', 'backward', 'update'];
export const GRAINS = ['layer', 'neuron', 'term'];

export class Tour {
  constructor(sizes) {
    this.sizes = sizes;
    const last = sizes.length - 2;
    const up = Array.from({length: last + 1}, (_, layer) => layer);
    const units = (layer) => Array.from({length: sizes[layer + 1]}, (_, unit) => unit);
    const of = (phase, layers) =>
        layers.flatMap((layer) => units(layer).map((unit) => ({phase, layer, unit})));
    const down = up.toReversed();
    this.places = [
      ...of('forward', up),
      {phase: 'loss', layer: last, unit: 0},
      ...of('backward', down),
      ...of('update', down),
    ];
  }

  /** Returns the number of a place; of the loss there is one. */
  find(phase, layer, unit) {
    const isIt = (one) =>
        one.phase === phase && (phase === 'loss' || (one.layer === layer && one.unit === unit));
    return this.places.findIndex(isIt);
  }

  first(phase) {
    return this.places.findIndex((one) => one.phase === phase);
  }

  /** Returns the place before or behind one, by neurons or by layers; itself at the ends. */
  beside(number, grain, direction) {
    const here = this.places[number];
    const isOther = (one) =>
        grain !== 'layer' || one.phase !== here.phase || one.layer !== here.layer;
    for (let n = number + direction; n >= 0 && n < this.places.length; n += direction) {
      if (isOther(this.places[n])) return direction < 0 && grain === 'layer' ? this.#start(n) : n;
    }
    return number;
  }

  /** Returns the first place of a place's layer. */
  #start(number) {
    const {phase, layer} = this.places[number];
    while (this.places[number - 1]?.phase === phase && this.places[number - 1].layer === layer)
      number--;
    return number;
  }

  /** Returns the stops inside a place: each line of it, after the terms that it is the sum of. */
  inside(number, reader) {
    const place = this.places[number];
    const sources = place.phase === 'update' ? this.sources(place.layer) : [undefined];
    return sources.flatMap((from) => linesOf(place, from, reader).flatMap((which, line) => {
      const terms = place.phase === 'update' ? [] : reader.terms(which);
      return [...terms.map((_, term) => ({from, line, term})), {from, line, term: null}];
    }));
  }

  /** Returns the units that weights of a layer come from, and null for the bias. */
  sources(layer) {
    return [...Array.from({length: this.sizes[layer]}, (_, from) => from), null];
  }
}

/** Returns the quantities that are shown of a place. */
export function linesOf({phase, layer, unit}, from, reader) {
  switch (phase) {
    case 'forward':
      return reader.forward(layer, unit);
    case 'loss':
      return reader.loss();
    case 'backward':
      return reader.backward(layer, unit);
  }
  return reader.update(layer, unit, from);
}
