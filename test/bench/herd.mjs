/**
 * `node test/bench/herd.mjs`: 100 000 clients cut at once from a server that is gone for 30 s and then accepts 2000 a
 * second, simulated with the real backoff and with the formulas of others. Prints a Markdown table, the same each time.
 */
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const { outputFiles } = await build({
  entryPoints: [fileURLToPath(new URL('../sim/herd.ts', import.meta.url))],
  bundle: true,
  write: false,
  format: 'esm',
  platform: 'node',
});
const { herd, longsocket, peers, unavailable } = await import(
  `data:text/javascript;base64,${Buffer.from(outputFiles[0].text).toString('base64')}`
);

const strategies = {
  ...peers,
  '**longsocket**': longsocket(),
  '**longsocket**, refused with HTTP 503': longsocket({}, unavailable),
};
const floor = herd(longsocket()).floor;
const grouped = (number) => number.toLocaleString('en').replaceAll(',', ' ');

console.log(
  `| 100 000 clients, 30 s outage | most dials per second | 99 % back, s (at best ${floor}) | dials per client |`,
);
console.log('|---|---:|---:|---:|');
for (const [name, strategy] of Object.entries(strategies)) {
  const { peak, back, connected, dials } = herd(strategy);
  const when = Number.isFinite(back) ? back.toFixed(1) : `never: ${Math.round(100 * (1 - connected))} % give up`;
  console.log(`| ${name} | ${grouped(peak)} | ${when} | ${dials.toFixed(1)} |`);
}
