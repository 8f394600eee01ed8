/** What the network says of the row, what is true, and how wrong that is, in a sentence. */

import {quantity} from './expressions.js';
import {nameOf, short} from './units.js';

/** Returns the sentence. */
export function verdict(reader) {
  const {document, step, sample} = reader;
  const {n_targets: targets, layer_sizes: sizes} = document.network;
  const last = sizes.length - 1;
  const of = (kind, layer, count) =>
      Array.from({length: count}, (_, unit) => step.number(kind, layer, [sample, unit]));
  const [outputs, truths] = [of('activations', last, sizes[last]), of('targets', -1, targets)];
  const row = `${document.shown.word} ${step.source.rows[sample]}`;
  const wrong = `loss ${short(reader.number(quantity('sample_losses', -1, [sample])))}`;
  if (isOneOf(truths) && outputs.length === truths.length) {
    const [said, is] = [outputs, truths].map((values) => values.indexOf(Math.max(...values)));
    const name = (unit) => nameOf(document, last, unit);
    return capital(`${row}: the network says ${name(said)} (${short(outputs[said])}), it is ${
        name(is)}; ${wrong}.`);
  }
  const list = (values) =>
      values.slice(0, 4).map(short).join(', ') + (values.length > 4 ? ', …' : '');
  return capital(`${row}: the network says ${list(outputs)}, it is ${list(truths)}; ${wrong}.`);
}

function isOneOf(truths) {
  return truths.length > 1 && truths.filter((one) => one === 1).length === 1 &&
      truths.every((one) => one === 0 || one === 1);
}

function capital(text) {
  return text.trim().replace(/^./, (letter) => letter.toUpperCase());
}
