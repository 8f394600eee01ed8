/** The step on paper: a page a phase, each with its equations. */

import {element} from './elements.js';
import {lineElements, shownAt} from './lines.js';
import {PHASES} from './tour.js';

const TITLES = {
  forward: 'Forward',
  loss: 'Loss',
  backward: 'Backward',
  update: 'Update'
};

/** Returns a section for each phase; `picture(place)` draws the network at it. */
export function printed(reader, tour, learning, picture) {
  return PHASES.map((phase) => {
    const made = element('section', {}, element('h2', {}, TITLES[phase]));
    const places = tour.places.filter(
        (place, n, all) => place.phase === phase &&
            all.findIndex((one) => one.phase === phase && one.layer === place.layer) === n);
    made.append(picture(places[0]));
    for (const place of places) {
      if (phase !== 'loss') made.append(element('h3', {}, `Layer ${place.layer}`));
      made.append(
          ...lineElements(reader, shownAt(reader, place, {}, 'layer'), {}, learning, () => {}));
    }
    return made;
  });
}
