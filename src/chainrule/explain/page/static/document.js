/**
 * The document of the page, decoded: its steps, with typed arrays in the places of their numbers.
 */

import {Equations, Layout, Step} from './step.js';

const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array
};
const BY_LAYER = ['activations', 'pre_activations', 'deltas', 'masks'];
const ALONE = ['parameters', 'gradient', 'targets', 'sample_losses', 'shares', 'sample_weights'];

/** Returns the steps of a document. */
export function stepsOf(document) {
  const decoded = document.arrays.map(numbersOf);
  const array = (place) => (place === null ? null : decoded[place]);
  const equations = document.equations.map((entries) => new Equations(entries, document.trees));
  const layout = new Layout(document.network.layer_sizes);
  return document.steps.map((described) => {
    const source = {...described};
    for (const kind of BY_LAYER) source[kind] = described[kind].map(array);
    for (const kind of ALONE) source[kind] = array(described[kind]);
    source.update = described.update && updateOf(described.update, array);
    return new Step(source, equations[described.equations], layout);
  });
}

/** Returns the rows that the network learned from, where it has two inputs; else null. */
export function pointsOf(document) {
  if (!document.plane) return null;
  const of = (place) => numbersOf(document.arrays[place]);
  return {inputs: of(document.plane.inputs), targets: of(document.plane.targets)};
}

function updateOf(described, array) {
  const of = (places) => Object.fromEntries(Object.entries(places).map(([n, p]) => [n, array(p)]));
  return {
    ...described,
    parameters: array(described.parameters),
    state: of(described.state),
    state_after: of(described.state_after),
  };
}

function numbersOf({dtype, data}) {
  const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
  return new ARRAYS[dtype](bytes.buffer);
}
