/** The beginning: reads the document, shows the page, and listens. */

import {askFor} from './asking.js';
import {stepsOf} from './document.js';
import {byId} from './elements.js';
import {complementaryErrorFunction} from './expressions.js';
import {furnish, Page} from './page.js';
import {Reader} from './reader.js';

const page = new Page(JSON.parse(byId('document').textContent));
furnish(page);
byId('page').hidden = false;
page.go(page.place, page.stop);
listen();
// For those who look behind the page, and for its tests.
globalThis.chainrule = {
  page,
  stepsOf,
  Reader,
  complementaryErrorFunction
};

function listen() {
  byId('next').addEventListener('click', () => page.move(1));
  byId('back').addEventListener('click', () => page.move(-1));
  byId('grain').addEventListener('change', ({target}) => page.set({grain: target.value}));
  byId('digits').addEventListener('change', ({target}) => page.set({digits: Number(target.value)}));
  byId('sample').addEventListener('change', ({target}) => page.set({sample: Number(target.value)}));
  byId('notation').addEventListener('change', ({target}) => {
    page.set({notation: page.document.notations.find(({name}) => name === target.value)});
  });
  byId('learning').addEventListener('change', ({target}) => {
    page.learning.isOn = target.checked;
    page.render();
  });
  byId('undo').addEventListener('click', () => page.undo());
  byId('take').addEventListener('click', () => page.take());
  byId('check').addEventListener('click', () => page.check());
  byId('say').addEventListener('click', say);
  byId('say').hidden = !globalThis.speechSynthesis;
  byId('pick').addEventListener('submit', pick);
  byId('open').addEventListener('submit', open);
  for (const id of ['settings', 'edits'])
    byId(id).addEventListener('submit', (event) => event.preventDefault());
  document.addEventListener('keydown', keys);
  document.addEventListener('mouseover', light);
  document.addEventListener('focusin', light);
  addEventListener('beforeprint', () => page.print());
}

function pick(event) {
  event.preventDefault();
  const [layer, unit, from] =
      ['layer', 'unit', 'from'].map((name) => Number(byId(`pick-${name}`).value));
  if (event.submitter?.value === 'weight') {
    page.pickWeight(layer, unit, from);
  } else {
    page.pickUnit(layer + 1, unit);
  }
}

function open(event) {
  event.preventDefault();
  askFor(byId('open-step').value, byId('open-row').value);
}

function say() {
  speechSynthesis.cancel();
  speechSynthesis.speak(new SpeechSynthesisUtterance(byId('spoken').textContent));
}

/** Arrow keys step; inside the picture they go from unit to unit, and Enter picks one. */
function keys(event) {
  const {key, target} = event;
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  if (target.closest('input, select, textarea') || scrolls(target)) return;
  const unit = target.closest('[data-unit]');
  if (unit) {
    inPicture(event, unit);
    return;
  }
  if (key === 'ArrowRight') page.move(1);
  if (key === 'ArrowLeft') page.move(-1);
}

/** An element that is wider than what is shown of it has the arrow keys for itself. */
function scrolls(target) {
  return target.scrollWidth > target.clientWidth + 1 && target.matches('.scrolled, .line');
}

function inPicture(event, unit) {
  const {key} = event;
  if (key === 'Enter' || key === ' ') {
    event.preventDefault();
    unit.dispatchEvent(new MouseEvent('click'));
    return;
  }
  const column = (one) =>
      (one.dataset.unit === 'loss' ? Infinity : Number(one.dataset.unit.split(',')[0]));
  const units = [...byId('drawing').querySelectorAll('[data-unit]')];
  const columns = Map.groupBy(units, column);
  const order = [...columns.keys()].toSorted((a, b) => a - b);
  const here = columns.get(column(unit));
  const beside = (direction) => columns.get(order[order.indexOf(column(unit)) + direction])?.[0];
  const next = {
    ArrowDown: here[here.indexOf(unit) + 1],
    ArrowUp: here[here.indexOf(unit) - 1],
    ArrowRight: beside(1),
    ArrowLeft: beside(-1),
  }[key];
  if (!next) return;
  event.preventDefault();
  next.focus();
}

/** Lights everything that is the quantity under the pointer: wire, cell, number, and its line. */
function light({target}) {
  const of = target.closest?.('[data-of]')?.dataset.of ?? target.closest?.('.line')?.dataset.made;
  for (const one of document.querySelectorAll('.lit:not(.edit)')) one.classList.remove('lit');
  if (!of) return;
  const quoted = CSS.escape(of);
  for (const one of document.querySelectorAll(`[data-of="${quoted}"], [data-made="${quoted}"]`)) {
    one.classList.add('lit');
  }
}
