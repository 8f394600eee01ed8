/** The losses of the run, with the step that is opened. */

import {drawn} from './elements.js';
import {short} from './units.js';

const [WIDTH, HEIGHT, LEFT, BOTTOM, TOP] = [640, 190, 64, 30, 16];
const WIDE_RANGE = 30;  // from which the axis is logarithmic

/**
 * Returns the curve.
 *
 * @param {Array} points pairs of step and loss, null where it isn't finite
 * @param {number} step that is opened
 * @param {function} open opens another step; null where that can't be done
 */
export function curve(points, step, open) {
  const known = points.filter(([, loss]) => loss !== null);
  const losses = known.map(([, loss]) => loss);
  const [low, high] = [Math.min(...losses), Math.max(...losses)];
  const isLogarithmic = low > 0 && high / low > WIDE_RANGE;
  const scale = isLogarithmic ? Math.log : (loss) => loss;
  const [first, last] = [points[0][0], points.at(-1)[0]];
  const x = (at) => LEFT + (at - first) / (last - first || 1) * (WIDTH - LEFT - 16);
  const y = (loss) =>
      TOP + (scale(high) - scale(loss)) / (scale(high) - scale(low) || 1) * (HEIGHT - BOTTOM - TOP);
  const path = known.map(([at, loss]) => `${x(at).toFixed(1)} ${y(loss).toFixed(1)}`).join('L');
  const here = nearest(known, step);
  const label = `Loss of each step, from ${short(losses[0])} to ${short(losses.at(-1))}; step ${
      step} is marked`;
  const axis = isLogarithmic ? 'loss, logarithmic' : 'loss';
  const svg = drawn(
      'svg', {viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'img', 'aria-label': label},
      drawn('path', {class: 'curve', d: `M${path}`}),
      drawn('line', {class: 'mark', x1: x(step), x2: x(step), y1: TOP, y2: HEIGHT - BOTTOM}),
      here && drawn('circle', {class: 'mark dot', cx: x(step), cy: y(here[1]), r: 4}),
      text(LEFT - 6, y(high), short(high), 'end'), text(LEFT - 6, y(low), short(low), 'end'),
      text(LEFT, HEIGHT - 12, `step ${first.toLocaleString('en')}`, 'start'),
      text(WIDTH - 16, HEIGHT - 12, last.toLocaleString('en'), 'end'),
      text(LEFT, 6, axis, 'start'));
  if (open) {
    svg.classList.add('opens');
    svg.addEventListener('click', (event) => open(stepAt(svg, event.clientX, first, last)));
  }
  return svg;
}

function stepAt(svg, x, first, last) {
  const box = svg.getBoundingClientRect();
  const share = ((x - box.left) / box.width * WIDTH - LEFT) / (WIDTH - LEFT - 16);
  return Math.round(first + Math.min(1, Math.max(0, share)) * (last - first));
}

function text(x, y, words, anchor) {
  return drawn('text', {x, y, class: `quiet ${anchor}`}, words);
}

function nearest(points, step) {
  const before = points.filter(([at]) => at <= step);
  return before.at(-1) ?? points[0];
}
