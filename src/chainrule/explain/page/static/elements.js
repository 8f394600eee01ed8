/** Elements of HTML and SVG, made in one call. */

const SVG = 'http://www.w3.org/2000/svg';

/**
 * Returns an element of HTML with attributes and children; those named onclick and the like
 * listen.
 */
export function element(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

/** Returns an element of SVG. */
export function drawn(name, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, name), attributes, children);
}

/** Returns the element of the page that has an id. */
export function byId(id) {
  return document.getElementById(id);
}

/** Puts options into a select, pairs of value and text, and chooses one. */
export function offer(select, pairs, chosen) {
  select.replaceChildren(...pairs.map(([value, text]) => element('option', {value}, text)));
  select.value = chosen;
}

function filled(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) {
      made.addEventListener(name.slice(2), value);
    } else if (value === true) {
      made.setAttribute(name, '');
    } else if (value !== false && value !== null && value !== undefined) {
      made.setAttribute(name, value);
    }
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}
