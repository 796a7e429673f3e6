import { expect } from 'vitest';
import { clientConfig } from '../../../src/client/options.js';
import { TOKEN } from '../../../src/core/frames.js';
import type { Peer } from '../../../src/core/peer.js';
import { Registry, type RegistryEffect, type RegistryInput } from '../../../src/core/registry.js';
import { Session } from '../../../src/core/session.js';
import type { ConnectionId, Data, Effect, Input, PeerSnapshot } from '../../../src/core/types.js';
import { peerConfig } from '../../../src/server/options.js';

/** A line of a transcript, in the notation that PROTOCOL.md explains. */
export type Line =
  /** A frame on a connection: leaves its sender, arrives at its receiver, or both. */
  | {
      readonly kind: 'frame';
      readonly on: string;
      readonly from: Side;
      readonly sent: boolean;
      readonly arrives: boolean;
      readonly frame: string;
    }
  | { readonly kind: 'connection'; readonly on: string; readonly event: 'open' | 'cut'; readonly where: string }
  /** What an application does, or is given. */
  | { readonly kind: 'application'; readonly at: Side; readonly verb: string; readonly rest: string }
  | { readonly kind: 'wait'; readonly ms: number };

export type Side = 'client' | 'server';

export interface Transcript {
  readonly title: string;
  readonly lines: readonly (Line & { readonly text: string })[];
}

const DLE = '\u0010';

