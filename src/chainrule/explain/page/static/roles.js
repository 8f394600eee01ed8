/** Roles: which colour and shape a quantity has, everywhere on the page. */

const ROLES = {
  activation: ['activations', 'undropped', 'masks'],
  sum: ['pre_activations'],
  weight: ['weights', 'new_weights', 'decayed_weights', 'free_weights', 'unit_norms'],
  bias: ['biases', 'new_biases', 'decayed_biases'],
  target: ['targets'],
  loss: ['sample_losses', 'loss', 'penalty'],
  gradient: [
    'deltas',
    'slopes',
    'output_gradients',
    'upstream',
    'weight_gradients',
    'bias_gradients',
    'sample_weight_gradients',
    'clipped_weights',
    'clipped_biases',
    'gradient_norm',
  ],
};
const BY_KIND =
    new Map(Object.entries(ROLES).flatMap(([role, kinds]) => kinds.map((k) => [k, role])));

/** What the legend says of each role. */
export const LEGEND = {
  activation: 'input or output of a unit',
  sum: 'weighted sum',
  weight: 'weight',
  bias: 'bias',
  target: 'target',
  loss: 'loss',
  gradient: 'derivative',
  option: 'chosen or remembered',
};

/** Returns the role of a quantity. */
export function roleOf([, kind]) {
  return BY_KIND.get(kind) ?? 'option';
}
