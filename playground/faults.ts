/** The buttons that break the network, and the picture of how things really are. */
import type { FaultRequest, FaultStatus, NetworkStatus } from './api.js';
import { type LaneName, laneNames } from './settings.js';

const ageLimit = 8000;
/** Shorter than the heartbeat's timeout: a stall alone kills nothing. */
const stallTime = 1500;

/** Whether the page's socket on a lane is connected, as far as it knows. */
type Believes = (lane: LaneName) => boolean;

interface FaultButton {
  readonly name: string;
  /** Done to a connection that is well, and not to break it. */
  readonly planned?: true;
  readonly title: string;
  readonly text: string;
  /** What to ask the playground's server for; `on` is whether it is in force already. Without: the page's own affair. */
  readonly body?: (on: boolean) => FaultRequest;
  /** Those that stay in force until pressed again. */
  readonly isOn?: (status: FaultStatus) => boolean;
  /** A word about what the fault is doing at the moment. */
  readonly active?: (status: FaultStatus, believes: Believes) => string | undefined;
}

const buttons: readonly FaultButton[] = [
  { name: 'cut', title: 'Cut', text: 'Reset every open connection.', body: () => ({}) },
  {
    name: 'stall',
    title: `Stall for ${stallTime / 1000}\u00a0s`,
    text: 'Hold every byte back, then deliver all of them.',
    body: () => ({ ms: stallTime }),
    active: ({ lanes }) => (lanes.session.network.stalled ? 'held' : undefined),
  },
  {
    name: 'blackhole',
    title: 'Blackhole',
    text: 'Swallow every byte of the open connections, and tell nobody.',
    body: () => ({}),
    active: ({ lanes }, believes) =>
      laneNames.some((name) => believes(name) && isDark(lanes[name].network)) ? 'dead' : undefined,
  },
  {
    name: 'refuse',
    title: 'Refuse dials',
    text: 'Close the port: no new connection can be made.',
    body: (on) => ({ on: !on }),
    isOn: ({ lanes }) => lanes.session.network.refusing,
  },
  {
    name: 'age',
    title: `Limit age to ${ageLimit / 1000}\u00a0s`,
    text: 'End each connection at that age, as load balancers do.',
    body: (on) => ({ ms: on ? null : ageLimit }),
    isOn: ({ lanes }) => lanes.session.network.ageLimit !== null,
  },
  {
    name: 'restart',
    title: 'Restart the server',
    text: 'It says goodbye, is away for 1.5 s, and comes back.',
    body: () => ({}),
    active: ({ servers }) => (servers[0]?.role === 'away' ? 'away' : undefined),
  },
  {
    name: 'rotate',
    planned: true,
    title: 'Rotate',
    text: 'Change to a fresh connection before the old one ends.',
  },
  {
    name: 'drain',
    planned: true,
    title: 'Deploy: drain the server',
    text: 'Start a new server, and have the old one send everybody there.',
    body: () => ({}),
    active: ({ servers }) => (servers.some(({ role }) => role === 'draining') ? 'draining' : undefined),
  },
];

/** Nothing but silenced connections is left. (A browser keeps one that was given up for another minute.) */
function isDark(network: NetworkStatus): boolean {
  return network.silent > 0 && network.silent === network.open;
}

export interface FaultsOptions {
  /** Where the buttons go: those that break something, and those that do not. */
  readonly list: HTMLElement;
  readonly planned: HTMLElement;
  /** Whose numbers to ask for. */
  readonly visitor: string;
  /** A button was pressed and the fault is in force, or lifted. */
  readonly onFault: (name: string) => void;
  readonly onStatus: (status: FaultStatus) => void;
  readonly believes: Believes;
  /** The page's own server did not answer. */
  readonly onError: (error: unknown) => void;
}

export class Faults {
  readonly #options: FaultsOptions;
  readonly #elements = new Map<FaultButton, HTMLButtonElement>();
  #status: FaultStatus | undefined;
  /** Answers that were overtaken by a later question are out of date. */
  #asked = 0;

