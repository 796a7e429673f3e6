/** One of the two sockets, looked at closely: its state in words, how things really are, its figures, its log and its code. */
import { type Inspection, LongSocketError, type State } from 'longsocket';
import type { FaultStatus } from './api.js';
import { showPath } from './faults.js';
import { type Look, lookOf } from './history.js';
import type { Lane } from './lane.js';
import { byId } from './page.js';
import { drainOptions, serverOptions } from './settings.js';
import { serverSnippet, snippet } from './snippet.js';
import { announce, because, duration, seconds } from './words.js';

const headlines: Record<Look, string> = {
  dialing: 'Connecting',
  waiting: 'Connecting',
  connected: 'Connected',
  closing: 'Closing',
  closed: 'Closed',
};

export class CloserLook {
  lane: Lane;
  #status: FaultStatus | undefined;
  #messages = 0;

  constructor(lane: Lane) {
    this.lane = lane;
  }

  /** Looks at another lane, or at the new socket of the same. */
  watch(lane: Lane): void {
    this.lane = lane;
    for (const name of ['session', 'plain']) {
      byId(`watch-${name}`).setAttribute('aria-pressed', String(name === lane.name));
    }
    byId('heartbeat-option').hidden = lane.name === 'session';
    byId('session-option').hidden = lane.name !== 'session';
    const { list } = lane.log;
    byId('log-scroll').replaceChildren(list);
    list.id = 'log';
    const server =
      lane.name === 'session' ? `\n// --- the server ---\n\n${serverSnippet(serverOptions, drainOptions)}` : '';
    byId('code').textContent = snippet(lane.url, lane.options) + server;
    this.note('');
    this.show();
  }

  note(text: string): void {
    byId('note').textContent = text;
  }

  /** Something happened to the socket. */
  step(step: Inspection): void {
    for (const effect of step.effects) {
      if (effect.type !== 'emit' || effect.event !== 'lost') continue;
      const { reason, undelivered, unknown } = effect.detail;
      this.note(`The server has lost the session (${reason}): ${undelivered} undelivered, ${unknown} unknown.`);
    }
    if (!step.effects.some((effect) => effect.type === 'emit' && effect.event === 'state')) return;
    const flushed = step.effects.filter(
      (effect) => effect.type === 'write' && !effect.heartbeat && !effect.control,
    ).length;
    if (flushed > 0)
      this.note(flushed === 1 ? 'The message that waited is sent.' : `The ${flushed} messages that waited are sent.`);
    byId('announcement').textContent = announce(step.state);
    this.show();
  }

  reality(status: FaultStatus): void {
    this.#status = status;
    this.show();
  }

  show(): void {
    const { socket, history, name } = this.lane;
    if (!socket) return;
    const { state } = socket;
    const look = lookOf(state);
    byId('status').dataset.look = look === 'connected' && this.#inDoubt() ? 'doubt' : look;
    byId('headline').textContent = headlines[look];
    byId('detail').textContent = this.#detailOf(state);
    byId('switch').textContent = state.status === 'closed' ? 'Connect' : 'Close';
    byId('figure-connections').textContent = String(history.connections);
    byId('figure-rotations').textContent = String(history.rotations);
    byId('figure-dials').textContent = String(history.dials);
    byId('figure-sent').textContent = String(history.sent);
    byId('figure-received').textContent = String(history.received);
    byId('figure-waiting').textContent = `${socket.bufferedAmount} B`;
    byId('figure-pending').textContent = name === 'session' ? String(socket.pending) : 'nobody knows';
    byId('figure-rtt').textContent = history.rtt === undefined ? '–' : duration(history.rtt);
    if (this.#status) showPath(this.#status, name, state.status === 'connected');
  }

  /** A probe has been unanswered for longer than a healthy answer takes. */
  #inDoubt(): boolean {
    return performance.now() - (this.lane.history.probedAt ?? Number.POSITIVE_INFINITY) > 300;
  }

  #detailOf(state: State): string {
    const now = performance.now();
    const { since, history } = this.lane;
    const why = state.status !== 'connected' && state.cause ? ` because ${because(state.cause)}` : '';
    if (state.status === 'closed') return `${why ? `Closed${why}. ` : ''}“Connect” begins a new life.`;
    if (state.status === 'connecting') {
      const left = state.delay - (now - since);
      return `Attempt ${state.attempt}, ${state.delay > 0 ? `dialing in ${seconds(left)}` : 'dialing now'}${why}.`;
    }
    if (state.closing) return 'Waiting for the server to agree.';
    const age = `Connection ${history.connections}, up for ${seconds(now - since)}.`;
    const { probedAt, heardAt } = history;
    if (probedAt !== undefined && this.#inDoubt()) {
      return `${age} Asked for a sign of life ${seconds(now - probedAt)} ago: no answer yet.`;
    }
    return heardAt === undefined ? age : `${age} Last heard from the server ${seconds(now - heardAt)} ago.`;
  }

  send(quietly = false): void {
    this.#messages += 1;
    const text = `${byId<HTMLInputElement>('text').value} ${this.#messages}`;
    try {
      const verdict = this.lane.socket?.send(text);
      const waits = verdict === 'queued' ? 'waits for a connection' : `was ${verdict}`;
      if (!quietly) this.note(`“${text}” ${waits}.`);
    } catch (error) {
      this.note(`“${text}” was not sent: ${error instanceof LongSocketError ? error.code : error}`);
    }
  }
}
