/** The timeline: lanes of what happened above, the round-trip time below, over the same minute. */
import 'uplot/dist/uPlot.min.css';
import uPlot from 'uplot';
import {
  base,
  drawBars,
  drawCross,
  drawFault,
  font,
  keepDrawing,
  lately,
  type Pen,
  penOf,
  stroke,
  type Tones,
  timeAxis,
  tonesOf,
} from './canvas.js';
import type { Look, Mark } from './history.js';
import type { Lane } from './lane.js';

/** Seconds on screen. */
const shown = 60;
const lanes = ['State', 'Connections', 'Dials', 'Heartbeat', 'Sent', 'Received'] as const;
type Lanes = (typeof lanes)[number];
type Shape = 'ring' | 'disc' | 'cross' | 'tick';

const looks: Record<Look, { tone: string; label: string }> = {
  connected: { tone: 'ok', label: 'connected' },
  dialing: { tone: 'busy', label: 'dialing' },
  waiting: { tone: 'wait', label: 'waiting to dial' },
  closing: { tone: 'gone', label: 'closing' },
  closed: { tone: 'gone', label: 'closed' },
};

/** Told apart by shape as well as by colour. */
const marks: Record<Mark, { lane: Lanes; shape: Shape; tone: string; label?: string }> = {
  dial: { lane: 'Dials', shape: 'ring', tone: 'busy', label: 'asked' },
  opened: { lane: 'Dials', shape: 'disc', tone: 'ok', label: 'answered' },
  'dial-failed': { lane: 'Dials', shape: 'cross', tone: 'bad', label: 'failed or lost' },
  lost: { lane: 'State', shape: 'cross', tone: 'bad' },
  probe: { lane: 'Heartbeat', shape: 'ring', tone: 'busy' },
  reply: { lane: 'Heartbeat', shape: 'disc', tone: 'ok' },
  'probe-unanswered': { lane: 'Heartbeat', shape: 'cross', tone: 'bad' },
  sent: { lane: 'Sent', shape: 'tick', tone: 'accent', label: 'message' },
  received: { lane: 'Received', shape: 'tick', tone: 'accent' },
};

const laneHeight = 32;
const axisWidth = 88;

/** What is drawn: the socket that is looked at, which may change. */
export type Watched = () => Pick<Lane, 'history' | 'bars'>;

/** Draws what is watched into `target`, again and again until the page goes away. */
export function startPlot(target: HTMLElement, watched: Watched): void {
  const tones = (): Tones => tonesOf(document.documentElement);
  const top = new uPlot(laneOptions(watched, tones), [[0], [null]], target);
  const bottom = new uPlot(rttOptions(tones), [[0], [null]], target);
  const resize = (): void => {
    const width = target.clientWidth;
    const topHeight = lanes.length * laneHeight + 34;
    top.setSize({ width, height: topHeight });
    bottom.setSize({ width, height: Math.max(120, target.clientHeight - topHeight) });
  };
  keepDrawing(target, [top, bottom], resize, () => {
    const now = performance.now() / 1000;
    const { samples } = watched().history;
    top.setData([
      [now - shown, now],
      [0, 0],
    ]);
    bottom.setData([samples.map(({ at }) => at / 1000), samples.map(({ rtt }) => rtt)]);
  });
}

/** What the shapes and colours mean, into a list. */
export function fillLegend(list: HTMLElement): void {
  const items = [
    ...Object.values(looks)
      .slice(0, 3)
      .map(({ tone, label }) => ({ label, svg: `<rect y="3" width="16" height="8" rx="2" fill="var(--${tone})" />` })),
    ...Object.values(marks).flatMap(({ shape, tone, label }) => (label ? [{ label, svg: glyph(shape, tone) }] : [])),
  ];
  for (const { label, svg } of items) {
    const item = document.createElement('li');
    item.innerHTML = `<svg width="16" height="14" aria-hidden="true">${svg}</svg>`;
    item.append(label);
    list.append(item);
  }
}

function glyph(shape: Shape, tone: string): string {
  const stroke = `stroke="var(--${tone})" stroke-width="2"`;
  if (shape === 'ring') return `<circle cx="8" cy="7" r="4.5" fill="none" ${stroke} />`;
  if (shape === 'disc') return `<circle cx="8" cy="7" r="4.5" fill="var(--${tone})" />`;
  if (shape === 'cross') return `<path d="M4 3l8 8M12 3l-8 8" ${stroke} />`;
  return `<path d="M8 1v12" ${stroke} />`;
}

const lastMinute = lately(() => shown);

