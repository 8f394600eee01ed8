/** Changing a number of the step, and what follows from it; and the check by finite differences. */

import {element} from './elements.js';
import {address, quantity} from './expressions.js';
import {scaleOf} from './symbols.js';

import {nameOf, short} from './units.js';
import {general} from './writing.js';

const REACH = 2;  // how far a slider goes to either side, in sizes of the number or in ones

/** Returns the quantities that can be changed from where the reader stands. */
export function changeable({document, step, sample}, {layer, unit, from}) {
  const source = from ?? 0;
  const list = [
    quantity('weights', layer, [source, unit]),
    quantity('biases', layer, [unit]),
    quantity('activations', 0, [sample, layer === 0 ? source : 0]),
    quantity('targets', -1, [sample, Math.min(unit, document.network.n_targets - 1)]),
  ];
  return step.source.update ? [...list, quantity('learning_rate')] : list;
}

/** Returns a control for each; `change(which, value)` is told what was typed or drawn. */
export function controls(reader, quantities, change) {
  return quantities.map((which) => control(reader, which, change));
}

function control(reader, which, change) {
  const {step, document} = reader;
  const value = reader.number(which);
  const set = (number, except) =>
      change(which, number / scaleOf(reader.notation, which[1]), except);
  const isRate = which[1] === 'learning_rate';
  const id = `edit-${address(which).replace(/\W+/g, '-')}`;
  const words = wordsFor(document, which);
  const reach = REACH * Math.max(1, Math.abs(value));
  const [low, high] = isRate ? [0, 4 * value || 1] : [value - reach, value + reach];
  const typed = element('input', {
    type: 'number',
    id,
    step: 'any',
    value: general(value, 6),
    onchange: ({target}) => target.value !== '' && set(Number(target.value)),
  });
  const slid = element('input', {
    type: 'range',
    min: low,
    max: high,
    step: 'any',
    value,
    'aria-label': words,
    oninput: ({target}) => {
      typed.value = general(Number(target.value), 4);
      set(Number(target.value), slid);
    },
  });
  const symbol = element('span', {});
  symbol.innerHTML = reader.symbol(which);
  const label = element('label', {for: id
  }, symbol, ` ${words}`);
  return element(
      'div', {class: `edit${step.edits.has(address(which)) ? ' lit' : ''}`}, label, typed, slid);
}

function wordsFor(document, [, kind, layer, at]) {
  switch (kind) {
    case 'activations':
      return nameOf(document, 0, at[1]);
    case 'weights':
      return `weight of layer ${layer}`;
    case 'biases':
      return `bias of layer ${layer}`;
  }
  return {targets: 'target', learning_rate: 'learning rate'}[kind];
}

/**
 * Returns a table of what the changes did to the loss and the outputs; null where none was made.
 */
export function effect(reader, before) {
  const {step, sample, document} = reader;
  if (!step.edits.size) return null;
  const last = step.layout.layers;
  const outputs = Array.from({length: Math.min(step.layout.sizes[last], 10)}, (_, unit) => unit);
  const rows = [
    ['loss', quantity('loss')],
    ...outputs.map(
        (unit) => [nameOf(document, last, unit), quantity('activations', last, [sample, unit])]),
  ];
  const of = ([name, which]) => {
    const scale = scaleOf(reader.notation, which[1]);
    const [was, is] = [before, step].map((one) => one.number(...which.slice(1)) * scale);
    return element(
        'tr', {'data-of': address(which)}, element('th', {scope: 'row'}, name),
        element('td', {}, short(was)), element('td', {}, `→ ${short(is)}`));
  };
  const head = element(
      'tr', {}, ...['', 'before', 'after'].map((text) => element('th', {scope: 'col'}, text)));
  return element('table', {}, head, ...rows.map(of));
}

/**
 * Returns ∂L/∂w beside the difference quotient of the loss, both computed in the page, in the
 * notation's numbers.
 */
export function finiteDifference({step, notation}, which) {
  const [, kind, layer, at] = which;
  const scale = (of) => scaleOf(notation, of);
  const value = step.number(kind, layer, at);
  const h = Math.cbrt(Number.EPSILON) * Math.max(1, Math.abs(value));
  const up = Math.sign(scale(kind)) * h;  // a threshold grows where the bias falls
  const [above, below] =
      [value + up, value - up].map((one) => step.changed(which, one).number('loss'));
  const gradients = kind === 'weights' ? 'weight_gradients' : 'bias_gradients';
  const quotient = (above - below) / (2 * up) * scale(gradients);
  const derivative = step.number(gradients, layer, at) * scale(gradients);
  const size = Math.max(Math.abs(quotient), Math.abs(derivative));
  return {
    h: h * Math.abs(scale(kind)),
    above: above * scale('loss'),
    below: below * scale('loss'),
    quotient,
    derivative,
    difference: size ? Math.abs(quotient - derivative) / size : 0
  };
}
