/**
 * The network as a picture: units, wires that carry value and gradient, the target and the loss.
 */

import {drawn} from './elements.js';
import {address, quantity} from './expressions.js';

import {layerName, nameOf, short, shownUnits} from './units.js';

const [NARROW, WIDE, TIGHT, LOOSE, RADIUS, TOP] = [156, 196, 66, 86, 25, 44];
const ROOMY = 6;       // units below each other that have room for their biases
const LETTER = 7;      // pixels that a letter is wide
const LONGEST = 14;    // letters of a name
const PICTURE = 190;   // pixels that an image is wide
const FEW_WIRES = 14;  // which all have their numbers written on them
const MOST_PIXELS = 64 * 64;
// Where on a wire its numbers are: apart from those beside it, and far from where wires meet.
const [NEAR, FAR, ALONG] = [0.2, 0.78, [0.62, 0.25, 0.42]];

/**
 * Returns the picture of a step.
 *
 * @param {Reader} reader
 * @param {object} focus phase, layer, unit, from: what is looked at
 * @param {object} on what to do: pickUnit(layer, unit), pickWeight(layer, unit, from),
 *     isHidden(which)
 */
export function diagram(reader, focus, on) {
  return new Diagram(reader, focus, on).picture();
}

class Diagram {
  constructor(reader, focus, on) {
    Object.assign(this, {reader, focus, on, sizes: reader.step.layout.sizes});
    this.shown = this.sizes.map((_, layer) => shownUnits(reader, layer, this.#wanted(layer)));
    this.image = this.#fits(reader.document.network.image);
    const names = this.shown[0].map((unit) => shortened(nameOf(reader.document, 0, unit)).length);
    this.left = (this.image ? PICTURE + 16 : 0) + LETTER * Math.max(...names) + RADIUS + 14;
    const wires = this.shown.slice(1).map((units, n) => units.length * this.shown[n].length);
    this.column = Math.max(...wires) <= FEW_WIRES ? WIDE : NARROW;
    const most = Math.max(...this.shown.map((units) => units.length));
    this.isTight = most > ROOMY;
    this.row = this.isTight ? TIGHT : LOOSE;
    this.height = TOP + most * this.row + 20;
    this.width = this.left + (this.sizes.length - 1) * this.column + 190;
  }

  picture() {
    const label = `Network of ${this.sizes.join(', ')} units; ${this.focus.title}`;
    const svg = drawn(
        'svg', {viewBox: `0 0 ${this.width} ${this.height}`, role: 'group', 'aria-label': label});
    svg.style.minWidth = `${Math.round(this.width * 0.6)}px`;
    svg.style.maxWidth = `${Math.round(this.width * 1.35)}px`;
    const layers = this.sizes.map((_, layer) => layer);
    const wires = layers.slice(1).flatMap((layer) => this.#wires(layer - 1));
    svg.append(...wires.map(({line}) => line), ...wires.flatMap(({texts}) => texts));
    if (this.image) svg.append(this.#image());
    for (const layer of layers) svg.append(this.#heading(layer), ...this.#column(layer));
    svg.append(...this.#ends());
    return svg;
  }

  #wanted(layer) {
    const {phase, layer: at, unit, from} = this.focus;
    if (phase === 'loss') return [];
    return layer === at + 1 ? [unit] : layer === at ? [from] : [];
  }

  #fits(image) {
    return image && image.height * image.width <= MOST_PIXELS ? image : null;
  }

  #x(layer) {
    return this.left + layer * this.column;
  }

  #y(layer, unit) {
    const units = this.shown[layer];
    const free = (this.height - TOP - 20 - units.length * this.row) / 2;
    return TOP + free + (units.indexOf(unit) + 0.5) * this.row;
  }

  /** Returns a number as text, hidden while it is to be predicted. */
  #text(which, attributes) {
    const text = this.on.isHidden(which) ? '?' : short(this.reader.number(which));
    const style = `${attributes.class} role${text.length > 6 ? ' long' : ''}`;
    return drawn('text', {...attributes, class: style, 'data-of': address(which)}, text);
  }

  /** A number in words, which says no more than the picture shows. */
  #said(which) {
    return this.on.isHidden(which) ? 'hidden' : this.reader.text(which, 4);
  }