function laneOptions(watched: Watched, tones: () => Tones): uPlot.Options {
  return {
    ...base,
    width: 300,
    height: 200,
    padding: [32, 14, 2, 0],
    scales: { x: { time: false, range: lastMinute }, y: { range: [0, lanes.length] } },
    axes: [
      timeAxis(tones, 0, 6),
      {
        stroke: () => tones()('ink'),
        font,
        size: axisWidth,
        gap: 10,
        grid: { show: false },
        ticks: { show: false },
        splits: lanes.map((_, index) => lanes.length - index - 0.5),
        values: () => [...lanes],
      },
    ],
    series: [{}, { show: false }],
    hooks: { draw: [(plot) => drawLanes(plot, watched(), tones())] },
  };
}

function rttOptions(tones: () => Tones): uPlot.Options {
  return {
    ...base,
    width: 300,
    height: 160,
    padding: [26, 14, 0, 0],
    scales: {
      x: { time: false, range: lastMinute },
      // Logarithmic and fixed: a millisecond and a stall of seconds are both to be seen, and nothing jumps.
      y: { distr: 3, log: 10, range: [0.3, 12_000] },
    },
    axes: [
      timeAxis(tones, 28, 6),
      {
        stroke: () => tones()('muted'),
        font,
        size: axisWidth,
        gap: 10,
        splits: () => [1, 10, 100, 1000, 10_000],
        filter: (_, splits) => splits,
        grid: { stroke: () => tones()('line'), width: 1 },
        ticks: { show: false },
        values: (_, splits) => splits.map(formatMs),
      },
    ],
    series: [
      {},
      {
        stroke: () => tones()('accent'),
        width: 1.5,
        spanGaps: false,
        points: { show: true, size: 5, width: 0, fill: () => tones()('accent') },
      },
    ],
    hooks: { draw: [({ ctx, bbox }) => drawTitle(ctx, bbox, tones())] },
  };
}

function drawTitle(ctx: CanvasRenderingContext2D, bbox: uPlot.BBox, tone: Tones): void {
  const ratio = uPlot.pxRatio;
  ctx.save();
  ctx.font = font.replace('12px', `${12 * ratio}px`);
  ctx.fillStyle = tone('ink');
  ctx.textAlign = 'left';
  ctx.textBaseline = 'bottom';
  ctx.fillText('Round trip of heartbeats and of what you send', bbox.left, bbox.top - 5 * ratio);
  ctx.restore();
}

function formatMs(ms: number): string {
  return ms >= 1000 ? `${ms / 1000} s` : `${ms} ms`;
}

function drawLanes(plot: uPlot, { history, bars }: ReturnType<Watched>, tone: Tones): void {
  const pen = penOf(plot, tone);
  const { ctx, ratio, left, right, x } = pen;
  const y = (lane: Lanes): number => plot.valToPos(lanes.length - lanes.indexOf(lane) - 0.5, 'y', true);
  ctx.save();
  ctx.lineWidth = ratio;
  ctx.strokeStyle = tone('line');
  for (const lane of lanes) stroke(ctx, [left, y(lane)], [right, y(lane)]);

  const half = 8 * ratio;
  history.spans.forEach(({ look, from }, index) => {
    const end = history.spans[index + 1]?.from ?? performance.now();
    const [start, width] = [x(from), Math.max(ratio, x(end) - x(from))];
    ctx.fillStyle = tone(looks[look].tone);
    if (x(end) > left) ctx.fillRect(start, y('State') - half, width, 2 * half);
  });
  drawBars(pen, bars.list, y('Connections'), 11 * ratio);

  /** Where the last label of each row ends. */
  const rows = [0, 0];
  for (const { name, at } of history.faults) drawFault(plot, pen, name, at, rows);

  const oldest = performance.now() - shown * 1000;
  for (const { mark, at } of history.events) {
    const { lane, shape, tone: name } = marks[mark];
    ctx.strokeStyle = ctx.fillStyle = mark === 'lost' ? tone('card') : tone(name);
    if (at >= oldest) drawMark(pen, shape, x(at), y(lane));
  }
  ctx.restore();
}

function drawMark(pen: Pen, shape: Shape, x: number, y: number): void {
  const { ctx, ratio } = pen;
  const size = 4.5 * ratio;
  ctx.lineWidth = 2 * ratio;
  if (shape === 'tick') {
    stroke(ctx, [x, y - 2 * size], [x, y + 2 * size]);
  } else if (shape === 'cross') {
    drawCross(pen, x, y);
  } else {
    ctx.beginPath();
    ctx.arc(x, y, shape === 'disc' ? size * 0.6 : size, 0, 2 * Math.PI);
    if (shape === 'disc') ctx.fill();
    else ctx.stroke();
  }
}
