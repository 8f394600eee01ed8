/** Asks the server, where the page has one, for another step. */

/** Opens the page of a step, and of a row where one is given. */
export function askFor(step, row = '') {
  location.search = `?step=${step}${row && `&row=${row}`}`;
}
