/** Letters of formulas: their indices, primes and accents. */

const LOW = new Map([...'₀₁₂₃₄₅₆₇₈₉₊₋ⱼₖ'].map((sign, n) => [sign, '0123456789+-jk'[n]]));

export const ACCENTS = {
  '\u0302': {sign: '^', spoken: 'hat'},
  '\u0304': {sign: '¯', spoken: 'bar'}
};

/** Returns a name without the index that is part of it, as in β₁, and without its primes. */
export function parted(name, below) {
  const plain = name.replace(/[₀₁₂₃₄₅₆₇₈₉₊₋ⱼₖ]+$/, '');
  const index = Array.from(name.slice(plain.length), (sign) => LOW.get(sign)).join('');
  const stem = plain.replace(/′+$/, '');
  return {name: stem, below: index + below, primes: plain.slice(stem.length)};
}

/** Returns a name without its accent, and the accent: ŷ is y with a hat. */
export function accented(name) {
  const plain = name.normalize('NFD');
  const sign = Object.keys(ACCENTS).find((accent) => plain.includes(accent));
  return sign ? {plain: plain.replace(sign, ''), accent: ACCENTS[sign]} : {plain: name};
}