/** Every transcript of a document, under the heading that stands last before it. */
export function transcriptsOf(document: string): Transcript[] {
  let title = '';
  const transcripts: Transcript[] = [];
  for (const [, heading, body] of document.matchAll(/^#+ (.+)$|^```transcript\n([\s\S]*?)^```$/gm)) {
    if (heading !== undefined) title = heading;
    else {
      const lines = unrolled(body as string)
        .split('\n')
        .flatMap(lineOf);
      expectSent(lines);
      transcripts.push({ title, lines });
    }
  }
  return transcripts;
}

/** What arrives late has set out before. */
function expectSent(lines: Transcript['lines']): void {
  const underWay: string[] = [];
  for (const line of lines) {
    if (line.kind !== 'frame' || line.text.charAt(2) === '!') continue;
    const what = `${line.on} ${line.from} ${line.frame}`;
    if (!line.arrives) underWay.push(what);
    else if (!line.sent) {
      const index = underWay.indexOf(what);
      if (index < 0) throw new Error(`nobody has sent what arrives: ${line.text}`);
      underWay.splice(index, 1);
    }
  }
}

/** `3 times`, and indented below it what happens so often. */
function unrolled(body: string): string {
  return body.replace(/^(\d+) times\n((?: {2}.*\n)+)/gm, (_, times, block) => block.repeat(Number(times)));
}

function lineOf(line: string): (Line & { text: string })[] {
  const text = line.replace(/(^|\s{2,})# .*$/, '').trim();
  if (text === '') return [];
  const frame = /^([A-Z]) (>|>\.|[.!]>|<|<\.|[.!]<) +(\S.*)$/.exec(text);
  if (frame) {
    const [, on, arrow, content] = frame as unknown as [string, string, string, string];
    const from = arrow.includes('>') ? 'client' : 'server';
    const [sent, arrives] = [!/^[.!]/.test(arrow), !arrow.endsWith('.')];
    return [{ kind: 'frame', on, from, sent, arrives, frame: canonical(content.replaceAll('␐', DLE)), text }];
  }
  const connection = /^([A-Z]) (open|cut)(?: at (\S+))?$/.exec(text);
  if (connection) {
    const [, on, event, where = ''] = connection as unknown as [string, string, 'open' | 'cut', string?];
    return [{ kind: 'connection', on, event, where, text }];
  }
  const wait = /^wait (\d+)$/.exec(text);
  if (wait) return [{ kind: 'wait', ms: Number(wait[1]), text }];
  const application = /^(client|server) (\w+)(?: (.*))?$/.exec(text);
  if (!application) throw new Error(`not a line of a transcript: ${text}`);
  const [, at, verb, rest = ''] = application as unknown as [string, Side, string, string?];
  return [{ kind: 'application', at, verb, rest: rest.replaceAll('␐', DLE), text }];
}

/** JSON says the same in any order. */
function canonical(frame: string): string {
  const json = new RegExp(`^(${DLE}[A-Z])(\\{.*\\})$`).exec(frame);
  if (!json) return frame;
  const fields = Object.entries(JSON.parse(json[2] as string));
  return `${json[1]}${JSON.stringify(Object.fromEntries(fields.sort(([a], [b]) => (a < b ? -1 : 1))))}`;
}

const textOf = (data: Data): string =>
  typeof data === 'string'
    ? canonical(data)
    : `<${[...new Uint8Array(data as ArrayBuffer)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ')}>`;

function dataOf(frame: string): Data {
  const bytes = /^<([0-9a-f ]*)>$/.exec(frame);
  return bytes ? Uint8Array.from((bytes[1] as string).split(' ').filter(Boolean), (byte) => parseInt(byte, 16)) : frame;
}

const isClose = (frame: string): boolean => /^close \d+$/.test(frame);

/** One end of a transcript: the real machine, to which the other end's lines happen, and whose own must be as written. */
abstract class Player {
  protected now = 0;
  /** Its application takes messages one by one, and says so with `reads`. */
  protected readonly pulls: boolean;
  protected readonly frames: { readonly on: string; readonly frame: string }[] = [];
  /** What the application was given or told. */
  protected readonly told: { readonly verb: string; readonly rest: string; readonly detail?: unknown }[] = [];
  abstract readonly side: Side;

  constructor({ lines }: Transcript, side: Side) {
    this.pulls = lines.some((line) => line.kind === 'application' && line.at === side && line.verb === 'reads');
  }

  /** Lets it all happen, and says where the transcript is wrong. */
  play({ lines }: Transcript): void {
    for (const [index, line] of lines.entries()) {
      try {
        this.#line(line);
      } catch (error) {
        const before = lines.slice(Math.max(0, index - 4), index).map(({ text }) => `    ${text}`);
        throw new Error([...before, `  ▶ ${line.text}`, `at the ${this.side}: ${(error as Error).message}`].join('\n'));
      }
    }
    this.#expectQuiet('the end');
  }

  #line(line: Line): void {
    switch (line.kind) {
      case 'frame':
        if (line.from === this.side) {
          if (line.sent) this.#expectFrame(line.on, line.frame);
          if (line.sent && line.arrives && isClose(line.frame)) this.answered(line.on, line.frame);
        } else if (line.arrives && isClose(line.frame)) this.#closedByOther(line.on, line.frame);
        else if (line.arrives) {
          const closes = this.frames.filter(({ frame }) => isClose(frame));
          expect(closes, 'closed before this arrives, and not in the transcript').toEqual([]);
          this.receives(line.on, dataOf(line.frame));
        }
        break;
      case 'connection':
        if (line.event === 'open') {
          this.#expectQuiet('this connection');
          this.opens(line.on, line.where);
        } else if (line.where === '' || line.where === this.side) this.ends(line.on, 1006);
        break;
      case 'wait':
        this.#expectQuiet('the wait');
        this.waits(this.now + line.ms);
        break;
      case 'application':
        if (line.at !== this.side) break;
        if (line.verb === 'gets' || line.verb === 'told') this.#expectTold(line.verb, line.rest);
        else {
          this.#expectQuiet('this');
          this.does(line.verb, line.rest);
        }
        break;
    }
  }

  #expectFrame(on: string, frame: string): void {
    const index = this.frames.findIndex((next) => !isClose(next.frame) || (next.on === on && next.frame === frame));
    expect(this.frames[index] ?? 'nothing is sent', 'what is sent').toEqual({ on, frame });
    this.frames.splice(index, 1);
  }

  #expectTold(verb: string, rest: string): void {
    const [name = '', ...json] = verb === 'gets' ? [rest] : rest.split(' ');
    const next = this.told.shift();
    expect(next ? { verb: next.verb, rest: next.rest } : 'nothing', 'what the application sees').toEqual({
      verb,
      rest: name,
    });
    if (json.length > 0) expect(next?.detail, 'what the application is told').toMatchObject(JSON.parse(json.join(' ')));
  }

  #expectQuiet(before: string): void {
    expect(this.frames, `sent before ${before}, and not in the transcript`).toEqual([]);
    expect(this.told, `told to the application before ${before}, and not in the transcript`).toEqual([]);
  }

  /** If this end has closed it as well, the two close frames cross, and only one is written down. */
  #closedByOther(on: string, frame: string): void {
    const own = this.frames.findIndex((next) => next.on === on && isClose(next.frame));
    if (own >= 0) this.frames.splice(own, 1);
    this.ends(on, Number(frame.slice(6)));
  }

  protected abstract opens(on: string, where: string): void;
  protected abstract receives(on: string, data: Data): void;
  protected abstract ends(on: string, code: number): void;
  /** The other end's close frame answers our own. */
  protected abstract answered(on: string, frame: string): void;
  protected abstract does(verb: string, rest: string): void;
  protected abstract waits(until: number): void;

  /** Effects that can be seen from outside. */
  protected note(effect: Effect, nameOf: (id: ConnectionId) => string): void {
    switch (effect.type) {
      case 'write':
        this.frames.push({ on: nameOf(effect.id), frame: textOf(effect.data) });
        break;
      case 'hang-up':
      case 'terminate':
        this.frames.push({ on: nameOf(effect.id), frame: `close ${effect.code}` });
        break;
      case 'message':
        if (!this.pulls) this.told.push({ verb: 'gets', rest: textOf(effect.data) });
        break;
      case 'emit':
        if (['interrupted', 'rotated', 'lost', 'close'].includes(effect.event)) {
          this.told.push({ verb: 'told', rest: effect.event, detail: effect.detail });
        }
        break;
    }
  }
}

