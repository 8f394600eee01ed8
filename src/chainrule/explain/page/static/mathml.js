/** Equations as MathML, each symbol and number marked with the quantity that it is. */

import {address} from './expressions.js';
import {accented, parted} from './letters.js';
import {roleOf} from './roles.js';
import {Strength, Writer} from './writing.js';

const HALF = '<mfrac><mn>1</mn><mn>2</mn></mfrac>';
const LONG = 3;  // terms of a sum, with its sign, that stay together
const [TIMES, DOT, MINUS] = ['\u2062', '\u22c5', '\u2212'];  // the first can't be seen

export class MathmlWriter extends Writer {
  /** Returns the element of an equation, in display style. */
  math(sides, sign = '=') {
    return `<math display="block">${this.equation(sides, sign)}</math>`;
  }

  /** Returns an equation as elements that may stand below each other, long sums in parts. */
  pieces(sides, sign = '=') {
    const signs = ['', sign, ...sides.slice(2).map(() => '=')];
    const opened = (side) =>
        (side[0] === '+' && side.length > LONG ? this.#parts(side) : [this.write(side)]);
    return sides.flatMap((side, n) => opened(side).map((text, part) => {
      const before = part === 0 && signs[n] ? `<mo>${signs[n]}</mo>` : '';
      return `<math displaystyle="true">${row(before + text)}</math>`;
    }));
  }

  #parts(sum) {
    return sum.slice(1).map((term, place) => {
      const [sign, inner] = term[0] === '-' ? ['-', term[1]] : ['+', term];
      return this.signed(sign, this.write(inner, Strength.PRODUCT), place === 0);
    });
  }

  marked([text, strength], which, how) {
    if (!this.isMarking) return [text, strength];
    const mark = `class="${how} ${roleOf(which)}" data-of="${address(which)}"`;
    return [`<mrow ${mark}>${text}</mrow>`, strength];
  }

  bracketed(text) {
    return `<mrow><mo>(</mo>${text}<mo>)</mo></mrow>`;
  }

  joined(parts, between) {
    return row(parts.join(between && `<mo>${between}</mo>`));
  }

  constant(text) {
    if (text === '½') return HALF;
    return text === 'π' ? `<mi>${text}</mi>` : `<mn>${text}</mn>`;
  }

  number(mantissa, exponent) {
    const digits = mantissa === 'inf' ? '∞' : mantissa;
    if (!exponent) return `<mn>${digits}</mn>`;
    const plain = `<mn>${exponent.replace('-', '')}</mn>`;
    const power = exponent.startsWith('-') ? row(`<mo>${MINUS}</mo>${plain}`) : plain;
    return row(`<mn>${digits}</mn><mo>×</mo><msup><mn>10</mn>${power}</msup>`);
  }

  letter(whole, under, over) {
    const {name, below, primes} = parted(whole, under);
    const base = accentedName(name);
    const [low, high] =
        [index(below), primes ? row(`<mo>${primes}</mo>${index(over)}`) : index(over)];
    if (low && high) return `<msubsup>${base}${low}${high}</msubsup>`;
    if (low) return `<msub>${base}${low}</msub>`;
    return high ? `<msup>${base}${high}</msup>` : base;
  }

  omitted(count) {
    return `<munder><mo>⋯</mo><mn>${count}</mn></munder>`;
  }

  derivative(of, by) {
    const [top, bottom] = [of, by].map((part) => row(`<mo>∂</mo>${part}`));
    return [`<mfrac>${top}${bottom}</mfrac>`, Strength.POWER];
  }

  signed(sign, text, isFirst) {
    if (isFirst && sign === '+') return text;
    const signed = `<mo>${sign === '-' ? MINUS : sign}</mo>${text}`;
    return isFirst ? row(signed) : signed;
  }

  series(over, pattern) {
    const sign = over ? `<munder><mo>∑</mo><mi>${over}</mi></munder>` : '<mo>∑</mo>';
    return row(sign + pattern);
  }

  multiplied(factors, dots) {
    const joined = factors.slice(1).map((factor, n) => {
      const isTight = n === 0 && factors[0] === HALF && factor.startsWith('<mrow><mo>(');
      return `<mo>${dots[n] && !isTight ? DOT : TIMES}</mo>${factor}`;
    });
    return row(factors[0] + joined.join(''));
  }

  quotient(top, bottom) {
    return [`<mfrac>${this.write(top)}${this.write(bottom)}</mfrac>`, Strength.POWER];
  }

  power(base, exponent) {
    return `<msup>${base}${exponent}</msup>`;
  }

  call(name, args) {
    const inner = args.map((one) => this.write(one)).join('<mo>,</mo>');
    if (name === 'exp') return [`<msup><mi>e</mi>${row(inner)}</msup>`, Strength.POWER];
    if (name === 'sqrt') return [`<msqrt>${inner}</msqrt>`, Strength.ATOM];
    const bar = {abs: '|', norm: '∥'}[name];
    if (bar) return [row(`<mo>${bar}</mo>${inner}<mo>${bar}</mo>`), Strength.ATOM];
    return [row(`<mi>${name}</mi>${this.bracketed(inner)}`), Strength.ATOM];
  }

  compared([first, ...others], relations) {
    return row(first + others.map((one, n) => `<mo>${escaped(relations[n])}</mo>${one}`).join(''));
  }

  cases(value, condition, otherwise) {
    const rows = `<mtr><mtd>${value}</mtd><mtd><mtext>if </mtext>${condition}</mtd></mtr>` +
        `<mtr><mtd>${otherwise}</mtd><mtd><mtext>otherwise</mtext></mtd></mtr>`;
    return row(`<mo>{</mo><mtable>${rows}</mtable>`);
  }
}

/** Returns text for HTML. */
export function escaped(text) {
  const signs = {'&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;'};
  return String(text).replace(/[&<>"]/g, (sign) => signs[sign]);
}

function row(text) {
  return `<mrow>${text}</mrow>`;
}

function accentedName(name) {
  const {plain, accent} = accented(name);
  const letter = `<mi>${escaped(plain)}</mi>`;
  return accent ? `<mover>${letter}<mo>${accent.sign}</mo></mover>` : letter;
}

function index(text) {
  if (!text) return '';
  return /^\d+$/.test(text) ? `<mn>${text}</mn>` : `<mi>${escaped(text)}</mi>`;
}
