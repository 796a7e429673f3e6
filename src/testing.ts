export {
  type DialFate,
  type NetworkOptions,
  type ServerConnection,
  SimulatedNetwork,
} from './testing/network.js';
export { seededRandom } from './testing/random.js';
export { VirtualClock } from './testing/virtual-clock.js';
