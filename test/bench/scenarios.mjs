/**
 * What is measured over loopback. `window`: messages that may be under way; `batch`: sent in one tick; `grant`: for how
 * many the receiver gives credit at once; `only`: the candidates that it is for.
 */
const small = { window: 4096, batch: 100, grant: 400 };
const large = { window: 64, batch: 8, grant: 16 };

/** For a LongSocket at either end: the windows above are more than the 1 MiB that waits, or is retained, by default. */
export const RETENTION = { maxBufferedBytes: 8 * 1024 * 1024 };

/** Those whose other end is plain `ws`. */
const overWs = ['ws', 'partysocket', 'reconnecting-websocket', 'longsocket'];

const sizes = [
  { size: 64, label: '64 B', ...small },
  { size: 1024, label: '1 KiB', ...small },
  { size: 65_536, label: '64 KiB', ...large },
];

const traffic = (kind, title, extra = {}) =>
  sizes.flatMap((size) =>
    ['text', 'binary'].map((type) => ({ kind, type, ...size, ...extra, name: `${title} ${size.label} ${type}` })),
  );

/** Bytes that the caller gives away need no copy. */
const owned = (kind, title, only) =>
  traffic(kind, `${title}, owned,`, { owned: true, only }).filter(({ size, type }) => size > 1024 && type === 'binary');

export const scenarios = [
  ...traffic('send', 'send'),
  ...owned('send', 'send', ['ws', 'longsocket', 'longsocket session']),
  ...traffic('receive', 'receive'),
  ...owned('receive', 'receive', ['ws', 'longsocket session']),
  // A server that writes many frames at once, so that the client is the one who cannot keep up: the hardest comparison.
  ...traffic('receive', 'receive, saturated,', { saturated: true, only: overWs }).filter(({ size }) => size === 64),
  { kind: 'round trip', type: 'text', size: 64, label: '64 B', name: 'round trip 64 B text, p50' },
];

/** Not compared with others: the same connection with and without rotations. */
export const STEADY = '/steady';

export const payload = ({ type, size }) => (type === 'text' ? 'x'.repeat(size) : new Uint8Array(size).fill(120));
