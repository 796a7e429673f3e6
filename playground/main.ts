/** The page: two LongSockets through the same faults, one with a session and one without, and what becomes of them. */
import type { Inspection } from 'longsocket';
import type { FaultStatus } from './api.js';
import { CloserLook } from './closer-look.js';
import { Faults } from './faults.js';
import { showFleet } from './fleet-view.js';
import { Lane } from './lane.js';
import { LaneCard } from './lane-card.js';
import { byId, rates, setSettings, settings } from './page.js';
import { fillLegend, startPlot } from './plot.js';
import { type LaneName, laneNames, plainOptions, sessionOptions } from './settings.js';

/** Tells this page from others that have the same server. */
const visitor = Math.random().toString(36).slice(2, 8);

const lanes: Record<LaneName, Lane> = { session: newLane('session'), plain: newLane('plain') };
const bothLanes = laneNames.map((name) => lanes[name]);
const cards = bothLanes.map((lane) => new LaneCard(lane, byId(`lane-${lane.name}`), byId(`score-${lane.name}`)));
const look = new CloserLook(lanes[settings().watch]);

const faults = new Faults({
  list: byId('faults'),
  planned: byId('planned'),
  visitor,
  onFault: pressed,
  onStatus: showReality,
  believes: (name) => lanes[name].socket?.state.status === 'connected',
  onError: (error) => look.note(`The playground’s own server does not answer: ${error}`),
});

let hasHeartbeat = true;
let autoTimer: ReturnType<typeof setInterval> | undefined;
let countTimer: ReturnType<typeof setInterval> | undefined;

function newLane(name: LaneName): Lane {
  const lane: Lane = new Lane(name, (step) => stepped(lane, step));
  return lane;
}

function stepped(lane: Lane, step: Inspection): void {
  if (lane === look.lane) look.step(step);
  if (step.effects.some((effect) => effect.type === 'emit' && ['state', 'rotated'].includes(effect.event)))
    void faults.refresh();
}

/** A button of the faults, before anything has come of it. */
function pressed(name: string): void {
  for (const lane of bothLanes) {
    lane.history.fault(name);
    lane.log.you(name === 'rotate' ? 'rotate()' : name);
    if (name === 'blackhole') lane.bars.silence();
    if (name === 'rotate') lane.socket?.rotate();
  }
}

function showReality(status: FaultStatus): void {
  for (const lane of bothLanes) {
    lane.reality = status.lanes[lane.name];
    lane.heardThere = status.heard?.[lane.name] ?? lane.heardThere;
  }
  showFleet(byId('fleet'), status.servers);
  look.reality(status);
}

function show(): void {
  for (const card of cards) card.show();
  look.show();
}

/** Replaces the socket of a lane. */
function openSocket(name: LaneName): void {
  const lane = lanes[name];
  const url = lane.reality?.url;
  if (url === undefined) return;
  lane.open(`${url}?visitor=${visitor}`, name === 'session' ? sessionOptions : plainOptions(hasHeartbeat));
  if (lane === look.lane) look.watch(lane);
}

function watch(name: LaneName): void {
  setSettings({ watch: name });
  look.watch(lanes[name]);
}

/** Has both ends count at this rate. */
async function count(rate: number): Promise<void> {
  setSettings({ rate });
  clearInterval(countTimer);
  if (rate > 0) {
    countTimer = setInterval(() => {
      for (const lane of bothLanes) lane.say();
    }, 1000 / rate);
  }
  await faults.count(rate);
}

function toggleAuto(): void {
  if (autoTimer === undefined) autoTimer = setInterval(() => look.send(true), 1000);
  else clearInterval(autoTimer);
  const on = byId('auto').getAttribute('aria-pressed') !== 'true';
  if (!on) autoTimer = undefined;
  byId('auto').setAttribute('aria-pressed', String(on));
}

function toggleHeartbeat(): void {
  hasHeartbeat = !hasHeartbeat;
  byId('heartbeat').setAttribute('aria-pressed', String(hasHeartbeat));
  lanes.plain.log.you(`heartbeat ${hasHeartbeat ? 'on' : 'off'}, new socket`);
  openSocket('plain');
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
  look.send();
});
byId('auto').addEventListener('click', toggleAuto);
byId('heartbeat').addEventListener('click', toggleHeartbeat);
byId('reconnect').addEventListener('click', () => {
  look.lane.log.you('reconnect()');
  look.lane.socket?.reconnect();
});
byId('switch').addEventListener('click', () => {
  const { socket, log } = look.lane;
  const closed = socket?.state.status === 'closed';
  log.you(closed ? 'connect()' : 'close()');
  if (closed) socket?.connect();
  else socket?.close();
});
byId('copy-code').addEventListener('click', () => copy(byId('copy-code'), byId('code').textContent ?? ''));
byId('copy-log').addEventListener('click', () => copy(byId('copy-log'), JSON.stringify(look.lane.log, null, 2)));
for (const name of laneNames) byId(`watch-${name}`).addEventListener('click', () => watch(name));
byId('again').addEventListener('click', () => location.reload());
window.addEventListener('hashchange', () => location.reload());
// So that the server need not keep the session for a page that is gone.
window.addEventListener('pagehide', () => {
  for (const lane of bothLanes) lane.socket?.close();
});
window.addEventListener('pageshow', ({ persisted }) => persisted && location.reload());

const rate = byId<HTMLSelectElement>('rate');
for (const each of rates) rate.add(new Option(each === 0 ? 'none' : `${each} a second`, String(each)));
rate.value = String(settings().rate);
rate.addEventListener('change', () => void count(Number(rate.value)));

fillLegend(byId('legend'));
startPlot(byId('plot'), () => look.lane);
setInterval(() => document.hidden || show(), 100);

if (await faults.refresh()) {
  await count(settings().rate);
  for (const name of laneNames) openSocket(name);
}
