/**
 * Symbols: how a notation writes a quantity. A notation is a table of templates, `w_{kj}^{l}`, by
 * the kinds of quantities; explain/notations.py says what they mean.
 */

const TEMPLATE = /^([^_^]+)(?:_\{([^}]*)\})?(?:\^\{([^}]*)\})?$/;
const BECOMES = ['new', 'decayed', 'free'];
const OF_INPUT = ['activations', 'undropped'];
const OF_UNITS = ['activations', 'undropped'];
const OF_OUTPUTS = ['targets', 'output_gradients'];
const SPECIAL = {
  threshold: 't',
  gamma: 'γ',
  l2: 'l2',
  l1: 'l1'
};
const PER_SAMPLE = [
  'activations',
  'pre_activations',
  'masks',
  'targets',
  'sample_losses',
  'shares',
  'sample_weights',
  'deltas',
  'undropped',
  'output_gradients',
  'upstream',
  'slopes',
  'sample_weight_gradients',
];

export class Symbols {
  /**
   * @param {object} notation
   * @param {number[]} sizes units of each layer
   * @param {number} samples in the batch
   * @param {number} sample the one that is talked about, whose number isn't written
   * @param {object} letters of the optimizer's options and memory, by their names
   */
  constructor(notation, sizes, samples, sample, letters) {
    Object.assign(this, {notation, sizes, samples, sample, letters});
  }

  /** Returns the symbol of a quantity: a letter, or a derivative of two. */
  of(which) {
    const [, kind, layer, at, name] = which;
    if (kind === 'gradient_norm') return ['call', 'norm', ['letter', 'g', '', '']];
    if (kind === 'option') return this.#option(name);
    if (kind.startsWith('state')) return this.#memory(which);
    const [becomes, of] = [kind.split('_', 1)[0], kind.slice(kind.indexOf('_') + 1)];
    if (BECOMES.includes(becomes)) {
      return raised(this.of(['of', of, layer, at, '']), this.notation.after);
    }
    if (kind === 'sample_weight_gradients') {
      const loss = this.#read(this.notation.symbols.sample_losses, which);
      return ['derivative', loss, this.of(['of', 'weights', layer, at.slice(1), ''])];
    }
    const template = OF_INPUT.includes(kind) && layer === 0 ? 'inputs' : kind;
    const symbol = this.#read(this.notation.symbols[template], which);
    const isOther = PER_SAMPLE.includes(kind) && this.samples > 1 && at[0] !== this.sample;
    if (!isOther) return symbol;
    return raised(symbol, `(${typeof at[0] === 'number' ? at[0] + 1 : at[0]})`);
  }

  #memory(which) {
    const [, kind, , at, name] = which;
    const like = this.notation.symbols[at.length === 2 ? 'weights' : 'biases'];
    const letter = (this.letters[name] ?? name) + like.slice(like.indexOf('_'));
    const symbol = this.#read(letter, which);
    return kind === 'state_after' ? raised(symbol, this.notation.after) : symbol;
  }

  #option(name) {
    const [option, level] = name.split(':');
    if (level) return ['letter', 'q', String(Number(level) + 1), ''];
    const letter = this.letters[option] ?? SPECIAL[option] ?? option;
    return ['letter', letter === this.notation.symbols.learning_rate ? 'd' : letter, '', ''];
  }

  #read(template, which) {
    if (template.startsWith('∂')) {
      const [of, by] = template.split('/').map((part) => part.replace(/^∂/, ''));
      return ['derivative', this.#read(of, which), this.#read(by, which)];
    }
    const [, name, below = '', above = ''] = TEMPLATE.exec(template);
    return ['letter', name, this.#filled(below, which), this.#filled(above, which)];
  }

  #filled(text, which) {
    if (text.length > 2 && /^\p{L}+$/u.test(text)) return text;
    const labels = [...text].map((character) => this.#label(character, which));
    return labels.join(labels.some((label) => label.length > 1) ? ',' : '');
  }

  #label(character, [, kind, layer, at]) {
    const last = this.sizes.length - 1;
    const units = OF_OUTPUTS.includes(kind) ? last : OF_UNITS.includes(kind) ? layer : layer + 1;
    switch (character) {
      case 'l':
        return String(units - 1 + this.notation.first_layer);
      case 'j':
      case 'u':
        return this.#unit(units, at.at(-1), character === 'u');
      case 'k':
        return this.#unit(units - 1, at.at(-2), false);
      case 'n':
        return this.#number(layer, at);
    }
    return character;
  }

  /** The number of a unit, in its layer or throughout, or with the letter of its layer. */
  #unit(units, unit, isLettered) {
    if (typeof unit === 'string') return unit;
    const before = this.notation.is_throughout ? total(this.sizes.slice(0, units)) : 0;
    const number = String(before + unit + this.notation.first_unit);
    if (!isLettered) return number;
    const last = this.sizes.length - 1;
    const hidden = last === 2 ? 'h' : `h${units}:`;
    return (units === 0 ? 'i' : units === last ? 'o' : hidden) + number;
  }

  /** The number of a weight: those into the first unit first, layer after layer. */
  #number(layer, [k, j]) {
    if (typeof k === 'string' || typeof j === 'string') return `${k}${j}`;
    const products = this.sizes.slice(1).map((size, n) => size * this.sizes[n]);
    return String(total(products.slice(0, layer)) + j * this.sizes[layer] + k + 1);
  }
}

/** Returns the factor by which the notation's number of a quantity is ours. */
export function scaleOf(notation, kind) {
  return notation.scales[kind.replace(/^(new|decayed)_/, '')] ?? 1;
}

function raised(symbol, above) {
  const [operation, first, second, last] = symbol;
  if (operation === 'letter') return ['letter', first, second, last + above];
  return operation === 'derivative' ? [operation, first, raised(second, above)] : symbol;
}

function total(numbers) {
  return numbers.reduce((sum, number) => sum + number, 0);
}
