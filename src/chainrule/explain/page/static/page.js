/** The page: what is looked at, and everything that shows it. */

import {askFor} from './asking.js';
import {curve} from './curve.js';
import {diagram} from './diagram.js';
import {pointsOf, stepsOf} from './document.js';
import {changeable, controls, effect, finiteDifference} from './edits.js';
import {byId, element, offer} from './elements.js';
import {quantity} from './expressions.js';
import {Learning} from './learning.js';
import {lineElements, shownAt, steepest} from './lines.js';
import {matrices} from './matrices.js';
import {plane} from './plane.js';
import {printed} from './printing.js';
import {Reader} from './reader.js';
import {LEGEND} from './roles.js';
import {GRAINS, PHASES, Tour} from './tour.js';
import {verdict} from './verdict.js';
import {general} from './writing.js';

const NAMES = {
  forward: 'Forward',
  loss: 'Loss',
  backward: 'Backward',
  update: 'Update'
};
const DIGITS = [3, 4, 5, 6, 8, 10, 12, 15, 17];

export class Page {
  #painted = [];

  constructor(document) {
    this.document = document;
    this.steps = stepsOf(document);
    this.points = pointsOf(document);
    this.sizes = document.network.layer_sizes;
    this.learning = new Learning();
    this.grain = 'neuron';
    this.notation = document.notations.find(({name}) => name === document.shown.notation) ??
        document.notations[0];
    this.digits = document.shown.digits;
    this.#open(this.steps.find(({source}) => source.step === document.shown.step));
    this.#begin(document.shown);
  }

  // -- where we are --------------------------------------------------------------------------

