/** What was measured, as Markdown. */
import { cpus } from 'node:os';
import { scenarios } from './scenarios.mjs';

const row = (cells) => `| ${cells.join(' | ')} |`;
const head = (cells) => [row(cells), `|${cells.map((_, i) => (i === 0 ? '---' : '---:')).join('|')}|`];
const fixed = (number, digits = 2) => (Number.isFinite(number) ? number.toFixed(digits) : '–');
const grouped = (number) => Math.round(number).toLocaleString('en').replaceAll(',', ' ');

/** Median over the rounds of the ratio to the first candidate in the same round. */
function ratio({ rounds, names, median }, scenario, name, quantity) {
  return median(rounds.map(({ [scenario]: results }) => results[name][quantity] / results[names[0]][quantity]));
}

function messagePath(measured) {
  const { rounds, names, median } = measured;
  const [base, ...others] = names;
  const lines = head(['Node, ratio to plain `ws`', '`ws`', ...others.map((name) => `\`${name}\``)]);
  for (const { name, kind } of scenarios) {
    if (!rounds[0]?.[name]) continue;
    if (kind === 'round trip') {
      const us = median(rounds.map((round) => round[name][base].p50)) * 1000;
      lines.push(
        row([name, `${fixed(us, 0)} µs`, ...others.map((other) => fixed(ratio(measured, name, other, 'p50')))]),
      );
      continue;
    }
    const rate = median(rounds.map((round) => round[name][base].rate));
    const cpu = median(rounds.map((round) => round[name][base].cpu));
    lines.push(
      row([name, `${grouped(rate)}/s`, ...others.map((other) => fixed(ratio(measured, name, other, 'rate')))]),
      row([
        `${name}: CPU per message`,
        `${fixed(cpu, 1)} µs`,
        ...others.map((other) => fixed(ratio(measured, name, other, 'cpu'))),
      ]),
    );
  }
  return lines;
}

function costs({ names, heaps, wrappers, median }) {
  const kib = (name) => fixed(median(heaps[name]) / 1024, 1);
  const bare = (what) => median(wrappers.none.map((result) => result[what]));
  const ns = (name, what) =>
    wrappers[name] ? fixed(Math.max(0, median(wrappers[name].map((result) => result[what])) - bare(what)), 0) : '0';
  return [
    ...head(['Cost', ...names.map((name) => `\`${name}\``)]),
    row(['heap per idle connection, KiB', ...names.map(kib)]),
    row(['over an in-memory socket, ns per message sent', ...names.map((name) => ns(name, 'send'))]),
    row(['over an in-memory socket, ns per message received', ...names.map((name) => ns(name, 'receive'))]),
  ];
}

function sizes({ bundles }) {
  return [
    ...head(['Browser bundle, all dependencies in', 'bytes (brotli)']),
    ...Object.entries(bundles).map(([name, bytes]) => row([`\`${name}\``, grouped(bytes)])),
  ];
}

export function report(measured) {
  const { rounds } = measured;
  const { model } = cpus()[0] ?? { model: 'unknown CPU' };
  const machine = `${cpus().length} × ${model.replace(/\s+/g, ' ').trim()}, Node ${process.version}, ${process.platform}, loopback; medians of ${rounds.length} rounds.`;
  const path = rounds.length > 0 ? [...messagePath(measured), ''] : [];
  return `${[...path, ...costs(measured), '', ...sizes(measured), '', machine].join('\n')}\n`;
}
