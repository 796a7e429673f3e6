/** What the timelines have in common: the axis of time, the colours, and the shapes drawn on them. */
import uPlot from 'uplot';
import type { Bar } from './bars.js';

export const font = '12px system-ui, sans-serif';

export type Tones = (name: string) => string;

/** The colours are the page's own, so that both schemes follow it. */
export function tonesOf(element: Element): Tones {
  const style = getComputedStyle(element);
  return (name) => style.getPropertyValue(`--${name}`).trim();
}

/** Keeps `draw` going, and `plots` as wide as `target`, for as long as the page is there. */
export function keepDrawing(target: HTMLElement, plots: readonly uPlot[], resize: () => void, draw: () => void): void {
  new ResizeObserver(resize).observe(target);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
    for (const plot of plots) plot.redraw();
  });
  resize();
  draw();
  const calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
  setInterval(() => document.hidden || draw(), calm ? 1000 : 100);
}

/** The window ends now, whatever the data say. `seconds`: how long it is. */
export function lately(seconds: (plot: uPlot) => number): uPlot.Range.Function {
  return (plot) => {
    const now = performance.now() / 1000;
    return [now - seconds(plot), now];
  };
}

export function timeAxis(tones: () => Tones, size: number, parts: number): uPlot.Axis {
  return {
    stroke: () => tones()('muted'),
    font,
    size,
    grid: { stroke: () => tones()('line'), width: 1 },
    ticks: { show: false },
    splits: (_, __, min, max) => Array.from({ length: parts + 1 }, (_, step) => min + (step * (max - min)) / parts),
    values: (plot, splits) =>
      splits.map((split, index) => {
        const ago = Math.round((splits.at(-1) ?? 0) - split);
        if (plot.width < 480 && index % 2 === 1) return '';
        return ago === 0 ? 'now' : `${ago} s ago`;
      }),
  };
}

export const base = { legend: { show: false }, cursor: { show: false } } as const;

/** A canvas at work, in the pixels of the device. */
export interface Pen {
  readonly ctx: CanvasRenderingContext2D;
  readonly ratio: number;
  readonly tone: Tones;
  /** The edges of the plot. */
  readonly left: number;
  readonly right: number;
  /** Where a time of `performance.now()` is, kept within the edges. */
  readonly x: (ms: number) => number;
}

export function penOf(plot: uPlot, tone: Tones): Pen {
  const { ctx, bbox } = plot;
  const [left, right] = [bbox.left, bbox.left + bbox.width];
  const x = (ms: number): number => Math.max(left, Math.min(right, plot.valToPos(ms / 1000, 'x', true)));
  return { ctx, ratio: uPlot.pxRatio, tone, left, right, x };
}

export function stroke(ctx: CanvasRenderingContext2D, from: [number, number], to: [number, number]): void {
  ctx.beginPath();
  ctx.moveTo(...from);
  ctx.lineTo(...to);
  ctx.stroke();
}

export function drawCross({ ctx, ratio }: Pen, x: number, y: number, half = 4.5): void {
  const size = half * ratio;
  ctx.lineWidth = 2 * ratio;
  stroke(ctx, [x - size, y - size], [x + size, y + size]);
  stroke(ctx, [x - size, y + size], [x + size, y - size]);
}

/**
 * Connections, in two rows of `height` around `middle`: a line while it is dialed, pale before and after it is in use, full while
 * it is, hatched once the network swallows what it carries.
 */
export function drawBars(pen: Pen, bars: readonly Bar[], middle: number, height: number): void {
  const { ctx, ratio, tone, left, x } = pen;
  const now = performance.now();
  const gap = 2 * ratio;
  for (const { row, from, openAt, usedFrom, usedTo, deadFrom, to = now, end, number } of bars) {
    if (x(to) <= left) continue;
    const top = row === 0 ? middle - height - gap / 2 : middle + gap / 2;
    const part = (start: number, stop: number, inset = 0): void => {
      const width = Math.max(ratio, x(stop) - x(start));
      if (stop > start) ctx.fillRect(x(start), top + inset, width, height - 2 * inset);
    };
    ctx.fillStyle = tone('busy');
    part(from, openAt ?? to, height / 2 - 1.5 * ratio);
    ctx.fillStyle = tone('ok');
    if (openAt !== undefined) {
      ctx.globalAlpha = 0.4;
      part(openAt, to);
      ctx.globalAlpha = 1;
    }
    if (usedFrom !== undefined) part(usedFrom, usedTo ?? to);
    if (deadFrom !== undefined && x(to) > x(deadFrom)) hatch(pen, x(deadFrom), x(to), top, height);
    if (number !== undefined && usedFrom !== undefined) {
      const [start, stop] = [x(usedFrom), x(Math.min(usedTo ?? to, deadFrom ?? to))];
      drawLabel(pen, [`connection ${number}`, `${number}`], start, stop, top + height / 2, tone('card'));
    }
    ctx.strokeStyle = tone('bad');
    if (end === 'lost' || end === 'failed') drawCross(pen, x(to), top + height / 2, end === 'lost' ? 4.5 : 3);
  }
}

function hatch({ ctx, ratio, tone }: Pen, from: number, to: number, top: number, height: number): void {
  ctx.save();
  ctx.beginPath();
  ctx.rect(from, top, to - from, height);
  ctx.clip();
  ctx.fillStyle = tone('bad-soft');
  ctx.fillRect(from, top, to - from, height);
  ctx.strokeStyle = tone('bad');
  ctx.lineWidth = 1.5 * ratio;
  const step = 6 * ratio;
  const first = Math.floor((from - height) / step) * step;
  for (let at = first; at < to; at += step) stroke(ctx, [at, top + height], [at + height, top]);
  ctx.restore();
}

/** Writes the first of `texts` that fits in between. */
export function drawLabel(
  { ctx, ratio }: Pen,
  texts: readonly string[],
  from: number,
  to: number,
  y: number,
  colour: string,
): void {
  ctx.font = font.replace('12px', `${11 * ratio}px`);
  ctx.textBaseline = 'middle';
  ctx.textAlign = 'center';
  ctx.fillStyle = colour;
  const text = texts.find((each) => ctx.measureText(each).width + 8 * ratio < to - from);
  if (text) ctx.fillText(text, (from + to) / 2, y + 0.5 * ratio);
}

/** A fault as a line through everything, with its name above. `rows`: where the last name of each row ends. */
export function drawFault(plot: uPlot, pen: Pen, name: string, ms: number, rows: number[]): void {
  const { ctx, ratio, tone, left: edge, right } = pen;
  const { bbox } = plot;
  const at = Math.round(pen.x(ms)) + 0.5;
  if (at <= edge) return;
  ctx.font = font.replace('12px', `${11 * ratio}px`);
  ctx.textAlign = 'left';
  ctx.textBaseline = 'bottom';
  const width = ctx.measureText(name).width;
  // Where new ones are born, a label must not leave the plot on the right.
  const left = Math.min(at - width / 2, right + 14 * ratio - width);
  const row = rows.findIndex((end) => end < left);
  const colour = tone(name === 'rotate' || name === 'drain' ? 'accent' : 'bad');
  ctx.strokeStyle = colour;
  ctx.fillStyle = colour;
  ctx.lineWidth = ratio;
  ctx.setLineDash([3 * ratio, 3 * ratio]);
  stroke(ctx, [at, bbox.top - 3 * ratio], [at, bbox.top + bbox.height]);
  ctx.setLineDash([]);
  if (row < 0) return; // no room for its name
  rows[row] = left + width + 4 * ratio;
  ctx.fillText(name, left, bbox.top - (4 + row * 13) * ratio);
}
