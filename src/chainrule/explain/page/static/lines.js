/** The lines of a place, below each other; of the line that is looked at the term. */

import {element} from './elements.js';
import {address, quantity} from './expressions.js';
import {linesOf} from './tour.js';
import {shownUnits} from './units.js';
import {general} from './writing.js';

const MOST_UNITS = 6;  // of a layer, whose equations stand below each other

/** Returns the quantities that a stop shows: a neuron's, or at the grain of layers the layer's. */
export function shownAt(reader, place, stop, grain) {
  if (grain !== 'layer' || place.phase === 'loss') return linesOf(place, stop.from, reader);
  const {layer, phase} = place;
  const matter = shownUnits(reader, layer + 1, [place.unit]);
  const units = matter.slice(0, MOST_UNITS);
  return units.flatMap(
      (unit) => linesOf({phase, layer, unit}, steepest(reader, layer, unit), reader));
}

/** Returns the unit from which the weight with the largest gradient comes. */
export function steepest({step}, layer, unit) {
  let [found, most] = [0, -1];
  for (let from = 0; from < step.layout.sizes[layer]; from++) {
    const size = Math.abs(step.number('weight_gradients', layer, [from, unit]));
    if (size > most) [found, most] = [from, size];
  }
  return found;
}

/** Returns the elements of some lines. */
export function lineElements(reader, quantities, stop, learning, done) {
  return quantities.map((which, place) => {
    const isCurrent = stop.line === undefined || stop.line === place;
    const isLater = stop.line !== undefined && place > stop.line;
    const line = reader.line(which);
    const state = [stop.line !== undefined && isCurrent && 'current', isLater && 'later'];
    const made = element('div', {
      class: ['line', ...state].filter(Boolean).join(' '),
      'data-made': address(which),
      tabindex: '0',
      role: 'group',
      'aria-label': learning.isHidden(reader, which) ? line.meaning : reader.spoken(line),
    });
    fill(made, reader, line, learning, done);
    if (isCurrent && Number.isInteger(stop.term))
      made.append(termElement(reader, which, stop.term));
    return made;
  });
}

function fill(made, reader, line, learning, done) {
  const isHidden = learning.isHidden(reader, line.which);
  const question = isHidden ? learning.question(reader, line, done) : null;
  made.append(sides(reader, isHidden ? line.sides.slice(0, 2) : line.sides, line.sign));
  made.append(...[question, element('small', {}, line.meaning)].filter(Boolean));
}

function sides(reader, list, sign) {
  const made = element('div', {class: 'sides'});
  made.innerHTML = reader.mathml.pieces(list.map(opened), sign).join('');
  return made;
}

/** A sum with a series in it as one sum, whose terms may stand below each other. */
function opened(tree) {
  if (tree[0] !== '+') return tree;
  return [
    '+', ...tree.slice(1).flatMap((part) => (part[0] === '+' ? opened(part).slice(1) : [part]))
  ];
}

/** One term of the sum, and what the sum is with it and those before. */
function termElement(reader, which, place) {
  const terms = reader.terms(which);
  const tree = terms[place];
  if (!tree) return '';  // in this notation, or for this row, it is no sum
  const value = ['value', reader.value(tree), quantity('option')];
  const soFar = terms.slice(0, place + 1).reduce((sum, one) => sum + reader.value(one), 0);
  const words =
      `term ${place + 1} of ${terms.length}; the sum so far is ${general(soFar, reader.digits)}`;
  const term = [...reader.term(tree), ...(tree[0] === 'of' ? [] : [value])];
  return element('div', {class: 'term'}, sides(reader, term, '='), element('small', {}, words));
}
