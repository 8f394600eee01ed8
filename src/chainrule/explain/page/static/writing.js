/**
 * Writer: a tree on a line, whatever the line is made of. It decides where brackets are; MathML and
 * speech say how each kind of line is made. explain/writing.py writes the same.
 */

import {term} from './expressions.js';

/** How strongly the parts of what was written hold together. */
export const Strength = {
  CHOICE: 0,
  SUM: 1,
  PRODUCT: 2,
  POWER: 3,
  ATOM: 4
};

const EXPANDED = 4;  // a sum of at most so many terms is written term by term, a longer one as Σ

export class Writer {
  /**
   * @param {function} symbol returns the symbol of a quantity
   * @param {number} digits significant digits of numbers
   */
  constructor(symbol, digits) {
    this.symbol = symbol;
    this.digits = digits;
  }

  /** Returns a tree, in brackets if its parts hold together less than asked for. */
  write(tree, least = Strength.CHOICE) {
    const [text, strength] = this.written(tree);
    return strength < least ? this.bracketed(text) : text;
  }

  /** Returns sides that are equal; the first may become (←) the others. */
  equation(sides, sign = '=') {
    const [first, ...rest] = sides.map((side) => this.write(side));
    return rest.length ? this.joined([first, this.joined(rest, '=')], sign) : first;
  }

  /** Returns the text of a tree, and how strongly it holds together. */
  written(tree) {
    const [operation, first, second] = tree;
    switch (operation) {
      case 'of':
        return this.marked(this.written(this.symbol(tree)), tree, 'symbol');
      case 'value':
        return this.marked(this.numeral(first), second, 'number');
      case 'constant':
        return [this.constant(second), Strength.ATOM];
      case 'letter':
        return [this.letter(first, second ?? '', tree[3] ?? ''), Strength.ATOM];
      case 'omitted':
        return [this.omitted(first), Strength.ATOM];
      case 'derivative':
        return this.derivative(this.write(first), this.write(second));
      case '-':
        return [this.signed('-', this.write(first, Strength.PRODUCT), true), Strength.SUM];
      case '+':
        return this.#sum(tree.slice(1));
      case 'sum':
      case 'all':
        return this.#series(tree);
      case '*':
        return this.#product(tree.slice(1));
      case '/':
        return this.quotient(first, second);
      case '^':
        return [this.power(this.write(first, Strength.ATOM), this.write(second)), Strength.POWER];
      case 'call':
        return this.call(first, tree.slice(2));
      case 'compare':
        return [this.#compared(first, tree.slice(2)), Strength.CHOICE];
      case 'if':
        return [this.cases(...tree.slice(1).map((part) => this.write(part))), Strength.CHOICE];
    }
    throw new TypeError(`${operation} can't be written`);
  }

  /** Returns what was written, marked as a quantity's symbol or number where that can be seen. */
  marked(written) {
    return written;
  }

  /** Returns a number. */
  numeral(value) {
    const [mantissa, exponent = ''] = general(value, this.digits).split('e');
    const text = this.number(mantissa.replace('-', ''), exponent);
    if (mantissa.startsWith('-')) return [this.signed('-', text, true), Strength.SUM];
    return [text, exponent ? Strength.PRODUCT : Strength.ATOM];
  }

  #sum(terms) {
    const parts = spread(terms).map((one, place) => {
      const [sign, inner] = one[0] === '-' ? ['-', one[1]] : ['+', one];
      return this.signed(sign, this.write(inner, Strength.PRODUCT), place === 0);
    });
    return [this.joined(parts, ''), Strength.SUM];
  }

  #series(tree) {
    const terms = fewTerms(tree);
    if (terms.length) return this.written(terms.length === 1 ? terms[0] : ['+', ...terms]);
    const [, index, , pattern] = tree[0] === 'all' ? ['all', '', 0, tree[2]] : tree;
    return [this.series(index, this.write(pattern, Strength.PRODUCT)), Strength.PRODUCT];
  }

  #product(factors) {
    const texts = factors.map((factor, place) => {
      const isSafe =
          place === factors.length - 1 && ['call', '/', 'sum', 'all'].includes(factor[0]);
      return this.write(factor, isSafe ? Strength.PRODUCT : Strength.POWER);
    });
    return [this.multiplied(texts, factors.slice(1).map(opensWithNumber)), Strength.PRODUCT];
  }

  #compared(relations, operands) {
    return this.compared(operands.map((one) => this.write(one, Strength.SUM)), relations);
  }
}

/** Returns a number with so many significant digits, as C's %g writes it. */
export function general(value, digits) {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'nan' : value < 0 ? '-inf' : 'inf';
  if (value === 0) return '0';
  const [mantissa, exponent] = value.toExponential(digits - 1).split('e').map(Number);
  if (exponent < -4 || exponent >= digits) return `${mantissa}e${exponent}`;
  const text = value.toFixed(Math.max(0, digits - 1 - exponent));
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

/** Returns the terms, those of a short series among them one by one. */
function spread(terms) {
  return terms.flatMap((one) => {
    if (one[0] === '+') return spread(one.slice(1));
    const few = fewTerms(one);
    return few.length ? few : [one];
  });
}

function fewTerms(tree) {
  if (tree[0] !== 'sum' || tree[2] > EXPANDED) return [];
  return Array.from({length: tree[2]}, (_, n) => term(tree, n));
}

/** Returns whether what stands before it needs a dot in between. */
function opensWithNumber(tree) {
  if (['^', '-', '/', '*'].includes(tree[0])) return opensWithNumber(tree[1]);
  return tree[0] === 'value' || (tree[0] === 'constant' && /^\d/.test(tree[2]));
}