/** When a machine does not come to rest. */
const MOST_STEPS = 1000;

export class ClientPlayer extends Player {
  readonly side = 'client';
  readonly #session = new Session(clientConfig('ws://server', { session: true, random: () => 0.5 }));
  readonly #ids = new Map<string, ConnectionId>();
  #dialed: ConnectionId | undefined;

  constructor(transcript: Transcript) {
    super(transcript, 'client');
    this.#step({ type: 'connect' });
    if (!this.pulls) this.#step({ type: 'read', number: 0, pulls: false });
  }

  #step(input: Input): void {
    for (const effect of [...this.#session.step(input, this.now)]) {
      if (effect.type === 'dial') this.#dialed = effect.id;
      // Nobody sees the end of a dial that came to nothing.
      if (effect.type === 'terminate' && effect.id === this.#dialed) this.#dialed = undefined;
      else this.note(effect, (id) => [...this.#ids].find(([, known]) => known === id)?.[0] ?? 'a dial');
    }
    if (this.#session.flushes) this.#step({ type: 'flush' });
  }

  #id(on: string): ConnectionId {
    const id = this.#ids.get(on);
    if (id === undefined) throw new Error(`connection ${on} was never open`);
    return id;
  }

  protected opens(on: string): void {
    if (this.#dialed === undefined) throw new Error('nobody has dialed');
    this.#ids.set(on, this.#dialed);
    this.#dialed = undefined;
    this.#step({ type: 'connection-open', id: this.#id(on), canPing: false, protocol: TOKEN });
  }

  protected receives(on: string, data: Data): void {
    this.#step({ type: 'message-received', id: this.#id(on), data });
  }

  protected ends(on: string, code: number): void {
    this.#step({ type: 'connection-close', id: this.#id(on), code, reason: '', wasClean: code !== 1006 });
  }

  protected answered(on: string, frame: string): void {
    this.ends(on, Number(frame.slice(6)));
  }

  protected does(verb: string, rest: string): void {
    const [first = '', ...others] = rest.split(' ');
    if (verb === 'sends') this.#step({ type: 'send', data: dataOf(rest) });
    else if (verb === 'rotates') this.#step({ type: 'rotate' });
    else if (verb === 'wakes') this.#step({ type: 'wake' });
    else if (verb === 'closes') this.#step({ type: 'close', code: Number(first), reason: others.join(' ') });
    else if (verb === 'reads') this.#step({ type: 'read', number: Number(first), pulls: true });
    else throw new Error(`nothing that a client does: ${verb}`);
  }

  protected waits(until: number): void {
    for (let steps = 0; steps < MOST_STEPS && (this.#session.deadline ?? Infinity) <= until; steps++) {
      this.now = Math.max(this.now, this.#session.deadline as number);
      this.#step({ type: 'timeout' });
    }
    this.now = until;
  }
}

interface Node {
  readonly name: string;
  readonly registry: Registry;
  readonly peers: Map<string, Peer>;
}

/** The servers: one, or two that share a store. */
export class ServerPlayer extends Player {
  readonly side = 'server';
  readonly #nodes: Node[] = [];
  readonly #connections = new Map<ConnectionId, { readonly on: string; readonly node: Node; session?: string }>();
  #sessions = 0;

  constructor(transcript: Transcript) {
    super(transcript, 'server');
    const { lines } = transcript;
    const names = new Set(lines.flatMap((line) => (line.kind === 'connection' && line.where) || []));
    names.delete('client');
    names.delete('server');
    const hasStore = names.size > 0;
    for (const name of ['', ...names]) {
      const registry = new Registry({
        peer: peerConfig({}, { bytes: 0 }),
        helloTimeout: 15_000,
        maxSessions: 100,
        maxSessionsPerPrincipal: 20,
        hasStore,
        entropy: () => ({ session: `s${++this.#sessions}`, key: `k${this.#sessions}` }),
        hash: (key) => `hash of ${key}`,
      });
      this.#nodes.push({ name, registry, peers: new Map() });
    }
  }

  #register(node: Node, input: RegistryInput): void {
    for (const effect of node.registry.step(input, this.now)) this.#perform(node, effect);
  }

  #perform(node: Node, effect: RegistryEffect): void {
    switch (effect.type) {
      case 'admit':
      case 'restore': {
        const { peer } = effect;
        node.peers.set(peer.session, peer);
        if (effect.type === 'admit') this.#attach(node, effect.id, peer.session);
        if (!this.pulls) this.#step(node, peer, { type: 'read', number: 0, pulls: false });
        break;
      }
      case 'attach':
        this.#attach(node, effect.id, effect.session, effect.resume);
        break;
      case 'refuse':
        this.note({ type: 'write', id: effect.id, data: encodeGone(effect.gone) }, this.#nameOf);
        this.note({ type: 'hang-up', id: effect.id, code: effect.code, reason: '' }, this.#nameOf);
        break;
      case 'close':
        this.note({ type: 'terminate', id: effect.id, code: effect.code, reason: '' }, this.#nameOf);
        break;
      case 'claim': {
        const { session } = effect.claim;
        const owner = this.#nodes.find(({ registry }) => registry.mayRelease(effect.claim));
        if (!owner) this.#register(node, { type: 'claimed', session, snapshot: undefined });
        else {
          const { keyHash, principal } = owner.registry.belongings(session) as {
            keyHash: string;
            principal: undefined;
          };
          const peer = this.#release(owner, owner.peers.get(session) as Peer) as PeerSnapshot;
          this.#register(node, { type: 'claimed', session, snapshot: { session, keyHash, principal, peer } });
        }
        break;
      }
      case 'evict':
        this.#step(node, node.peers.get(effect.session) as Peer, { type: 'evict', why: 'evicted' });
        break;
      case 'go-away': {
        const { session, ...instruction } = effect;
        this.#step(node, node.peers.get(session) as Peer, instruction);
        break;
      }
    }
  }

  #attach(node: Node, id: ConnectionId, session: string, resume?: Extract<Input, { type: 'attach' }>['resume']): void {
    const connection = this.#connections.get(id);
    if (connection) connection.session = session;
    this.#step(node, node.peers.get(session) as Peer, { type: 'attach', id, jitter: 0.5, resume });
  }

  #release(node: Node, peer: Peer): PeerSnapshot | undefined {
    return this.#step(node, peer, { type: 'release' });
  }

  #step(node: Node, peer: Peer, input: Input): PeerSnapshot | undefined {
    let snapshot: PeerSnapshot | undefined;
    for (const effect of [...peer.step(input, this.now)]) {
      if (effect.type === 'released') snapshot = effect.snapshot;
      else if (effect.type === 'ended') {
        node.peers.delete(peer.session);
        this.#register(node, { type: 'ended', session: peer.session, remains: effect.remains });
      } else if (effect.type !== 'emit' || (effect.event === 'close' && effect.detail.cause !== 'moved')) {
        this.note(effect, this.#nameOf);
      }
    }
    if (peer.flushes) this.#step(node, peer, { type: 'flush' });
    return snapshot;
  }

  readonly #nameOf = (id: ConnectionId): string => this.#connections.get(id)?.on ?? `connection ${id}`;

  #connection(on: string) {
    const known = [...this.#connections].find(([, connection]) => connection.on === on);
    if (!known) throw new Error(`connection ${on} was never open`);
    const [id, { node, session }] = known;
    return { id, node, peer: session === undefined ? undefined : node.peers.get(session) };
  }

  /** The one session there is. */
  get #one(): [Node, Peer] {
    for (const node of this.#nodes) for (const peer of node.peers.values()) return [node, peer];
    throw new Error('there is no session');
  }

  protected opens(on: string, where: string): void {
    const node = this.#nodes.find(({ name }) => name === where) as Node;
    const id = this.#connections.size + 1;
    this.#connections.set(id, { on, node });
    this.#register(node, { type: 'arrived', id, inner: '', principal: undefined, source: 'there' });
  }

  protected receives(on: string, data: Data): void {
    const { id, node, peer } = this.#connection(on);
    if (peer) this.#step(node, peer, { type: 'message-received', id, data });
    else this.#register(node, { type: 'greeting', id, data });
  }

  protected ends(on: string, code: number): void {
    const { id, node, peer } = this.#connection(on);
    const end = { code, reason: '', wasClean: code !== 1006 };
    if (peer) this.#step(node, peer, { type: 'connection-close', id, ...end });
    else this.#register(node, { type: 'left', id });
  }

  protected answered(): void {}

  protected does(verb: string, rest: string): void {
    const [first = '', ...others] = rest.split(' ');
    if (verb === 'drains') {
      const [node] = this.#nodes;
      this.#register(node as Node, { type: 'drain', within: Number(first), rate: Number(others[0]) });
      return;
    }
    if (verb === 'restarts') {
      for (const { peers } of this.#nodes) peers.clear();
      this.#nodes.splice(0, 1, ...new ServerPlayer({ title: '', lines: [] }).#nodes);
      return;
    }
    const [node, peer] = this.#one;
    if (verb === 'sends') this.#step(node, peer, { type: 'send', data: dataOf(rest) });
    else if (verb === 'closes') {
      this.#step(node, peer, { type: 'close', code: Number(first), reason: others.join(' ') });
    } else if (verb === 'reads') this.#step(node, peer, { type: 'read', number: Number(first), pulls: true });
    else if (verb === 'evicts') this.#step(node, peer, { type: 'evict', why: 'evicted' });
    else throw new Error(`nothing that a server does: ${verb}`);
  }

  protected waits(until: number): void {
    for (let steps = 0; steps < MOST_STEPS; steps++) {
      const due = this.#due(until);
      if (!due) break;
      this.now = Math.max(this.now, due.at);
      due.happens();
    }
    this.now = until;
  }

  #due(until: number): { readonly at: number; readonly happens: () => void } | undefined {
    const all = this.#nodes.flatMap((node) => [
      { at: node.registry.deadline ?? Infinity, happens: () => this.#register(node, { type: 'timeout' }) },
      ...[...node.peers.values()].map((peer) => ({
        at: peer.deadline ?? Infinity,
        happens: () => void this.#step(node, peer, { type: 'timeout' }),
      })),
    ]);
    return all.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
  }
}

function encodeGone({ letter, ...fields }: { readonly letter: string }): string {
  return `${DLE}${letter}${JSON.stringify(fields)}`;
}