  /** Looks at another step: one of the run, or one that was computed here. */
  #open(step) {
    this.origin = step;
    this.step = step;
    this.tour = new Tour(this.sizes);
    const {rows} = step.source;
    this.sample = Math.max(0, rows.indexOf(this.document.shown.row));
    this.place = 0;
    this.stop = {};
    this.learning.forget();
  }

  #begin({layer, unit, from, phase}) {
    const here = this.tour.find(phase ?? 'forward', layer ?? 0, unit ?? 0);
    this.place = Math.max(0, here);
    this.from = from ?? undefined;
    this.stop = {from: this.from};
  }

  get here() {
    return this.tour.places[this.place];
  }

  /** The layer, neuron and source that is looked at, with its phase and its name. */
  get focus() {
    const {phase, layer, unit} = this.here;
    const from = phase === 'update' ? this.stop.from : this.stop.term ?? undefined;
    const isSource = phase === 'forward' && from !== undefined && this.stop.line === 0 &&
        from < this.sizes[layer];
    return {
      phase,
      layer,
      unit,
      from: phase === 'update' || isSource ? from : undefined,
      title: this.title
    };
  }

  get title() {
    const {phase, layer, unit} = this.here;
    if (phase === 'loss') return 'Loss';
    const at = `${NAMES[phase]}, layer ${layer}`;
    if (this.grain === 'layer') return at;
    const from = phase !== 'update' ? '' :
        this.stop.from === null     ? ', bias' :
                                      `, weight from unit ${this.stop.from}`;
    return `${at}, neuron ${unit}${from}`;
  }

  /** Goes to a place; in the update to the weight from a unit, or the steepest one. */
  go(place, stop = {}) {
    this.place = place;
    this.stop = stop;
    const {phase, layer, unit} = this.here;
    if (phase === 'update' && stop.from === undefined)
      this.stop = {...stop, from: steepest(this.reader, layer, unit)};
    this.render();
  }

  /** Goes one layer, neuron or term on or back. */
  move(direction) {
    if (this.grain !== 'term') {
      this.go(this.tour.beside(this.place, this.grain, direction));
      return;
    }
    const inside = this.tour.inside(this.place, this.reader);
    const now = inside.findIndex(
        (one) => ['from', 'line', 'term'].every((key) => one[key] === this.stop[key]));
    const next = now < 0 && direction < 0 ? -1 : now + direction;
    if (next >= 0 && next < inside.length) {
      this.go(this.place, inside[next]);
      return;
    }
    const place = this.tour.beside(this.place, 'neuron', direction);
    if (place === this.place) return;
    this.place = place;
    const others = this.tour.inside(place, this.reader);
    this.go(place, direction > 0 ? others[0] : others.at(-1));
  }

  pickUnit(layer, unit) {
    if (layer === 0) {
      const {unit: to, layer: at} = this.here;
      this.go(this.tour.find('update', 0, at === 0 ? to : 0), {from: unit});
      return;
    }
    const {phase} = this.here;
    this.go(this.tour.find(phase === 'backward' ? phase : 'forward', layer - 1, unit));
  }

  pickWeight(layer, unit, from) {
    this.go(this.tour.find('update', layer, unit), {from});
  }

  // -- what is done --------------------------------------------------------------------------

  change(which, value, except) {
    this.step = this.step.changed(which, value);
    this.render(except);
  }

  undo() {
    this.step = this.origin;
    this.render();
  }

  /** Takes the step: the next is on the samples of the run's next, where that is on the page. */
  take() {
    const number = this.step.source.step + 1;
    const {place} = this;
    this.#open(this.step.taken(this.steps.find(({source}) => source.step === number)));
    this.go(place);
  }

  check() {
    const {layer, unit} = this.here;
    const from = this.focus.from;
    const which = from === null ?
        quantity('biases', layer, [unit]) :
        quantity('weights', layer, [from ?? steepest(this.reader, layer, unit), unit]);
    const found = finiteDifference(this.reader, which);
    const say = (number) => general(number, Math.max(this.digits, 6));
    const symbol = element('span', {});
    symbol.innerHTML = this.reader.symbol(which);
    byId('checked').replaceChildren(
        'With ', symbol,
        ` moved by ± ${general(found.h, 2)} the loss is ${say(found.above)} and ${
            say(found.below)}: `,
        `(L₊ − L₋) / 2h = ${say(found.quotient)}, by the chain rule ${say(found.derivative)}; `,
        `they differ by ${general(found.difference, 2)} of their size. Computed in this page.`);
  }

  // -- what is shown -------------------------------------------------------------------------

  get reader() {
    return new Reader(this.document, this.step, this.notation, this.sample, this.digits);
  }

  render(except) {
    const {reader} = this;
    const isHidden = (which) => this.learning.isHidden(reader, which);
    this.#header();
    this.#picture(reader, isHidden);
    this.#equations(reader);
    if (!except) this.#controls(reader);
    this.#effect(reader);
    byId('tables').replaceChildren(matrices(reader, this.focus, isHidden));
    this.#plane(reader);
    this.#time();
  }

  #header() {
    const {title, network, shown} = this.document;
    const {source} = this.step;
    const run = this.document.run;
    const of = run ? ` of ${run.steps.toLocaleString('en')}` : '';
    byId('title').textContent =
        `Step ${source.step.toLocaleString('en')}${of}${title ? `: ${title}` : ''}`;
    const kinds = [...new Set(network.activations)].join(', ');
    byId('facts').textContent =
        `${this.sizes.join(' → ')} · ${kinds} · ${network.loss || 'a loss of your own'}` +
        `${network.optimizer ? ` · ${network.optimizer}` : ''} · ${batchOf(source)} · ${
            network.dtype}`;
    byId('verdict').textContent = this.learning.isOn ?
        'Predict the results; each is shown when you have it.' :
        verdict(this.reader);
    const rows = source.rows.map((row, place) => [String(place), `${shown.word} ${row}`.trim()]);
    offer(byId('sample'), rows, String(this.sample));
    const isLive = this.step.isLive;
    byId('origin').replaceChildren(
        isLive ? element('span', {class: 'live'}, 'Computed in this page, in float64') :
                 'The engine\'s numbers.',
        isLive ? ' from what you changed, or from the step that you took.' :
                 ' Change one, and everything behind it follows.');
    PHASES.forEach((phase) => {
      const button = byId(`phase-${phase}`);
      button.removeAttribute('aria-current');
      if (phase === this.here.phase) button.setAttribute('aria-current', 'step');
    });
  }

  #picture(reader, isHidden) {
    const on = {
      isHidden,
      pickUnit: (layer, unit) => this.pickUnit(layer, unit),
      pickWeight: (layer, unit, from) => this.pickWeight(layer, unit, from),
      pickLoss: () => this.go(this.tour.first('loss')),
    };
    const held = document.activeElement?.dataset?.unit;
    byId('drawing').replaceChildren(diagram(reader, this.focus, on));
    const units = [...byId('drawing').querySelectorAll('[data-unit]')];
    (units.find((one) => one.classList.contains('focused')) ?? units[0])
        .setAttribute('tabindex', '0');
    showAcross(byId('drawing'), byId('drawing').querySelector('.unit.focused'));
    if (held) units.find((one) => one.dataset.unit === held)?.focus();
    const {layer, unit} = this.here;
    byId('pick-layer').value = String(layer);
    byId('pick-unit').value = String(unit);
    byId('pick-unit').max = String(this.sizes[layer + 1] - 1);
    byId('pick-from').value = String(this.focus.from ?? 0);
    byId('pick-from').max = String(this.sizes[layer] - 1);
  }

  #equations(reader) {
    byId('stop').textContent = this.title;
    const quantities = shownAt(reader, this.here, this.stop, this.grain);
    const done = () => {
      this.render();
      byId('equations').focus();
    };
    byId('lines').replaceChildren(
        ...lineElements(reader, quantities, this.stop, this.learning, done));
    const current = quantities[this.stop.line ?? quantities.length - 1];
    const isKnown = !this.learning.isHidden(reader, current);
    byId('spoken').textContent = isKnown ? `In words: ${reader.spoken(reader.line(current))}.` : '';
    byId('say').disabled = !isKnown;
    byId('score').textContent = this.learning.score();
  }

  #controls(reader) {
    const change = (which, value, except) => this.change(which, value, except);
    const canCompute = Boolean(this.document.network.loss);
    byId('edits').replaceChildren(...(
        canCompute ? controls(reader, changeable(reader, this.focus), change) :
                     ['A loss of your own has no formula, so the page cannot compute with it.']));
    for (const id of ['take', 'check']) byId(id).disabled = !canCompute;
    byId('take').disabled ||= !this.step.source.update;
    byId('checked').replaceChildren();
  }

  #effect(reader) {
    byId('effect').replaceChildren(effect(reader, this.origin) ?? '');
    byId('undo').disabled = this.step === this.origin;
  }

  /** The plane, which takes longest: anew only where something of it is other than before. */
  #plane(reader) {
    const [step, sample] = this.#painted;
    if (!this.points || (step === this.step && sample === this.sample)) return;
    byId('map').replaceChildren(plane(reader, this.points));
    this.#painted = [this.step, this.sample];
  }

  #time() {
    const {run} = this.document;
    byId('curve').replaceChildren(
        run ? curve(run.curve, this.step.source.step, this.document.served ? askFor : null) : '');
    byId('steps').replaceChildren(...this.steps.map(
        (step) => element(
            'button', {
              type: 'button',
              'aria-pressed': String(step === this.origin),
              onclick: () => {
                this.#open(step);
                this.go(this.place);
              },
            },
            `step ${step.source.step.toLocaleString('en')}`)));
  }

  print() {
    const {reader} = this;
    const on = {isHidden: (which) => this.learning.isHidden(reader, which)};
    const picture = (place) =>
        diagram(reader, {...place, from: undefined, title: NAMES[place.phase]}, on);
    byId('print').replaceChildren(...printed(reader, this.tour, this.learning, picture));
  }

  /** Chooses how it is shown. */
  set(changes) {
    Object.assign(this, changes);
    this.go(this.place, this.grain === 'term' ? this.stop : {from: this.stop.from});
  }
}

