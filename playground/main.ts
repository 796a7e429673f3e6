/** The page: one LongSocket, and everything that shows what becomes of it. */
import { type Inspection, LongSocket, LongSocketError, type LongSocketOptions, type State } from 'longsocket';
import type { FaultStatus } from './api.js';
import { Faults, showPath } from './faults.js';
import { History, type Look, lookOf } from './history.js';
import { Log } from './log.js';
import { fillLegend, startPlot } from './plot.js';
import { snippet } from './snippet.js';
import { announce, because, duration, seconds } from './words.js';

const heartbeat: LongSocketOptions['heartbeat'] = {
  message: 'ping',
  isReply: (data) => data === 'pong',
  interval: 3000,
  timeout: 2000,
};

/** Short waits, so that nobody has to wait for the point. */
const patience = { connectTimeout: 4000, backoffCap: 5000 };

function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no #${id}`);
  return element as T;
}

const history = new History();
const log = new Log(byId('log'));
const faults = new Faults({
  list: byId('faults'),
  onFault: (name) => {
    history.fault(name);
    log.you(name);
  },
  onStatus: (status) => {
    reality = status;
    showStatus();
  },
  believesConnected: () => socket?.state.status === 'connected',
  onError: (error) => note(`The playground’s own server does not answer: ${error}`),
});

let reality: FaultStatus | undefined;
let socket: LongSocket | undefined;
/** Counts the sockets, so that the last words of a replaced one are not taken for its successor's. */
let generation = 0;
let url = '';
let hasHeartbeat = true;
/** When the state last changed. */
let since = performance.now();
let autoTimer: ReturnType<typeof setInterval> | undefined;
let messages = 0;

const headlines: Record<Look, string> = {
  dialing: 'Connecting',
  waiting: 'Connecting',
  connected: 'Connected',
  closing: 'Closing',
  closed: 'Closed',
};

function note(text: string): void {
  byId('note').textContent = text;
}

/** Replaces the socket on screen, and its code. */
function openSocket(): void {
  socket?.close();
  generation += 1;
  const mine = generation;
  const options: LongSocketOptions = { heartbeat: hasHeartbeat ? heartbeat : false, ...patience };
  const inspect = (step: Inspection): void => {
    if (mine === generation) show(step);
  };
  socket = new LongSocket(url, { ...options, inspect });
  byId('code').textContent = snippet(url, options);
  showStatus();
}

function show(step: Inspection): void {
  history.step(step);
  log.step(step);
  if (!step.effects.some((effect) => effect.type === 'emit' && effect.event === 'state')) return;
  since = performance.now();
  const flushed = step.effects.filter((effect) => effect.type === 'write' && !effect.heartbeat).length;
  if (flushed > 0)
    note(flushed === 1 ? 'The message that waited is sent.' : `The ${flushed} messages that waited are sent.`);
  byId('announcement').textContent = announce(step.state);
  showStatus();
  void faults.refresh();
}

function showStatus(): void {
  if (!socket) return;
  const { state } = socket;
  const look = lookOf(state);
  byId('status').dataset.look = look === 'connected' && inDoubt() ? 'doubt' : look;
  byId('headline').textContent = headlines[look];
  byId('detail').textContent = detailOf(state);
  byId('switch').textContent = state.status === 'closed' ? 'Connect' : 'Close';
  byId('figure-connections').textContent = String(history.connections);
  byId('figure-dials').textContent = String(history.dials);
  byId('figure-sent').textContent = String(history.sent);
  byId('figure-received').textContent = String(history.received);
  byId('figure-waiting').textContent = `${socket.bufferedAmount} B`;
  byId('figure-rtt').textContent = history.rtt === undefined ? '–' : duration(history.rtt);
  if (reality) showPath(reality, state.status === 'connected');
}

/** A probe has been unanswered for longer than a healthy answer takes. */
function inDoubt(): boolean {
  return performance.now() - (history.probedAt ?? Number.POSITIVE_INFINITY) > 300;
}

function detailOf(state: State): string {
  const now = performance.now();
  const why = state.status !== 'connected' && state.cause ? ` because ${because(state.cause)}` : '';
  if (state.status === 'closed') return `${why ? `Closed${why}. ` : ''}“Connect” begins a new life.`;
  if (state.status === 'connecting') {
    const left = state.delay - (now - since);
    return `Attempt ${state.attempt}, ${state.delay > 0 ? `dialing in ${seconds(left)}` : 'dialing now'}${why}.`;
  }
  if (state.closing) return 'Waiting for the server to agree.';
  const age = `Connection ${history.connections}, up for ${seconds(now - since)}.`;
  const { probedAt, heardAt } = history;
  if (probedAt !== undefined && inDoubt()) {
    return `${age} Asked for a sign of life ${seconds(now - probedAt)} ago: no answer yet.`;
  }
  return heardAt === undefined ? age : `${age} Last heard from the server ${seconds(now - heardAt)} ago.`;
}

function send(quietly = false): void {
  messages += 1;
  const text = `${byId<HTMLInputElement>('text').value} ${messages}`;
  try {
    const verdict = socket?.send(text);
    const waits = verdict === 'queued' ? 'waits for a connection' : `was ${verdict}`;
    if (!quietly) note(`“${text}” ${waits}.`);
  } catch (error) {
    note(`“${text}” was not sent: ${error instanceof LongSocketError ? error.code : error}`);
  }
}

function toggleAuto(): void {
  if (autoTimer === undefined) autoTimer = setInterval(() => send(true), 1000);
  else clearInterval(autoTimer);
  const on = byId('auto').getAttribute('aria-pressed') !== 'true';
  if (!on) autoTimer = undefined;
  byId('auto').setAttribute('aria-pressed', String(on));
}

function toggleHeartbeat(): void {
  hasHeartbeat = !hasHeartbeat;
  byId('heartbeat').setAttribute('aria-pressed', String(hasHeartbeat));
  log.you(`heartbeat ${hasHeartbeat ? 'on' : 'off'}, new socket`);
  openSocket();
}

async function copy(button: HTMLElement, text: string): Promise<void> {
  const label = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = 'Copied';
  } catch {
    button.textContent = 'Not allowed';
  }
  setTimeout(() => {
    button.textContent = label;
  }, 1500);
}

byId('send').addEventListener('submit', (event) => {
  event.preventDefault();
  send();
});
byId('auto').addEventListener('click', toggleAuto);
byId('heartbeat').addEventListener('click', toggleHeartbeat);
byId('reconnect').addEventListener('click', () => {
  log.you('reconnect()');
  socket?.reconnect();
});
byId('switch').addEventListener('click', () => {
  const closed = socket?.state.status === 'closed';
  log.you(closed ? 'connect()' : 'close()');
  if (closed) socket?.connect();
  else socket?.close();
});
byId('copy-code').addEventListener('click', () => copy(byId('copy-code'), byId('code').textContent ?? ''));
byId('copy-log').addEventListener('click', () => copy(byId('copy-log'), JSON.stringify(log, null, 2)));

fillLegend(byId('legend'));
startPlot(byId('plot'), history);
setInterval(() => document.hidden || showStatus(), 100);

const status = await faults.refresh();
if (status) {
  url = status.url;
  openSocket();
}
