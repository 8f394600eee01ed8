/** Equations as sentences, to be heard. */

import {accented, parted} from './letters.js';
import {Strength, Writer} from './writing.js';

const GREEK = {
  'α': 'alpha',
  'β': 'beta',
  'γ': 'gamma',
  'δ': 'delta',
  'ε': 'epsilon',
  'η': 'eta',
  'θ': 'theta',
  'λ': 'lambda',
  'μ': 'mu',
  'ρ': 'rho',
  'σ': 'sigma',
  'φ': 'phi',
  'Δ': 'Delta',
  'Θ': 'Theta',
  'Φ': 'Phi',
  'π': 'pi',
  'ℓ': 'l',
};
const CONSTANTS = {
  '½': 'one half',
  'π': 'pi'
};
const RELATIONS = {
  '<': 'is less than',
  '>': 'is greater than',
  '≤': 'is at most',
  '≥': 'is at least',
  '=': 'equals',
};
const FUNCTIONS = {
  exp: 'e to the power of',
  ln: 'the logarithm of',
  sqrt: 'the square root of',
  abs: 'the absolute value of',
  tanh: 'the hyperbolic tangent of',
  cosh: 'the hyperbolic cosine of',
  sin: 'the sine of',
  cos: 'the cosine of',
  max: 'the larger of',
  min: 'the smaller of',
  sign: 'the sign of',
  'σ': 'the sigmoid of',
  norm: 'the norm of',
  'Φ': 'the normal distribution function of',
};

export class SpeechWriter extends Writer {
  bracketed(text) {
    return `the quantity ${text}, end quantity,`;
  }

  joined(parts, between) {
    return parts.join({'=': ' equals ', '←': ' becomes '}[between] ?? ' ');
  }

  constant(text) {
    return CONSTANTS[text] ?? text;
  }

  number(mantissa, exponent) {
    const power = exponent.replace('-', 'minus ');
    return exponent ? `${mantissa} times ten to the ${power}` : mantissa;
  }

  letter(whole, under, over) {
    const {name, below, primes} = parted(whole, under);
    const {plain, accent} = accented(name);
    const spoken = (GREEK[plain] ?? plain) + (accent ? ` ${accent.spoken}` : '');
    const isLetters = /^[\p{L}\p{N}]+$/u.test(below) && !/^\d+$/.test(below) && below.length < 4;
    const index =
        isLetters ? [...below].join(' ') : below.split(/[,\s]+/).filter(Boolean).join(' ');
    return spoken + ' prime'.repeat(primes.length) + (index && ` ${index}`) +
        (over && ` of ${over}`);
  }

  omitted(count) {
    return `${count} more terms`;
  }

  derivative(of, by) {
    return [`the derivative of ${of} by ${by}`, Strength.ATOM];
  }

  signed(sign, text, isFirst) {
    return (isFirst && sign === '+' ? '' : sign === '+' ? 'plus ' : 'minus ') + text;
  }

  series(over, pattern) {
    return over ? `the sum over ${over} of ${pattern}` : `the sum of all ${pattern}`;
  }

  multiplied(factors) {
    return factors.join(' times ');
  }

  quotient(top, bottom) {
    const [above, below] = [this.write(top, Strength.PRODUCT), this.write(bottom, Strength.POWER)];
    return [`${above} over ${below}`, Strength.PRODUCT];
  }

  power(base, exponent) {
    return exponent === '2' ? `${base} squared` : `${base} to the power of ${exponent}`;
  }

  call(name, args) {
    const inner = args.map((one) => this.write(one, Strength.PRODUCT)).join(' and ');
    return [`${FUNCTIONS[name]} ${inner}`, Strength.POWER];
  }

  compared([first, ...others], relations) {
    return first + others.map((one, n) => ` ${RELATIONS[relations[n]]} ${one}`).join('');
  }

  cases(value, condition, otherwise) {
    return `${value} if ${condition}, otherwise ${otherwise}`;
  }
}