  #heading(layer) {
    const left = this.sizes[layer] - this.shown[layer].length;
    const name = layerName(this.sizes, layer) + (left ? `, ${left} more` : '');
    return drawn('text', {x: this.#x(layer), y: 16, class: 'quiet'}, name);
  }

  #column(layer) {
    const gap = (unit, place, units) =>
        place > 0 && unit > units[place - 1] + 1 ? [this.#dots(layer, unit)] : [];
    return this.shown[layer].flatMap(
        (unit, ...rest) => [...gap(unit, ...rest), this.#unit(layer, unit)]);
  }

  #dots(layer, unit) {
    return drawn(
        'text', {x: this.#x(layer), y: this.#y(layer, unit) - this.row / 2, class: 'quiet'}, '⋮');
  }

  #unit(layer, unit) {
    const {sample} = this.reader;
    const [x, y] = [this.#x(layer), this.#y(layer, unit)];
    const value = quantity('activations', layer, [sample, unit]);
    const name = nameOf(this.reader.document, layer, unit);
    const isFocused = this.focus.phase !== 'loss' &&
        (layer === this.focus.layer + 1 ? unit === this.focus.unit :
                                          layer === this.focus.layer && unit === this.focus.from);
    const pick = () => this.on.pickUnit(layer, unit);
    const group = drawn('g', {
      class: `unit activation${isFocused ? ' focused' : ''}`,
      role: 'button',
      tabindex: '-1',
      'data-unit': `${layer},${unit}`,
      'aria-label': `${name}: ${this.#said(value)}`,
      onclick: pick,
    });
    group.append(
        drawn('circle', {cx: x, cy: y, r: RADIUS, class: 'shape'}),
        this.#text(value, {x, y, class: ''}));
    if (layer === 0) {
      group.append(drawn('text', {x: x - RADIUS - 6, y, class: 'end'}, shortened(name)));
    } else {
      group.append(...this.#beside(layer, unit, x, y, isFocused));
    }
    return group;
  }

  /** Below a unit its δ in a diamond; above it its bias in a square, where there is room. */
  #beside(layer, unit, x, y, isFocused) {
    const delta = quantity('deltas', layer - 1, [this.reader.sample, unit]);
    const below = y + RADIUS + (this.isTight ? 8 : 11);
    const parts = [
      drawn('path', {class: 'gradient shape', d: diamond(x - 20, below, 5)}),
      this.#text(delta, {x: x - 11, y: below, class: 'gradient start halo'}),
    ];
    if (this.isTight && !isFocused) return parts;
    const above = y - RADIUS - 9;
    return [
      ...parts,
      drawn('rect', {class: 'bias shape', x: x - 25, y: above - 5, width: 10, height: 10}),
      this.#text(
          quantity('biases', layer - 1, [unit]), {x: x - 11, y: above, class: 'bias start halo'}),
    ];
  }

  #wires(layer) {
    const [from, to] = [this.shown[layer], this.shown[layer + 1]];
    const sizes =
        from.map((k) => to.map((j) => Math.abs(this.reader.step.number('weights', layer, [k, j]))));
    const largest = Math.max(...sizes.flat(), 1e-300);
    const isFew = from.length * to.length <= FEW_WIRES;
    return from.flatMap((k, row) => to.map((j, column) => {
      const isFocused = this.#isFocused(layer, k, j);
      const width = 0.6 + 3.4 * sizes[row][column] / largest;
      const line = this.#wire(layer, k, j, width, isFocused);
      const isWritten = isFew || (isFocused && from.length <= FEW_WIRES);
      const apart = this.focus.phase === 'backward' ? FAR : NEAR;
      const along = isFew ? ALONG[Math.abs(row - column) % ALONG.length] : apart;
      return {line, texts: isWritten ? this.#onWire(layer, k, j, along) : []};
    }));
  }

  #isFocused(layer, k, j) {
    const {phase, layer: at, unit, from} = this.focus;
    if (phase === 'forward') return layer === at && j === unit;
    if (phase === 'backward') return layer === at + 1 && k === unit;
    if (phase === 'update') return layer === at && j === unit && (from === undefined || k === from);
    return false;
  }

  #ends4(layer, k, j) {
    return {
      x1: this.#x(layer) + RADIUS,
      y1: this.#y(layer, k),
      x2: this.#x(layer + 1) - RADIUS,
      y2: this.#y(layer + 1, j),
    };
  }

  #wire(layer, k, j, width, isFocused) {
    const which = quantity('weights', layer, [k, j]);
    const isNegative = this.reader.step.number('weights', layer, [k, j]) < 0;
    const isBack = isFocused && this.focus.phase !== 'forward';
    const style =
        ['wire', 'weight', isNegative && 'negative', isFocused && 'focused', isBack && 'backwards'];
    const ends = this.#ends4(layer, k, j);
    const pick = () => this.on.pickWeight(layer, j, k);
    const visible = drawn('line', {
      ...ends,
      class: style.filter(Boolean).join(' '),
      'stroke-width': width,
      'data-of': address(which),
    });
    return drawn(
        'g', {onclick: pick}, visible,
        drawn('line', {...ends, class: 'reach', 'data-of': address(which)}));
  }

  /** On a wire: the weight, and the derivative of the loss by it. */
  #onWire(layer, k, j, along) {
    const {x1, y1, x2, y2} = this.#ends4(layer, k, j);
    const [x, y] = [x1 + along * (x2 - x1), y1 + along * (y2 - y1)];
    const gradient = quantity('weight_gradients', layer, [k, j]);
    return [
      this.#text(quantity('weights', layer, [k, j]), {x, y: y - 7, class: 'weight halo'}),
      this.#text(gradient, {x, y: y + 7, class: 'gradient halo'}),
    ];
  }