/** The batch in words; of a large one the page has some samples. */
function batchOf({batch_size: size, rows}) {
  const some = rows.length < size ? `, of which ${rows.length} are here and the others stay` : '';
  return `batch of ${size}${some}`;
}

/** Scrolls sideways, never down, so that an element can be seen. */
function showAcross(box, inside) {
  if (!inside) return;
  const [outer, inner] = [box, inside].map((one) => one.getBoundingClientRect());
  if (inner.left < outer.left) box.scrollLeft += inner.left - outer.left - inner.width;
  if (inner.right > outer.right) box.scrollLeft += inner.right - outer.right + inner.width;
}

/** Puts into the page what does not change with the step. */
export function furnish(page) {
  const {notations, another} = page.document;
  const plain = (values) => values.map((value) => [String(value), String(value)]);
  offer(byId('notation'), plain(notations.map(({name}) => name)), page.notation.name);
  offer(byId('digits'), plain(DIGITS), String(page.digits));
  offer(byId('grain'), plain(GRAINS), page.grain);
  offer(byId('pick-layer'), plain(page.sizes.slice(1).map((_, layer) => layer)), '0');
  const button = (phase) => element(
      'button',
      {type: 'button', id: `phase-${phase}`, onclick: () => page.go(page.tour.first(phase))},
      NAMES[phase]);
  byId('phases').replaceChildren(...PHASES.map((phase) => element('li', {}, button(phase))));
  byId('legend').replaceChildren(...Object.entries(LEGEND).map(([role, words]) => {
    const math = element('span', {});
    math.innerHTML = `<math><mrow class="number ${role}"><mn>1</mn></mrow></math>`;
    return element('li', {}, math, ` ${words}`);
  }));
  byId('time').hidden = !page.document.run;
  byId('plane').hidden = !page.points;
  byId('open').hidden = !page.document.served;
  byId('another').hidden = page.document.served;
  byId('another').replaceChildren('Another step: ', element('code', {}, another));
}
