/** The timeline of a lane: its connections as bars, and below them the numbers of each direction. */
import 'uplot/dist/uPlot.min.css';
import uPlot from 'uplot';
import {
  base,
  drawBars,
  drawFault,
  drawLabel,
  font,
  keepDrawing,
  lately,
  type Pen,
  penOf,
  type Tones,
  timeAxis,
  tonesOf,
} from './canvas.js';
import type { Lane } from './lane.js';
import type { Trouble } from './tally.js';

/** Seconds on screen: few enough that the overlap of a rotation shows. */
const shown = (plot: uPlot): number => (plot.width < 400 ? 10 : 15);

/** Heights in CSS pixels, from top to bottom. */
const rows = [
  { name: 'Connections', height: 56 },
  { name: 'To the server', height: 36 },
  { name: 'To the page', height: 36 },
] as const;
const barHeight = 21;
const height = rows.reduce((sum, row) => sum + row.height, 0);
const [above, below] = [32, 26];

/** The middle of a row, from the bottom, as the scale has it. */
function middleOf(index: number): number {
  const over = rows.slice(0, index).reduce((sum, row) => sum + row.height, 0);
  return height - over - (rows[index]?.height ?? 0) / 2;
}

export function startLanePlot(target: HTMLElement, lane: Lane): void {
  const tones = (): Tones => tonesOf(document.documentElement);
  const options: uPlot.Options = {
    ...base,
    width: 300,
    height: height + above + below,
    padding: [above, 14, 0, 0],
    scales: { x: { time: false, range: lately(shown) }, y: { range: [0, height] } },
    axes: [
      timeAxis(tones, below, 5),
      {
        stroke: () => tones()('ink'),
        font,
        size: 88,
        gap: 8,
        grid: { show: false },
        ticks: { show: false },
        splits: rows.map((_, index) => middleOf(index)),
        values: () => rows.map(({ name }) => name),
      },
    ],
    series: [{}, { show: false }],
    hooks: { draw: [(plot) => drawLane(plot, lane, tones())] },
  };
  const plot = new uPlot(options, [[0], [null]], target);
  keepDrawing(
    target,
    [plot],
    () => plot.setSize({ width: target.clientWidth, height: height + above + below }),
    () => {
      const now = performance.now() / 1000;
      plot.setData([
        [now - shown(plot), now],
        [0, 0],
      ]);
    },
  );
}

function drawLane(plot: uPlot, lane: Lane, tone: Tones): void {
  const pen = penOf(plot, tone);
  const { ctx, ratio } = pen;
  const y = (index: number): number => plot.valToPos(middleOf(index), 'y', true);
  ctx.save();
  drawBars(pen, lane.bars.list, y(0), barHeight * ratio);
  drawNumbers(pen, lane.saidAt, lane.heardThere?.troubles ?? [], y(1));
  drawNumbers(pen, lane.heardAt, lane.tally.heard.troubles, y(2));
  const ends = [0, 0];
  for (const { name, at } of lane.history.faults) drawFault(plot, pen, name, at, ends);
  ctx.restore();
}

/** A tick for each number, and over it what became of those that were not heard in time. */
function drawNumbers(pen: Pen, ticks: readonly number[], troubles: readonly Trouble[], y: number): void {
  const { ctx, ratio, tone, left, x } = pen;
  const half = 13 * ratio;
  ctx.strokeStyle = tone('accent');
  ctx.lineWidth = 1.5 * ratio;
  ctx.beginPath();
  for (const at of ticks) {
    const where = x(at);
    if (where <= left) continue;
    ctx.moveTo(where, y - half * 0.75);
    ctx.lineTo(where, y + half * 0.75);
  }
  ctx.stroke();

  for (const { from, to, lost, late } of troubles) {
    const [start, end] = [from, to].map((time) => x(time - performance.timeOrigin)) as [number, number];
    if (end <= left) continue;
    const kind = lost > 0 ? 'bad' : 'wait';
    ctx.fillStyle = tone(`${kind}-soft`);
    ctx.fillRect(start, y - half, Math.max(2 * ratio, end - start), 2 * half);
    ctx.fillStyle = tone(kind);
    ctx.fillRect(start, y + half - 2 * ratio, Math.max(2 * ratio, end - start), 2 * ratio);
    const words = [lost > 0 && `${lost} lost`, late > 0 && `${late} late`].filter((each) => each !== false);
    drawLabel(pen, [words.join(', '), words[0] ?? ''], start, end, y - ratio, tone(kind));
  }
}
