/** A layer in matrices: a W + b = z of a sample, or in columns W a + b = z; each cell is marked. */

import {element} from './elements.js';
import {address, quantity} from './expressions.js';
import {roleOf} from './roles.js';

import {shownUnits, short} from './units.js';

/** Returns the matrices of a layer, forward or, where it is looked at backwards, Wᵀ δ. */
export function matrices(reader, focus, isHidden) {
  const {layer, unit, from, phase} = focus;
  const isBack = phase === 'backward' && layer < reader.step.layout.layers - 1;
  const at = isBack ? layer + 1 : layer;
  const rows = shownUnits(reader, at, isBack ? [unit] : [from]);
  const columns = shownUnits(reader, at + 1, isBack ? [] : [unit]);
  const {sample} = reader;
  const cell = (which) => cellOf(reader, which, isHidden);
  const weights = rows.map((k) => columns.map((j) => cell(quantity('weights', at, [k, j]))));
  const column = (kind) =>
      columns.map((j) => cell(quantity(kind, at, kind === 'biases' ? [j] : [sample, j])));
  const row = (kind, of) => rows.map((k) => cell(quantity(kind, of, [sample, k])));
  const parts = isBack ?
      [...factors(reader, column('deltas'), weights, true), '=', row('upstream', at - 1)] :
      [
        ...factors(reader, row('activations', at), weights, false), '+', column('biases'), '=',
        column('pre_activations')
      ];
  const left = reader.step.layout.sizes[at] - rows.length ||
      reader.step.layout.sizes[at + 1] - columns.length;
  const note =
      left ? [element('p', {}, 'Of the large layer the units that matter for this row.')] : [];
  const oriented = parts.map(
      (part) => (typeof part === 'string' ? element('span', {}, part) : table(reader, part)));
  return element('div', {}, element('div', {class: 'matrix'}, ...oriented), ...note);
}

/** The vector and the matrix, in the order and with the sides that the notation has. */
function factors(reader, vector, weights, isTransposed) {
  const columns = (matrix) => matrix[0].map((_, n) => matrix.map((row) => row[n]));
  if (reader.notation.is_columns) return [isTransposed ? weights : columns(weights), vector];
  return [vector, isTransposed ? columns(weights) : weights];
}

function table(reader, part) {
  const isVector = !Array.isArray(part[0]);
  const rows = !isVector ? part : reader.notation.is_columns ? part.map((one) => [one]) : [part];
  return element('table', {role: 'presentation'}, ...rows.map((row) => element('tr', {}, ...row)));
}

function cellOf(reader, which, isHidden) {
  const text = isHidden(which) ? '?' : short(reader.number(which));
  return element('td', {class: roleOf(which), 'data-of': address(which)}, text);
}
