/** Predict before reveal: a result is hidden until it is filled in, or asked for. */

import {element} from './elements.js';
import {address} from './expressions.js';

const TOLERANCE = 0.01;  // of the number

export class Learning {
  #known;

  constructor() {
    this.isOn = false;
    this.#known = new Set();
    this.right = 0;
    this.asked = 0;
  }

  /** Returns whether a number is hidden; what the step began with never is. */
  isHidden(reader, which) {
    return this.isOn && !this.#known.has(address(which)) && reader.step.formula(which) !== null;
  }

  /** Hides everything again: another step, another row. */
  forget() {
    this.#known.clear();
  }

  /** Returns the control in the place of a hidden result; `done` is called when it is known. */
  question(reader, line, done) {
    const answer = reader.number(line.which);
    const said = element('span', {role: 'status'});
    const typed = element('input', {
      type: 'text',
      inputmode: 'decimal',
      size: 10,
      'aria-label': `your result for ${reader.spoken({sides: [line.which], sign: ''})}`
    });
    const hint = element('span', {});
    const check = (event) => {
      event.preventDefault();
      const guess = Number(typed.value.replace(',', '.').replace('−', '-'));
      if (typed.value.trim() === '' || Number.isNaN(guess)) {
        said.textContent = 'a number, please, as 0.25';
        return;
      }
      this.asked++;
      const isRight = Math.abs(guess - answer) <= TOLERANCE * Math.max(Math.abs(answer), 1e-12);
      if (isRight) {
        this.right++;
        this.#reveal(line, done);
      } else {
        said.textContent = wordsFor(guess, answer);
        said.className = 'wrong';
      }
    };
    const help = () => {
      const sides = line.sides.slice(2, -1);
      hint.innerHTML = sides.length ? reader.mathml.math(sides) : 'It is the number itself.';
    };
    return element(
        'form', {class: 'guess', onsubmit: check}, '= ', typed,
        element('button', {type: 'submit'}, 'Check'),
        element('button', {type: 'button', onclick: help}, 'Hint'),
        element('button', {type: 'button', onclick: () => this.#reveal(line, done)}, 'Reveal'),
        said, hint);
  }

  /** Returns how many answers were right. */
  score() {
    return this.asked ? `${this.right} of ${this.asked} right` : '';
  }

  #reveal(line, done) {
    this.#known.add(address(line.which));
    done(line.which);
  }
}

function wordsFor(guess, answer) {
  if (guess === -answer) return 'not yet: look at the sign';
  if (Math.sign(guess) !== Math.sign(answer)) return 'not yet: it has the other sign';
  return Math.abs(guess) > Math.abs(answer) ? 'not yet: it is smaller' : 'not yet: it is larger';
}
