/**
 * Units: which of a layer are drawn, those that matter for the sample; and what they are called.
 */

import {general} from './writing.js';

const MOST = 10;  // units of a layer that are all drawn
const SOME = 7;   // of a larger one

/** Returns the units of a layer that are drawn, in their order; `wanted` are always among them. */
export function shownUnits(reader, layer, wanted = []) {
  const {sizes} = reader.step.layout;
  const all = Array.from({length: sizes[layer]}, (_, unit) => unit);
  if (all.length <= MOST) return all;
  const weights = all.map((unit) => importance(reader, layer, unit));
  const first = all.toSorted((a, b) => weights[b] - weights[a] || a - b);
  const kept = new Set(wanted.filter((unit) => unit !== null && unit !== undefined));
  for (const unit of first) {
    if (kept.size >= Math.max(SOME, wanted.length)) break;
    kept.add(unit);
  }
  return [...kept].toSorted((a, b) => a - b);
}

/** How much of the gradient goes through a unit: |a δ|, of an input |x| times what is behind it. */
function importance({step, sample}, layer, unit) {
  const a = step.number('activations', layer, [sample, unit]);
  if (layer > 0) return Math.abs(a * step.number('deltas', layer - 1, [sample, unit]));
  if (a === 0) return 0;
  let behind = 0;
  for (let j = 0; j < step.layout.sizes[1]; j++) {
    behind +=
        Math.abs(step.number('weights', 0, [unit, j]) * step.number('deltas', 0, [sample, j]));
  }
  return Math.abs(a) * behind;
}

/** Returns what a unit is called. */
export function nameOf(document, layer, unit) {
  const {inputs, outputs, layer_sizes: sizes} = document.network;
  if (layer === 0) return inputs[unit] ?? `input ${unit}`;
  if (layer === sizes.length - 1) return outputs[unit] ?? `output ${unit}`;
  return `neuron ${unit}`;
}

/** Returns what a layer of units is called. */
export function layerName(sizes, layer) {
  if (layer === 0) return 'inputs';
  return layer === sizes.length - 1 ? 'outputs' : `hidden ${layer}`;
}

/** Returns a number short enough for the picture. */
export function short(value) {
  return general(value, 3).replace('-', '−');
}
