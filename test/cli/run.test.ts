import { Writable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { start } from './world.js';

const URL = 'ws://host/live';

describe('a pipe', () => {
  test('has its lines sent as messages, the answers on stdout, and the rest on stderr', async () => {
    const { stdin, printed, received, pass, code } = start([URL]);
    stdin.write('one\ntwo\r\n\nthr');
    stdin.end('ee');
    await pass(500);
    expect(received).toEqual(['one', 'two', '', 'three']);
    expect(printed.stdout).toBe('one\ntwo\n\nthree\n');
    expect(code()).toBeUndefined();
    await pass(1000);
    expect(code()).toBe(0);
    expect(printed.stderr).toBe('* connecting to ws://host/live\n* connected\n* closed with code 1000\n');
  });

  test('has lines that end at line ends alone, wherever the chunks do', async () => {
    const { stdin, received, pass, settle } = start([URL]);
    const text = Buffer.from('{"a":"\u2028é\r"}\r\n😀\n');
    for (const byte of text) {
      stdin.write(Buffer.from([byte]));
      await settle();
    }
    await pass(100);
    expect(received).toEqual(['{"a":"\u2028é\r"}', '😀']);
  });

  test('is read no faster than the other end takes it', async () => {
    const { stdin, network, pass, received } = start([URL], { dials: 'hang' });
    const line = `${'x'.repeat(60_000)}\n`;
    let written = 0;
    const more = (): void => {
      while (written < 200 && stdin.write(line)) written++;
      stdin.once('drain', () => {
        written++;
        more();
      });
    };
    more();
    await pass(1000);
    // What may wait for a connection is 1 MiB.
    expect(written).toBeLessThan(30);
    network.dials = 'accept';
    await pass(20_000);
    expect(written).toBeGreaterThanOrEqual(200);
    expect(received.length).toBeGreaterThan(190);
  });

  test('that has ended is followed by an end when nothing has come for the time to wait', async () => {
    const { stdin, servers, pass, code, printed, clock, network } = start(['-w', '2', URL]);
    stdin.end('hi\n');
    await pass(1500);
    servers[0]?.send('late');
    await pass(1900);
    expect(code()).toBeUndefined();
    await pass(300);
    expect(code()).toBe(0);
    expect(printed.stdout).toBe('hi\nlate\n');
    expect([clock.timers, network.open]).toEqual([0, 0]);
  });

  test('is followed by no end before the server closes with --wait inf', async () => {
    const { stdin, servers, pass, code, printed } = start(['--wait', 'inf', URL]);
    stdin.end('hi\n');
    await pass(100_000);
    expect(code()).toBeUndefined();
    servers[0]?.close(1000, 'bye');
    await pass(100);
    expect(code()).toBe(0);
    expect(servers).toHaveLength(1);
    expect(printed.stderr).toMatch(/\* closed by the server with code 1000 "bye"\n$/);
  });

  test('that has not ended is not left for a server that closes: it is dialed again', async () => {
    const { servers, pass, code } = start([URL]);
    await pass(100);
    servers[0]?.close(1000);
    await pass(2000);
    expect([servers.length, code()]).toEqual([2, undefined]);
  });

  test('waits for the connection that was cut, to hear what is still to come', async () => {
    const { stdin, network, servers, pass, code } = start([URL], { answer: () => {} });
    stdin.end('hi\n');
    await pass(500);
    network.dials = 'refuse';
    network.cut();
    await pass(3000);
    expect(code()).toBeUndefined();
    network.dials = 'accept';
    await pass(30_000);
    expect(servers.length).toBe(2);
    // The message may have been lost.
    expect(code()).toBe(1);
  });
});

describe('messages of the command line', () => {
  test('are sent instead of the input', async () => {
    const { received, pass, code } = start(['-x', 'one', '-x', 'two', URL]);
    await pass(1500);
    expect(received).toEqual(['one', 'two']);
    expect(code()).toBe(0);
  });

  test('go out as bytes with --hex, and bytes are printed as hex', async () => {
    const { received, printed, pass, code } = start(['--hex', '-x', '68 69', URL]);
    await pass(1500);
    expect(received).toEqual([new Uint8Array([0x68, 0x69])]);
    expect(printed.stdout).toBe('6869\n');
    expect(code()).toBe(0);
  });

  test('that are no hex are told, and not sent', async () => {
    const { received, printed, pass, code } = start(['--hex', '-x', 'hi', '-x', '6a', URL]);
    await pass(1500);
    expect(received).toEqual([new Uint8Array([0x6a])]);
    expect(printed.stderr).toContain('* not sent: hex is expected');
    expect(code()).toBe(1);
  });
});

describe('what becomes of the connection', () => {
  test('is told in words', async () => {
    const { network, printed, pass } = start([URL]);
    await pass(100);
    network.dials = 503;
    network.cut();
    await pass(300);
    network.dials = 'accept';
    await pass(30_000);
    expect(printed.stderr.split('\n').slice(2, 6)).toEqual([
      '* interrupted: the connection ended without a close frame',
      '* dial 2 in 250 ms',
      expect.stringMatching(/^\* not connected: the server answered the upgrade with HTTP status 503; dial 3 in \d/),
      '* connected again',
    ]);
    expect(printed.stdout).toBe('');
  });

  test('is found out by heartbeats, which --verbose tells of', async () => {
    const { network, printed, pass } = start(['-v', '--heartbeat', '2', URL]);
    await pass(3000);
    expect(printed.stderr).toContain('* heartbeat asked\n* heartbeat answered in 20 ms\n');
    network.silence();
    await pass(8000);
    expect(printed.stderr).toContain('* interrupted: the peer gave no sign of life\n');
  });

  test('is not told with --quiet', async () => {
    const { stdin, printed, pass, code } = start(['-q', URL]);
    stdin.end('hi\n');
    await pass(1500);
    expect(printed).toEqual({ stdout: 'hi\n', stderr: '' });
    expect(code()).toBe(0);
  });

  test('holds no secret of the command line', async () => {
    for (const format of ['--json', '--verbose']) {
      const args = ['ws://user:secret@host/?token=secret', '-H', 'Authorization: secret', format];
      const { network, printed, pass } = start(args);
      await pass(100);
      network.dials = 401;
      network.cut();
      await pass(5000);
      expect(printed.stdout + printed.stderr).toMatch(/401/);
      expect(printed.stdout + printed.stderr).not.toContain('secret');
    }
  });

  test('does not let a server write to the terminal what the terminal obeys', async () => {
    const { stdin, servers, printed, pass } = start([URL], { terminal: true, env: { NO_COLOR: '1' } });
    stdin.write('\x1b[2J\r');
    await pass(100);
    servers[0]?.send('\x1b]0;title\x07');
    servers[0]?.close(4000, '\x1b[31m');
    await pass(100);
    expect(printed.stdout).toContain('< \\x1b]0;title\\x07\n');
    expect(printed.stderr).toContain('4000 "\\x1b[31m"');
  });
});

describe('the exit code', () => {
  test.each([
    [1000, 0],
    [1001, 0],
    [1005, 0],
    [1006, 1],
    [1011, 1],
    [4000, 1],
  ])('of a server that closes with %i is %i', async (closeCode, exit) => {
    const { servers, network, pass, code } = start(['--no-reconnect', URL]);
    await pass(100);
    if (closeCode === 1006) network.cut();
    else servers[0]?.close(closeCode);
    await pass(100);
    expect(code()).toBe(exit);
  });

  test('is 1 when it gave up, at once with --no-reconnect', async () => {
    const { pass, code, printed } = start(['--no-reconnect', '-x', 'hi', URL], { dials: 'refuse' });
    await pass(1000);
    expect(code()).toBe(1);
    expect(printed.stderr).toMatch(/\* gave up: the connection could not be opened; 1 message not delivered\n$/);
  });

  test('is 1 when the server does not answer the close, and may not have had the message', async () => {
    const { network, pass, code } = start(['-x', 'hi', URL]);
    await pass(500);
    network.silence();
    await pass(10_000);
    expect(code()).toBe(1);
  });

  test('is 1 when the server refuses for good', async () => {
    const { pass, code } = start([URL], { dials: 401 });
    await pass(1000);
    expect(code()).toBe(1);
  });

  test('is 2 for wrong usage, which is explained', async () => {
    const { settle, code, printed, network } = start(['--no-such', URL]);
    await settle();
    expect(code()).toBe(2);
    expect(printed.stderr).toBe("longsocket: Unknown option '--no-such'\nTry 'longsocket --help'.\n");
    expect(network.dialed).toBe(0);
  });

  test('is 2 for what a socket does not take', async () => {
    const { settle, code, printed } = start(['-p', 'not a token', URL]);
    await settle();
    expect(code()).toBe(2);
    expect(printed.stderr).toMatch(/option `protocols` must be/);
  });

  test.each([
    [['--help'], /^Usage: longsocket/],
    [['--version'], /^1\.2\.3\n$/],
  ])('is 0 for %s', async (args, text) => {
    const { settle, code, printed } = start(args);
    await settle();
    expect(code()).toBe(0);
    expect(printed.stdout).toMatch(text);
  });

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('of %s is %i, after a close in good order', async (signal, exit) => {
    const { servers, pass, code, signal: send, exits } = start([URL]);
    await pass(100);
    const ends: unknown[] = [];
    (servers[0] as { onclose: unknown }).onclose = (end: { code: number }) => ends.push(end.code);
    send(signal);
    await pass(100);
    expect([code(), ends, exits]).toEqual([exit, [1000], []]);
  });

  test('of a second SIGINT is told at once', async () => {
    const { network, pass, signal, exits, code } = start([URL]);
    await pass(100);
    network.silence();
    signal('SIGINT');
    await pass(1000);
    expect([exits, code()]).toEqual([[], undefined]);
    signal('SIGINT');
    expect(exits).toEqual([130]);
  });

  test('is 0 when whoever read stdout has had enough', async () => {
    const stdout = new Writable({
      write(_chunk, _encoding, done) {
        done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
      },
    });
    const { stdin, pass, code, network } = start([URL], { stdout });
    stdin.write('one\ntwo\n');
    await pass(500);
    expect(code()).toBe(0);
    expect(network.open).toBe(0);
  });
});

describe('a session', () => {
  test('loses nothing over a cut, and says so', async () => {
    const { stdin, network, received, printed, pass, code } = start(['-s', URL], { sessions: true });
    stdin.write('one\n');
    await pass(200);
    stdin.end('two\nthree\n');
    network.cut();
    await pass(10_000);
    expect(code()).toBe(0);
    expect(received).toEqual(['one', 'two', 'three']);
    expect(printed.stdout).toBe('one\ntwo\nthree\n');
    expect(printed.stderr).toMatch(
      /connected, session session-1\n[\s\S]*\* resumed after \d+ ms, \d messages? sent again\n/,
    );
  });

  test('that is lost is told, and counts as a loss', async () => {
    const { stdin, network, restart, printed, pass, code } = start(['-s', URL], { sessions: true });
    await pass(200);
    network.silence();
    stdin.write('one\n');
    await pass(100);
    restart();
    await pass(60_000);
    stdin.end();
    await pass(10_000);
    expect(printed.stderr).toMatch(/\* session lost \(\w+\): (at most )?1 message did not arrive\n/);
    expect(code()).toBe(1);
  });

  test('is slowed by a slow reader of stdout, who gets all in the end', async () => {
    let open = false;
    let release = (): void => {};
    let bytes = 0;
    const stdout = new Writable({
      write(chunk: Buffer, _encoding, done) {
        bytes += chunk.length;
        if (open) done();
        else release = done;
      },
    });
    const { stdin, pass, code } = start(['-s', URL], { sessions: true, stdout });
    const line = `${'x'.repeat(9999)}\n`;
    stdin.end(line.repeat(1000));
    await pass(10_000);
    expect(stdout.writableLength).toBeLessThan(100_000);
    expect(code()).toBeUndefined();
    open = true;
    release();
    await pass(10_000);
    expect([bytes, code()]).toEqual([10_000_000, 0]);
  });

  test('is not left before the server has read all', async () => {
    const { received, printed, pass, code } = start(['-s', '-w', '0.1', '-x', 'hi', URL], {
      sessions: true,
      readsAt: 20_000,
    });
    await pass(19_000);
    expect([received, code()]).toEqual([[], undefined]);
    await pass(3000);
    expect([received, printed.stdout, code()]).toEqual([['hi'], 'hi\n', 0]);
  });

  test('is asked for in vain of a server that has none', async () => {
    const { pass, code, printed } = start(['-s', URL]);
    await pass(1000);
    expect(code()).toBe(1);
    expect(printed.stderr).toContain('gave up: option `session` needs a server of this library');
  });

  test('has its heartbeats told', async () => {
    const { printed, pass } = start(['-s', '-v', '--heartbeat', '2', URL], { sessions: true });
    await pass(5000);
    expect(printed.stderr).toContain('* heartbeat asked\n* heartbeat answered in 20 ms\n');
  });
});

describe('JSON', () => {
  test('has every event and message as one line each, and stderr is empty', async () => {
    const { stdin, network, events, printed, pass } = start(['--json', URL]);
    stdin.write('hi\n');
    await pass(100);
    network.cut();
    await pass(1000);
    stdin.end();
    await pass(1100);
    expect(printed.stderr).toBe('');
    const told = events();
    expect(told[0]).toEqual({ at: 0, event: 'state', status: 'connecting', attempt: 1, delay: 0 });
    const names = told.map(({ event }) => event).filter((event) => event !== 'state');
    expect(names).toEqual(['open', 'message', 'interrupted', 'error', 'reconnecting', 'open', 'close']);
    const of = (name: string) => told.find(({ event }) => event === name);
    expect(of('open')).toEqual({ at: 20, event: 'open', reconnected: false, protocol: '' });
    expect(of('message')).toEqual({ at: 40, event: 'message', data: 'hi' });
    expect(of('interrupted')).toMatchObject({ cause: 'lost', code: 1006, wasClean: false, unconfirmed: 1 });
    expect(of('error')).toMatchObject({ code: 'CONNECTION_LOST', message: expect.any(String) });
    expect(of('reconnecting')).toMatchObject({ attempt: 2, delay: 250, cause: { cause: 'lost' } });
    expect(of('close')).toMatchObject({ cause: 'caller', code: 1000, undelivered: 0 });
  });

  test('has bytes as base64, and messages alone with --quiet', async () => {
    const { events, pass } = start(['--json', '-q', '--hex', '-x', '6869', URL]);
    await pass(1500);
    expect(events()).toEqual([{ at: 40, event: 'message', base64: 'aGk=' }]);
  });

  test('has the messages that a lost session did not deliver', async () => {
    const { stdin, network, restart, events, pass } = start(['--json', '-s', URL], { sessions: true });
    await pass(200);
    network.silence();
    stdin.write('one\n');
    await pass(100);
    restart();
    await pass(60_000);
    expect(events().find(({ event }) => event === 'lost')).toMatchObject({ messages: [{ data: 'one' }] });
  });
});

describe('a terminal', () => {
  test('has a prompt, messages with a mark, and colours; Ctrl-D leaves at once', async () => {
    const { stdin, printed, received, pass, code } = start([URL], { terminal: true });
    stdin.write('hello\r\r');
    await pass(100);
    expect(received).toEqual(['hello']);
    expect(printed.stderr).toContain('> ');
    expect(printed.stderr).toContain('\x1b[32m* connected\x1b[0m\n');
    expect(printed.stdout).toBe('\x1b[36m<\x1b[0m hello\n');
    stdin.write('\x04');
    await pass(100);
    expect(code()).toBe(0);
    expect(printed.stderr).toMatch(/closed with code 1000\S*\n$/);
  });

  test('keeps the line that is being typed when a message comes', async () => {
    const { stdin, servers, printed, received, pass } = start([URL], { terminal: true });
    stdin.write('half');
    await pass(100);
    servers[0]?.send('news');
    await pass(100);
    expect(printed.stderr).toMatch(/> half\S*$/);
    stdin.write(' and half\r');
    await pass(100);
    expect(received).toEqual(['half and half']);
  });

  test('has Ctrl-C as a key', async () => {
    const { stdin, pass, code } = start([URL], { terminal: true });
    await pass(100);
    stdin.write('\x03');
    await pass(100);
    expect(code()).toBe(130);
  });

  test.each([{ NO_COLOR: '1' }, { TERM: 'dumb' }])('has no colours with %j', async (env) => {
    const { stdin, printed, pass } = start([URL], { terminal: true, env });
    stdin.write('hello\r');
    await pass(100);
    expect(printed.stdout).toBe('< hello\n');
    expect(printed.stderr).toMatch(/(?<!m)\* connected\n/);
  });
});