  /** Right of the outputs their targets, and the loss. */
  #ends() {
    const last = this.sizes.length - 1;
    const {sample, document, step} = this.reader;
    const x = this.#x(last) + 66;
    const targets =
        this.shown[last].filter((unit) => unit < document.network.n_targets).flatMap((unit) => {
          const y = this.#y(last, unit);
          const which = quantity('targets', -1, [sample, unit]);
          return [
            drawn('path', {class: 'target shape', d: triangle(x, y, 9)}),
            this.#text(which, {x: x + 14, y, class: 'target start'}),
          ];
        });
    const y = TOP + (this.height - TOP - 20) / 2;
    const isAlone = step.source.batch_size === 1;
    const loss = isAlone ? quantity('loss') : quantity('sample_losses', -1, [sample]);
    const isFocused = this.focus.phase === 'loss';
    const octagon = drawn('path', {class: 'shape', d: octagonAt(this.width - 40, y, 26)});
    const group = drawn('g', {
      class: `unit loss${isFocused ? ' focused' : ''}`,
      role: 'button',
      tabindex: '-1',
      'data-unit': 'loss',
      'aria-label': `loss: ${this.#said(loss)}`,
      onclick: this.on.pickLoss,
    });
    group.append(octagon, this.#text(loss, {x: this.width - 40, y, class: ''}));
    const names = this.shown[last].map(
        (unit) => drawn(
            'text',
            {x: this.#x(last) + RADIUS + 8, y: this.#y(last, unit) + 20, class: 'start quiet'},
            shortened(document.network.outputs[unit] ?? '')));
    return [
      ...targets,
      ...names,
      drawn('text', {x: x + 6, y: 16, class: 'quiet'}, 'target'),
      drawn('text', {x: this.width - 40, y: 16, class: 'quiet'}, 'loss'),
      group,
    ];
  }

  /** The row as the picture that it is; a pixel is an input. */
  #image() {
    const {height, width, at} = this.image;
    const {step, sample} = this.reader;
    const values = at.map((_, k) => step.number('activations', 0, [sample, k]));
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const side = Math.min(PICTURE / width, (this.height - TOP - 20) / height);
    const top = TOP + (this.height - TOP - 20 - side * height) / 2;
    const group = drawn(
        'g', {role: 'img', 'aria-label': `the row, a picture of ${height} × ${width} pixels`});
    group.append(drawn(
        'rect',
        {class: 'frame', x: 4, y: top, width: side * width, height: side * height, fill: '#000'}));
    at.forEach((place, k) => {
      const [row, column] = [Math.floor(place / width), place % width];
      const grey = Math.round(255 * (values[k] - low) / (high - low || 1));
      group.append(drawn('rect', {
        class: 'pixel',
        x: 4 + column * side,
        y: top + row * side,
        width: side + 0.2,
        height: side + 0.2,
        fill: `rgb(${grey},${grey},${grey})`,
        onclick: () => this.on.pickUnit(0, k),
        'data-of': address(quantity('activations', 0, [sample, k])),
      }));
    });
    return group;
  }
}

function shortened(name) {
  return name.length > LONGEST ? `${name.slice(0, LONGEST - 1)}…` : name;
}

function diamond(x, y, r) {
  return `M${x} ${y - r}L${x + r} ${y}L${x} ${y + r}L${x - r} ${y}Z`;
}

function triangle(x, y, r) {
  return `M${x - r} ${y}L${x + r * 0.7} ${y - r}L${x + r * 0.7} ${y + r}Z`;
}

function octagonAt(x, y, r) {
  const corners = Array.from({length: 8}, (_, n) => (n + 0.5) * Math.PI / 4);
  return `M${
      corners.map((turn) => `${x + r * Math.cos(turn)} ${y + r * Math.sin(turn)}`).join('L')}Z`;
}
