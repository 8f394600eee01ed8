/** Reader: a step in a notation; quantities as lines, symbol = formula = substituted = result. */

import {address, evaluated, quantity, references, substituted} from './expressions.js';
import {MathmlWriter} from './mathml.js';
import {SpeechWriter} from './speech.js';
import {scaleOf, Symbols} from './symbols.js';
import {general} from './writing.js';

const MOST_TERMS = 6;  // of a sum that are written down
const FACTORS = ['output_gradients', 'upstream', 'slopes'];

export class Reader {
  #numbers;

  /**
   * @param {object} document
   * @param {Step} step
   * @param {object} notation
   * @param {number} sample its place among those of the step
   * @param {number} digits
   */
  constructor(document, step, notation, sample, digits) {
    Object.assign(this, {document, step, notation, sample, digits});
    const sizes = document.network.layer_sizes;
    const symbols = new Symbols(notation, sizes, step.source.batch_size, sample, document.letters);
    const symbol = (which) => symbols.of(which);
    this.mathml = new MathmlWriter(symbol, digits);
    this.mathml.isMarking = true;
    this.speech = new SpeechWriter(symbol, digits);
    this.#numbers = {
      number: (kind, ...place) => step.number(kind, ...place) * scaleOf(notation, kind),
      overAll: (tree) => step.overAll(tree),
      samples: step.samples,
    };
  }

  /** Returns the number of a quantity, as the notation has it. */
  number(which) {
    return this.#numbers.number(...which.slice(1));
  }

  /** Returns a number as text, with as many digits as asked for. */
  text(which, digits = this.digits) {
    return general(this.number(which), digits).replace('-', '−');
  }

  /** Returns the line of a quantity. */
  line(which) {
    const [, kind] = which;
    const tree = this.step.formula(which, this.notation.name);
    const sides = [which];
    if (tree && tree[0] !== 'constant') {
      const numbers = substituted(tree, this.#of(which), MOST_TERMS);
      sides.push(tree, ...(['value', 'constant'].includes(numbers[0]) ? [] : [numbers]));
    }
    sides.push(['value', this.number(which), which]);
    const becomes = this.document.becoming.includes(kind) && !this.notation.after;
    return {which, sides, sign: becomes ? '←' : '=', meaning: this.document.kinds[kind]};
  }

  /** Returns the terms of a quantity's sum, one by one; none where it is no sum. */
  terms(which) {
    const tree = this.step.formula(which, this.notation.name);
    const of = (part) => (part[0] === 'sum' ? this.#of(which).series(part).terms : [part]);
    const terms = tree?.[0] === '+' ? tree.slice(1).flatMap(of) :
        tree?.[0] === 'sum'         ? of(tree) :
                                      [];
    return terms.length > 1 ? terms : [];
  }

  /** Returns a term of a sum, and the same with its numbers. */
  term(tree) {
    return [tree, substituted(tree, this.#of(tree), MOST_TERMS)];
  }

  /** Returns what an expression comes to, in the notation's numbers. */
  value(tree) {
    return evaluated(tree, this.#numbers);
  }

  symbol(which) {
    return `<math>${this.mathml.write(which)}</math>`;
  }

  /** Returns a line as a sentence. */
  spoken({sides, sign}) {
    return this.speech.equation(sides, sign);
  }

  // -- what is shown of a place --------------------------------------------------------------

  forward(layer, unit) {
    const {sample} = this;
    const sum = quantity('pre_activations', layer, [sample, unit]);
    return [sum, ...this.#dropped(layer, unit), quantity('activations', layer + 1, [sample, unit])];
  }

  loss() {
    const ofSample = quantity('sample_losses', -1, [this.sample]);
    const loss = quantity('loss');
    const needed = references(this.step.formula(loss)).map(([, kind]) => kind);
    const alone = needed.length === 1 && this.step.source.batch_size === 1;
    if (alone && needed[0] === 'sample_losses') return [ofSample];
    const share = needed.includes('shares') ? [quantity('shares', -1, [this.sample])] : [];
    const penalty = needed.includes('penalty') ? [quantity('penalty')] : [];
    return [ofSample, ...share, ...penalty, loss];
  }

  backward(layer, unit) {
    const delta = quantity('deltas', layer, [this.sample, unit]);
    const tree = this.step.formula(delta);
    const isOwn = ([, kind, , at]) => FACTORS.includes(kind) && at.at(-1) === unit;
    const factors = tree ? unique(references(tree).filter(isOwn)) : [];
    return [...factors, delta];
  }

  /** Returns the lines of a weight, or of the bias where there is no unit that it comes from. */
  update(layer, unit, from) {
    const at = from === null ? [unit] : [from, unit];
    const [gradients, becomes] =
        from === null ? ['bias_gradients', 'new_biases'] : ['weight_gradients', 'new_weights'];
    const single = from === null ?
        [] :
        [quantity('sample_weight_gradients', layer, [this.sample, from, unit])];
    const gradient = quantity(gradients, layer, at);
    return [...single, gradient, ...this.#rule(quantity(becomes, layer, at), at.length)];
  }

  /** Returns what the optimizer computes of a parameter, in its order. */
  #rule(becomes) {
    if (!this.step.source.update) return [];
    const [, , layer, at] = becomes;
    const made = [];
    const see = (which) => {
      if (which[3].some((index) => typeof index === 'string')) return;  // of a series
      const isDone = made.some((one) => address(one) === address(which));
      const isGradient = ['weight_gradients', 'bias_gradients'].includes(which[1]);
      const tree = isDone || isGradient ? null : this.step.formula(which);
      if (!tree) return;
      if (which[1] !== 'gradient_norm') references(tree).forEach(see);
      made.push(which);
    };
    for (const name of Object.keys(this.step.source.update.state)) {
      see(quantity('state_after', layer, at, name));
    }
    see(becomes);
    return made;
  }

  #dropped(layer, unit) {
    const isDropped = this.step.source.masks.length > layer;
    return isDropped ? [quantity('undropped', layer + 1, [this.sample, unit])] : [];
  }

  #of(which) {
    return {...this.#numbers, series: (tree) => this.#scaledSeries(tree, which)};
  }

  #scaledSeries(tree, which) {
    const {terms, omitted} = this.step.series(tree, which);
    const scale = scaleOf(this.notation, which[1]);
    return {
      terms,
      omitted: omitted &&
          {
            ...omitted, value: omitted.value * scale
          }
    };
  }
}

function unique(quantities) {
  return [...new Map(quantities.map((one) => [address(one), one])).values()];
}
