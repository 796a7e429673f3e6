/**
 * What is measured over loopback. `window`: messages that may be under way; `batch`: sent in one tick; `grant`: for how
 * many the receiver gives credit at once.
 */
const small = { window: 4096, batch: 100, grant: 400 };
const large = { window: 64, batch: 8, grant: 16 };

const sizes = [
  { size: 64, label: '64 B', ...small },
  { size: 1024, label: '1 KiB', ...small },
  { size: 65_536, label: '64 KiB', ...large },
];

const traffic = (kind, title, extra = {}) =>
  sizes.flatMap((size) =>
    ['text', 'binary'].map((type) => ({ kind, type, ...size, ...extra, name: `${title} ${size.label} ${type}` })),
  );

export const scenarios = [
  ...traffic('send', 'send'),
  ...traffic('receive', 'receive'),
  // A server that writes many frames at once, so that the client is the one who cannot keep up: the hardest comparison.
  ...traffic('receive', 'receive, saturated,', { saturated: true }).filter(({ size }) => size === 64),
  { kind: 'round trip', type: 'text', size: 64, label: '64 B', name: 'round trip 64 B text, p50' },
];

export const payload = ({ type, size }) => (type === 'text' ? 'x'.repeat(size) : new Uint8Array(size).fill(120));
