/** The buttons that break the network, and the picture of how things really are. */
import type { FaultRequest, FaultStatus } from './api.js';

const ageLimit = 8000;
/** Shorter than the heartbeat's timeout: a stall alone kills nothing. */
const stallTime = 1500;

interface FaultButton {
  readonly name: string;
  readonly title: string;
  readonly text: string;
  /** What to ask for; `on` is whether it is in force already. */
  readonly body: (on: boolean) => FaultRequest;
  /** Those that stay in force until pressed again. */
  readonly isOn?: (status: FaultStatus) => boolean;
  /** A word about what the fault is doing at the moment. */
  readonly active?: (status: FaultStatus, believesConnected: boolean) => string | undefined;
}

const buttons: readonly FaultButton[] = [
  { name: 'cut', title: 'Cut', text: 'Reset every open connection.', body: () => ({}) },
  {
    name: 'stall',
    title: `Stall for ${stallTime / 1000}\u00a0s`,
    text: 'Hold every byte back, then deliver all of them.',
    body: () => ({ ms: stallTime }),
    active: ({ network }) => (network.stalled ? 'held' : undefined),
  },
  {
    name: 'blackhole',
    title: 'Blackhole',
    text: 'Swallow every byte of the open connection, and tell nobody.',
    body: () => ({}),
    active: (status, believesConnected) => (believesConnected && isDark(status) ? 'dead' : undefined),
  },
  {
    name: 'refuse',
    title: 'Refuse dials',
    text: 'Close the port: no new connection can be made.',
    body: (on) => ({ on: !on }),
    isOn: ({ network }) => network.refusing,
  },
  {
    name: 'age',
    title: `Limit age to ${ageLimit / 1000}\u00a0s`,
    text: 'End each connection at that age, as load balancers do.',
    body: (on) => ({ ms: on ? null : ageLimit }),
    isOn: ({ network }) => network.ageLimit !== null,
  },
  {
    name: 'restart',
    title: 'Restart the server',
    text: 'It says goodbye, is away for 1.5 s, and comes back.',
    body: () => ({}),
    active: ({ server }) => (server.running ? undefined : 'away'),
  },
];

/** Nothing but silenced connections is left. (A browser keeps one that was given up for another minute.) */
function isDark({ network }: FaultStatus): boolean {
  return network.silent > 0 && network.silent === network.open;
}

export interface FaultsOptions {
  readonly list: HTMLElement;
  /** A button was pressed and the fault is in force, or lifted. */
  readonly onFault: (name: string) => void;
  readonly onStatus: (status: FaultStatus) => void;
  readonly believesConnected: () => boolean;
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
      options.list.append(element);
      this.#elements.set(button, element);
    }
    setInterval(() => document.hidden || this.refresh(), 1000);
  }

  /** Asks how things are now. */
  refresh(): Promise<FaultStatus | undefined> {
    return this.#ask('/faults');
  }

  async #press(button: FaultButton): Promise<void> {
    const on = this.#status !== undefined && button.isOn?.(this.#status) === true;
    // Before the request: its effect may be seen before its answer.
    this.#options.onFault(on ? `${button.name} off` : button.name);
    await this.#ask(`/faults/${button.name}`, button.body(on));
  }

  async #ask(path: string, body?: FaultRequest): Promise<FaultStatus | undefined> {
    const question = ++this.#asked;
    try {
      const headers = { 'content-type': 'application/json' };
      const response = await fetch(path, body ? { method: 'POST', headers, body: JSON.stringify(body) } : {});
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
      const active = on ? 'on' : button.active?.(status, this.#options.believesConnected());
      element.toggleAttribute('data-active', active !== undefined);
      const chip = element.querySelector('i');
      if (chip) chip.textContent = active ?? '';
    }
    this.#options.onStatus(status);
  }
}

/** Draws how things really are: page, network, server, and the wires between them. */
export function showPath(status: FaultStatus, believesConnected: boolean): void {
  const { network, server } = status;
  const dark = isDark(status) && believesConnected;
  const troubles = [
    dark && 'swallows bytes',
    network.stalled && 'holds bytes back',
    network.refusing && 'refuses dials',
    network.ageLimit !== null && `cuts at ${network.ageLimit / 1000} s`,
  ].filter((trouble) => typeof trouble === 'string');
  const wire = dark ? 'dead' : network.open > network.silent && !network.stalled ? 'up' : 'down';

  showNode('node-page', { text: believesConnected ? 'believes it is connected' : 'knows it is not connected' });
  showNode('node-network', {
    text: troubles.join(', ') || 'passes everything',
    wire,
    mood: dark || network.refusing ? 'bad' : troubles.length > 0 ? 'wait' : undefined,
  });
  showNode('node-server', {
    text: server.running ? `${server.connections} connection${server.connections === 1 ? '' : 's'}` : 'restarting',
    wire: server.running ? wire : 'down',
    mood: server.running ? undefined : 'wait',
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
