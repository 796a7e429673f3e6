/** The timeline: lanes of what happened above, the round-trip time below, over the same minute. */
import 'uplot/dist/uPlot.min.css';
import uPlot from 'uplot';
import type { History, Look, Mark } from './history.js';

/** Seconds on screen. */
const shown = 60;
const lanes = ['State', 'Dials', 'Heartbeat', 'Sent', 'Received'] as const;
type Lane = (typeof lanes)[number];
type Shape = 'ring' | 'disc' | 'cross' | 'tick';

const looks: Record<Look, { tone: string; label: string }> = {
  connected: { tone: 'ok', label: 'connected' },
  dialing: { tone: 'busy', label: 'dialing' },
  waiting: { tone: 'wait', label: 'waiting to dial' },
  closing: { tone: 'gone', label: 'closing' },
  closed: { tone: 'gone', label: 'closed' },
};

/** Told apart by shape as well as by colour. */
const marks: Record<Mark, { lane: Lane; shape: Shape; tone: string; label?: string }> = {
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
const axisWidth = 78;
const font = '12px system-ui, sans-serif';

type Tones = (name: string) => string;

/** The colours are the page's own, so that both schemes follow it. */
function tonesOf(element: Element): Tones {
  const style = getComputedStyle(element);
  return (name) => style.getPropertyValue(`--${name}`).trim();
}

/** Draws `history` into `target`, again and again until the page goes away. */
export function startPlot(target: HTMLElement, history: History): void {
  let tones = tonesOf(document.documentElement);
  const top = new uPlot(
    laneOptions(history, () => tones),
    [[0], [null]],
    target,
  );
  const bottom = new uPlot(
    rttOptions(() => tones),
    [[0], [null]],
    target,
  );

  const resize = (): void => {
    const width = target.clientWidth;
    const topHeight = lanes.length * laneHeight + 34;
    top.setSize({ width, height: topHeight });
    bottom.setSize({ width, height: Math.max(120, target.clientHeight - topHeight) });
  };
  const draw = (): void => {
    if (document.hidden) return;
    const now = performance.now() / 1000;
    const { samples } = history;
    top.setData([
      [now - shown, now],
      [0, 0],
    ]);
    bottom.setData([samples.map(({ at }) => at / 1000), samples.map(({ rtt }) => rtt)]);
  };

  new ResizeObserver(resize).observe(target);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
    tones = tonesOf(document.documentElement);
    for (const plot of [top, bottom]) plot.redraw();
  });
  resize();
  draw();
  const calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
  setInterval(draw, calm ? 1000 : 100);
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

/** The window ends now, whatever the data say. */
const lastMinute: uPlot.Range.Function = () => {
  const now = performance.now() / 1000;
  return [now - shown, now];
};

function timeAxis(tones: () => Tones, labelled: boolean): uPlot.Axis {
  return {
    stroke: () => tones()('muted'),
    font,
    size: labelled ? 28 : 0,
    grid: { stroke: () => tones()('line'), width: 1 },
    ticks: { show: false },
    splits: (_, __, min, max) => [0, 1, 2, 3, 4, 5, 6].map((step) => min + (step * (max - min)) / 6),
    values: (plot, splits) =>
      splits.map((_, index) => {
        const ago = shown - index * 10;
        if (plot.width < 480 && index % 2 === 1) return '';
        return ago === 0 ? 'now' : `${ago} s ago`;
      }),
  };
}

const base = { legend: { show: false }, cursor: { show: false } } as const;

