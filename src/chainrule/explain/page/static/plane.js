/**
 * What a network of two inputs says everywhere in the plane, with the rows that it learned from.
 */

import {drawn, element} from './elements.js';
import {quantity} from './expressions.js';
import {nameOf, short} from './units.js';

const [SIZE, LEFT, BOTTOM] = [360, 46, 36];
const CELLS = 26;     // across and down
const MARGIN = 0.12;  // beyond the rows, of their range
const LIKELY = 0.35;  // how strongly the plane is painted

/** Returns the picture of the plane, and what its colours mean. */
export function plane(reader, points) {
  return new Plane(reader, points).picture();
}

class Plane {
  constructor(reader, {inputs, targets}) {
    Object.assign(this, {reader, inputs, targets, last: reader.step.layout.layers});
    this.outputs = reader.step.layout.sizes[this.last];
    this.ranges = [0, 1].map((axis) => rangeOf(inputs.filter((_, n) => n % 2 === axis)));
    this.values = this.#grid();
    this.scale = this.outputs === 1 ? spread([...this.values.map(([v]) => v), ...targets]) : null;
  }

  picture() {
    const [across, down] = [0, 1].map((axis) => nameOf(this.reader.document, 0, axis));
    const label = `What the network says for each ${across} and ${down}; the rows are dots`;
    const svg = drawn(
        'svg', {viewBox: `0 0 ${SIZE + LEFT} ${SIZE + BOTTOM}`, role: 'img', 'aria-label': label});
    const side = SIZE / CELLS;
    this.values.forEach((values, n) => svg.append(drawn('rect', {
      x: LEFT + (n % CELLS) * side,
      y: Math.floor(n / CELLS) * side,
      width: side + 0.3,
      height: side + 0.3,
      class: this.#style(values),
      'fill-opacity': this.#strength(values),
    })));
    const count = this.inputs.length / 2;
    for (let n = 0; n < count; n++) svg.append(this.#dot(n));
    svg.append(this.#here(), ...this.#axes(across, down));
    return element('div', {}, svg, this.#legend());
  }

  /** What the network says in the middle of each cell, from the upper left on. */
  #grid() {
    const cells = Array.from({length: CELLS * CELLS}, (_, n) => n);
    return cells.map(
        (n) => this.#at(
            between(this.ranges[0], ((n % CELLS) + 0.5) / CELLS),
            between(this.ranges[1], 1 - (Math.floor(n / CELLS) + 0.5) / CELLS)));
  }

  #at(x, y) {
    const {step, sample} = this.reader;
    const input = (axis) => quantity('activations', 0, [sample, axis]);
    const there = step.changed(input(0), x).changed(input(1), y);
    return Array.from(
        {length: this.outputs}, (_, j) => there.number('activations', this.last, [sample, j]));
  }

  /** The colour: of the most likely class, or of what is below and above the middle. */
  #style(values) {
    if (this.outputs > 1) return `class-${values.indexOf(Math.max(...values)) % 6}`;
    return `class-${this.#share(values[0]) < 0.5 ? 0 : 1}`;
  }

  #strength(values) {
    const sure = this.outputs > 1 ? Math.max(...values) : Math.abs(2 * this.#share(values[0]) - 1);
    return (LIKELY + 0.4) * Math.max(0, Math.min(1, sure));
  }

  #share(value) {
    return (value - this.scale[0]) / (this.scale[1] - this.scale[0]);
  }

  #place(x, y) {
    const share = (value, [low, high]) => (value - low) / (high - low);
    return {cx: LEFT + SIZE * share(x, this.ranges[0]), cy: SIZE * (1 - share(y, this.ranges[1]))};
  }

  #dot(n) {
    const width = this.targets.length / (this.inputs.length / 2);
    const target = Array.from(this.targets.slice(n * width, (n + 1) * width));
    const place = this.#place(this.inputs[2 * n], this.inputs[2 * n + 1]);
    return drawn('circle', {...place, r: 4, class: `dot ${this.#style(target)}`});
  }

  /** The row that is looked at. */
  #here() {
    const {step, sample} = this.reader;
    const [x, y] = [0, 1].map((axis) => step.number('activations', 0, [sample, axis]));
    return drawn('circle', {...this.#place(x, y), r: 8, class: 'here'});
  }

  #axes(across, down) {
    const [[left, right], [low, high]] = this.ranges;
    const text = (x, y, words, style) => drawn('text', {x, y, class: `quiet ${style}`}, words);
    return [
      text(LEFT, SIZE + 12, short(left), 'start'),
      text(LEFT + SIZE, SIZE + 12, short(right), 'end'),
      text(LEFT + SIZE / 2, SIZE + 26, across, ''),
      text(LEFT - 4, SIZE - 6, short(low), 'end'),
      text(LEFT - 4, 8, short(high), 'end'),
      drawn(
          'text', {x: 0, y: 0, class: 'quiet', transform: `translate(10 ${SIZE / 2}) rotate(-90)`},
          down),
    ];
  }

  #legend() {
    const names = this.outputs > 1 ?
        Array.from(
            {length: this.outputs}, (_, unit) => nameOf(this.reader.document, this.last, unit)) :
        [`${nameOf(this.reader.document, this.last, 0)}: low`, 'high'];
    const items = names.slice(0, 6).map(
        (name, n) => element(
            'li', {},
            drawn(
                'svg', {class: 'key', viewBox: '0 0 10 10', 'aria-hidden': 'true'},
                drawn('circle', {cx: 5, cy: 5, r: 4, class: `dot class-${n}`})),
            ` ${name}`));
    return element('ul', {class: 'keys'}, ...items);
  }
}

function rangeOf(values) {
  const [low, high] = spread(values);
  const margin = MARGIN * (high - low);
  return [low - margin, high + margin];
}

function spread(values) {
  const finite = values.filter(Number.isFinite);
  const [low, high] = [Math.min(...finite), Math.max(...finite)];
  return low === high ? [low - 1, high + 1] : [low, high];
}

function between([low, high], share) {
  return low + share * (high - low);
}
