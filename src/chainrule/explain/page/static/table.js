/** A table of values by the quantities that they belong to; it is asked thousands of times. */

const FAR = 100003;  // more units than a layer has

export class Table {
  #kinds = new Map();

  /** Returns the value of a quantity, undefined where it has none. */
  get(kind, layer, at, name) {
    return this.#kinds.get(kind)?.get(name)?.[layer + 1]?.get(indexOf(at));
  }

  set(kind, layer, at, name, value) {
    if (!this.#kinds.has(kind)) this.#kinds.set(kind, new Map());
    const names = this.#kinds.get(kind);
    if (!names.has(name)) names.set(name, []);
    (names.get(name)[layer + 1] ??= new Map()).set(indexOf(at), value);
  }
}

function indexOf(at) {
  let index = at.length;
  for (const n of at) index = index * FAR + n;
  return index;
}