function laneOptions(history: History, tones: () => Tones): uPlot.Options {
  return {
    ...base,
    width: 300,
    height: 200,
    padding: [32, 14, 2, 0],
    scales: { x: { time: false, range: lastMinute }, y: { range: [0, lanes.length] } },
    axes: [
      timeAxis(tones, false),
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
    hooks: { draw: [(plot) => drawLanes(plot, history, tones())] },
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
      timeAxis(tones, true),
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
  ctx.fillText('Round trip', bbox.left, bbox.top - 5 * ratio);
  ctx.restore();
}

function formatMs(ms: number): string {
  return ms >= 1000 ? `${ms / 1000} s` : `${ms} ms`;
}

function drawLanes(plot: uPlot, history: History, tone: Tones): void {
  const { ctx, bbox } = plot;
  const ratio = uPlot.pxRatio;
  const right = bbox.left + bbox.width;
  const x = (ms: number): number => Math.max(bbox.left, Math.min(right, plot.valToPos(ms / 1000, 'x', true)));
  const y = (lane: Lane): number => plot.valToPos(lanes.length - lanes.indexOf(lane) - 0.5, 'y', true);
  ctx.save();
  ctx.lineWidth = ratio;
  ctx.strokeStyle = tone('line');
  for (const lane of lanes) stroke(ctx, [bbox.left, y(lane)], [right, y(lane)]);

  const half = 8 * ratio;
  history.spans.forEach(({ look, from }, index) => {
    const end = history.spans[index + 1]?.from ?? performance.now();
    const [left, width] = [x(from), Math.max(ratio, x(end) - x(from))];
    ctx.fillStyle = tone(looks[look].tone);
    if (x(end) > bbox.left) ctx.fillRect(left, y('State') - half, width, 2 * half);
  });

  ctx.font = font.replace('12px', `${11 * ratio}px`);
  ctx.textAlign = 'left';
  ctx.textBaseline = 'bottom';
  /** Where the last label of each row ends. */
  const rows = [0, 0];
  for (const { name, at } of history.faults) drawFault(plot, Math.round(x(at)) + 0.5, name, rows, tone);

  const oldest = performance.now() - shown * 1000;
  for (const { mark, at } of history.events) {
    const { lane, shape, tone: name } = marks[mark];
    const colour = mark === 'lost' ? tone('card') : tone(name);
    if (at >= oldest) drawMark(ctx, shape, x(at), y(lane), colour, ratio);
  }
  ctx.restore();
}

function drawFault(plot: uPlot, at: number, name: string, rows: number[], tone: Tones): void {
  const { ctx, bbox } = plot;
  if (at <= bbox.left) return;
  const ratio = uPlot.pxRatio;
  const width = ctx.measureText(name).width;
  // Where new ones are born, a label must not leave the plot on the right.
  const left = Math.min(at - width / 2, bbox.left + bbox.width + 14 * ratio - width);
  const row = rows.findIndex((end) => end < left);
  ctx.strokeStyle = tone('bad');
  ctx.fillStyle = tone('bad');
  ctx.setLineDash([3 * ratio, 3 * ratio]);
  stroke(ctx, [at, bbox.top - 3 * ratio], [at, bbox.top + bbox.height]);
  ctx.setLineDash([]);
  if (row < 0) return; // no room for its name
  rows[row] = left + width + 4 * ratio;
  ctx.fillText(name, left, bbox.top - (4 + row * 13) * ratio);
}

function drawMark(
  ctx: CanvasRenderingContext2D,
  shape: Shape,
  x: number,
  y: number,
  colour: string,
  ratio: number,
): void {
  ctx.strokeStyle = colour;
  ctx.fillStyle = colour;
  ctx.lineWidth = 2 * ratio;
  const size = 4.5 * ratio;
  if (shape === 'tick') {
    stroke(ctx, [x, y - 2 * size], [x, y + 2 * size]);
  } else if (shape === 'cross') {
    stroke(ctx, [x - size, y - size], [x + size, y + size]);
    stroke(ctx, [x - size, y + size], [x + size, y - size]);
  } else {
    ctx.beginPath();
    ctx.arc(x, y, shape === 'disc' ? size * 0.6 : size, 0, 2 * Math.PI);
    if (shape === 'disc') ctx.fill();
    else ctx.stroke();
  }
}

function stroke(ctx: CanvasRenderingContext2D, from: [number, number], to: [number, number]): void {
  ctx.beginPath();
  ctx.moveTo(...from);
  ctx.lineTo(...to);
  ctx.stroke();
}
