import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { clientConfig } from '../../src/client/options.js';
import { closeCodes } from '../../src/core/close-code.js';
import { parse } from '../../src/core/frames.js';
import { peerConfig } from '../../src/server/options.js';
import { ClientPlayer, ServerPlayer, transcriptsOf } from './helpers/transcript.js';

const document = readFileSync(new URL('../../src/core/PROTOCOL.md', import.meta.url), 'utf8');
const transcripts = transcriptsOf(document);

/** The first two cells of each row of the table under a heading. */
function table(heading: string): (readonly [string, string])[] {
  const [, section = ''] = document.split(`${heading}\n`);
  const [rows = ''] = section.trimStart().split('\n\n');
  return [...rows.matchAll(/^\| *`?(.+?)`? *\| *(.+?) *\|/gm)].slice(2).map(([, a, b]) => [a as string, b as string]);
}

describe.each(transcripts.map((transcript) => [transcript.title, transcript] as const))('%s', (_, transcript) => {
  test('is what a client does', () => {
    new ClientPlayer(transcript).play(transcript);
  });

  test('is what a server does', () => {
    new ServerPlayer(transcript).play(transcript);
  });
});

test('there is an example of every frame', () => {
  const letters = transcripts.flatMap(({ lines }) =>
    lines.flatMap((line) => (line.kind === 'frame' && line.frame.startsWith('\u0010') ? [line.frame.charAt(1)] : [])),
  );
  expect([...new Set(letters)].sort().join('')).toBe('\u0010AFGHOPRTWXz');
});

test('every example of a frame is one', () => {
  for (const { lines } of transcripts) {
    for (const line of lines) {
      if (line.kind === 'frame' && line.frame.startsWith('\u0010')) {
        expect(parse(line.frame), line.text).not.toMatchObject({ letter: '?' });
      }
    }
  }
});

test('the close codes are those of the library', () => {
  const codes = table('### Close codes').map(([code]) => Number(code));
  expect(codes).toEqual(
    Object.values(closeCodes)
      .filter((code) => code >= 4900)
      .sort(),
  );
});

test('the defaults are those of the library', () => {
  const peer = peerConfig({}, { bytes: 0 });
  const client = clientConfig('ws://server', { session: true });
  expect(Object.fromEntries(table('### Defaults'))).toEqual({
    ttl: `${peer.ttl} ms`,
    maxSilence: `${peer.maxSilence} ms`,
    probeTimeout: `${peer.probeTimeout} ms`,
    helloTimeout: `${peer.helloTimeout} ms`,
    closeTimeout: `${client.closeTimeout} ms`,
    connectTimeout: `${client.connectTimeout} ms`,
    backoffBase: `${client.backoffBase} ms`,
    backoffCap: `${client.backoffCap} ms`,
    maxBufferedBytes: `${peer.maxBufferedBytes} bytes`,
    maxBufferedMessages: `${peer.maxBufferedMessages} messages`,
    maxRetainedBytes: `${peer.maxRetainedBytes} bytes`,
    maxPayload: `${peer.maxPayload} bytes`,
  });
  expect(peer.closeTimeout).toBe(client.closeTimeout);
});
