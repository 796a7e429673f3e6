export type { ServerConnection } from './io/connection.js';
export {
  type DialFate,
  type NetworkOptions,
  SimulatedNetwork,
} from './testing/network.js';
export { seededRandom } from './testing/random.js';
export { VirtualClock } from './testing/virtual-clock.js';
