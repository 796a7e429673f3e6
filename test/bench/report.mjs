/** What was measured, as Markdown. */
import { cpus } from 'node:os';
import { scenarios } from './scenarios.mjs';

const row = (cells) => `| ${cells.join(' | ')} |`;
const head = (cells) => [row(cells), `|${cells.map((_, i) => (i === 0 ? '---' : '---:')).join('|')}|`];
const fixed = (number, digits = 2) => (Number.isFinite(number) ? number.toFixed(digits) : '–');
const grouped = (number) => Math.round(number).toLocaleString('en').replaceAll(',', ' ');
const code = (name) => `\`${name}\``;

function messagePath({ messages: rounds, names, median }) {
  const [base, ...others] = names;
  const lines = head(['Node, ratio to plain `ws`', ...names.map(code)]);
  for (const { name, kind } of scenarios) {
    if (!rounds[0][name]) continue;
    const of = (candidate, quantity) => median(rounds.map((round) => round[name][candidate][quantity]));
    // Median over the rounds of the ratio to plain `ws` in the same round.
    const ratio = (candidate, quantity) =>
      rounds[0][name][candidate]
        ? fixed(median(rounds.map((round) => round[name][candidate][quantity] / round[name][base][quantity])))
        : '–';
    const ratios = (quantity) => others.map((other) => ratio(other, quantity));
    if (kind === 'round trip') {
      lines.push(row([name, `${fixed(of(base, 'p50') * 1000, 0)} µs`, ...ratios('p50')]));
    } else {
      lines.push(
        row([name, `${grouped(of(base, 'rate'))}/s`, ...ratios('rate')]),
        row([
          '– CPU per message: client’s, server’s',
          `${fixed(of(base, 'cpu'), 1)}, ${fixed(of(base, 'serverCpu'), 1)} µs`,
          ...others.map((other) => `${ratio(other, 'cpu')}, ${ratio(other, 'serverCpu')}`),
        ]),
      );
    }
  }
  return lines;
}

function broadcastTable({ broadcasts: rounds, withServer, median }) {
  const [base, ...others] = withServer;
  const line = (perTick, title) =>
    row([
      title,
      `${fixed(median(rounds.map((round) => round[perTick][base])))} µs`,
      ...others.map((other) => fixed(median(rounds.map((round) => round[perTick][base] / round[perTick][other])))),
    ]);
  return [
    ...head(['Broadcast of 100 B: messages per CPU time of the server', '`ws`, a loop', ...others.map(code)]),
    line(1, 'one in a tick'),
    line(10, 'ten in a tick'),
  ];
}

function rotationTable({ rotations: rounds, session, median }) {
  const line = (quantity, title) =>
    row([
      title,
      `${fixed(median(rounds.map(({ steady }) => steady[quantity])))} ms`,
      `${fixed(median(rounds.map(({ rotating }) => rotating[quantity])))} ms`,
      fixed(median(rounds.map(({ steady, rotating }) => rotating[quantity] / steady[quantity]))),
    ]);
  return [
    ...head([`Delivery in a ${code(session)}, 1000 msg/s each way`, 'steady', 'rotated each second', 'ratio']),
    line('p99', 'p99'),
    line('max', 'longest'),
  ];
}

function heapTable({ heaps: rounds, names, withServer, median }) {
  const kib = (name, end) => fixed(median(rounds.map((round) => round[name][end])) / 1024, 1);
  return [
    ...head(['Heap per idle connection, KiB', ...names.map(code)]),
    row(['client', ...names.map((name) => kib(name, 'client'))]),
    row(['server', ...names.map((name) => (withServer.includes(name) ? kib(name, 'server') : '–'))]),
  ];
}

function idleTable({ idle: { count, results } }) {
  return [
    ...head([`Server with ${grouped(count)} idle connections, heartbeats of 25 s`, ...Object.keys(results).map(code)]),
    row(['share of a core', ...Object.values(results).map((share) => `${fixed(100 * share, 1)} %`)]),
  ];
}

function wrapperTable({ wrappers: rounds, median }) {
  const of = (name, what) => median(rounds.map((round) => round[name][what]));
  const [none, ...names] = Object.keys(rounds[0]);
  const line = (what, title) =>
    row([title, ...names.map((name) => fixed(Math.max(0, of(name, what) - of(none, what)), 0))]);
  return [
    ...head(['Over an in-memory socket, ns', ...names.map(code)]),
    line('send', 'per message sent'),
    line('receive', 'per message received'),
  ];
}

function sizeTable({ bundles }) {
  return [
    ...head(['Browser bundle, all dependencies in', 'bytes (brotli)']),
    ...Object.entries(bundles).map(([name, bytes]) => row([code(name), grouped(bytes)])),
  ];
}

/** `median (least–most)` of the seeds, if they differ. */
function spread(numbers, median, digits) {
  const texts = [Math.min(...numbers), median(numbers), Math.max(...numbers)].map((number) => fixed(number, digits));
  return texts[0] === texts[2] ? texts[1] : `${texts[1]} (${texts[0]}–${texts[2]})`;
}

const faults = { cut: 'each a reset', silence: 'one in four a silence' };

function lossTables({ losses: { names, seconds, patience, results }, median }) {
  const line = (name, rounds) => {
    const of = (end, what, digits) =>
      spread(
        rounds.map((round) => what(round[end])),
        median,
        digits,
      );
    const missing = ({ sent, received }) => (100 * (sent - received)) / sent;
    const gaps = rounds.map(({ up, down }) => Math.max(up.gap, down.gap) / 1000);
    return row([
      code(name),
      of('up', missing, 1),
      of('down', missing, 1),
      spread(
        rounds.map(({ up, down }) => up.duplicates + down.duplicates),
        median,
        0,
      ),
      spread(gaps, median, 1),
      spread(
        rounds.map(({ dials }) => dials),
        median,
        0,
      ),
    ]);
  };
  return Object.entries(results).flatMap(([kind, byName], index) => [
    ...(index > 0 ? [''] : []),
    ...head([
      `1000 msg/s each way for ${seconds} s, a fault every 1–3 s, ${faults[kind]}`,
      `up: not there ${patience} s later, %`,
      'down, %',
      'twice',
      'longest gap, s',
      'dials',
    ]),
    ...names.map((name) => line(name, byName[name])),
  ]);
}

function wireTable({ wires }) {
  const cost = (result) => (result ? `${fixed(result.up, 1)}, ${fixed(result.down, 1)}` : '–');
  return [
    ...head(['Bytes that a message of 64 B costs beside its frame: up, down', 'text', 'binary']),
    ...Object.entries(wires).map(([name, { text, binary }]) => row([code(name), cost(text), cost(binary)])),
  ];
}

const tables = {
  messages: messagePath,
  broadcasts: broadcastTable,
  rotations: rotationTable,
  heaps: heapTable,
  idle: idleTable,
  wrappers: wrapperTable,
  bundles: sizeTable,
  wires: wireTable,
  losses: lossTables,
};

/** A table for each part that was measured. */
export function report(measured) {
  const { model } = cpus()[0] ?? { model: 'unknown CPU' };
  const machine = `${cpus().length} × ${model.replace(/\s+/g, ' ').trim()}, Node ${process.version}, ${process.platform}, loopback.`;
  const chosen = Object.entries(tables).filter(([part]) => measured[part]);
  return `${[...chosen.map(([, table]) => table(measured).join('\n')), machine].join('\n\n')}\n`;
}