  constructor(options: FaultsOptions) {
    this.#options = options;
    for (const button of buttons) {
      const element = document.createElement('button');
      element.type = 'button';
      element.id = `fault-${button.name}`;
      element.className = 'fault';
      for (const [tag, text] of Object.entries({ b: button.title, i: '', small: button.text })) {
        element.append(Object.assign(document.createElement(tag), { textContent: text }));
      }
      if (button.isOn) element.setAttribute('aria-pressed', 'false');
      element.addEventListener('click', () => this.#press(button));
      (button.planned ? options.planned : options.list).append(element);
      this.#elements.set(button, element);
    }
    setInterval(() => document.hidden || this.refresh(), 500);
  }

  /** Asks how things are now. */
  refresh(): Promise<FaultStatus | undefined> {
    return this.#ask('/faults');
  }

  /** How fast the server is to count to this page, in messages a second. */
  async count(rate: number): Promise<void> {
    await this.#ask('/faults/count', { rate });
  }

  async #press(button: FaultButton): Promise<void> {
    const on = this.#status !== undefined && button.isOn?.(this.#status) === true;
    // Before the request: its effect may be seen before its answer.
    this.#options.onFault(on ? `${button.name} off` : button.name);
    if (button.body) await this.#ask(`/faults/${button.name}`, button.body(on));
  }

  async #ask(path: string, body?: FaultRequest): Promise<FaultStatus | undefined> {
    const question = ++this.#asked;
    try {
      const headers = { 'content-type': 'application/json' };
      const address = `${path}?visitor=${this.#options.visitor}`;
      const response = await fetch(address, body ? { method: 'POST', headers, body: JSON.stringify(body) } : {});
      if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
      const status = (await response.json()) as FaultStatus;
      if (question === this.#asked) this.#show(status);
      return status;
    } catch (error) {
      this.#options.onError(error);
      return undefined;
    }
  }

  #show(status: FaultStatus): void {
    this.#status = status;
    for (const [button, element] of this.#elements) {
      const on = button.isOn?.(status);
      if (on !== undefined) element.setAttribute('aria-pressed', String(on));
      const active = on ? 'on' : button.active?.(status, this.#options.believes);
      element.toggleAttribute('data-active', active !== undefined);
      const chip = element.querySelector('i');
      if (chip) chip.textContent = active ?? '';
    }
    this.#options.onStatus(status);
  }
}

/** Draws how things really are on a lane: page, network, server, and the wires between them. */
export function showPath({ lanes, servers }: FaultStatus, lane: LaneName, believesConnected: boolean): void {
  const { network, connections } = lanes[lane];
  const running = servers[0]?.role !== 'away';
  const dark = isDark(network) && believesConnected;
  const troubles = [
    dark && 'swallows bytes',
    network.stalled && 'holds bytes back',
    network.refusing && 'refuses dials',
    network.ageLimit !== null && `cuts at ${network.ageLimit / 1000} s`,
  ].filter((trouble) => typeof trouble === 'string');
  const wire = dark ? 'dead' : network.open > network.silent && !network.stalled ? 'up' : 'down';
  const counted = lane === 'session' ? 'session' : 'connection';

  showNode('node-page', { text: believesConnected ? 'believes it is connected' : 'knows it is not connected' });
  showNode('node-network', {
    text: troubles.join(', ') || 'passes everything',
    wire,
    mood: dark || network.refusing ? 'bad' : troubles.length > 0 ? 'wait' : undefined,
  });
  showNode('node-server', {
    text: running ? `${connections} ${counted}${connections === 1 ? '' : 's'}` : 'restarting',
    wire: running ? wire : 'down',
    mood: running ? undefined : 'wait',
  });
}

function showNode(id: string, look: { text: string; wire?: string; mood?: string | undefined }): void {
  const node = document.getElementById(id);
  const text = node?.querySelector('span');
  if (!node || !text) return;
  text.textContent = look.text;
  if (look.wire) node.dataset.wire = look.wire;
  if (look.mood) node.dataset.mood = look.mood;
  else delete node.dataset.mood;
}
