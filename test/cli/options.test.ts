import { describe, expect, test } from 'vitest';
import { type Command, commandOf } from '../../src/cli/options.js';

const command = (...args: string[]): Command => commandOf(args) as Command;

describe('the URL', () => {
  test.each([
    ['ws://host/path?a=b', 'ws://host/path?a=b'],
    ['https://host', 'wss://host/'],
    ['localhost:8080', 'ws://localhost:8080/'],
    ['host.example/live', 'ws://host.example/live'],
    [':8080/live', 'ws://localhost:8080/live'],
    ['[::1]:80', 'ws://[::1]/'],
  ])('may be %s', (text, url) => {
    expect(command(text).url).toBe(url);
  });

  test.each(['ftp://user:secret@host', 'ws://user:secret@host/#fragment', 'ws://user:secret@ho st'])(
    'is refused without a word of what it holds: %s',
    (text) => {
      expect(() => command(text)).toThrow(/must be one of ws, wss, http or https/);
      expect(() => command(text)).not.toThrow(/secret/);
    },
  );
});

describe('the options', () => {
  test('are those of a socket', () => {
    const args = ['-s', '-H', 'A: 1', '-H', 'B:2 ', '-H', 'A: x: y', '-p', 'one', '-p', 'two', '-o', 'http://page'];
    expect(command(...args, '--heartbeat', '2.5', '--no-reconnect', '-k', 'ws://host').options).toEqual({
      session: true,
      reconnect: false,
      headers: { A: ['1', 'x: y'], B: '2' },
      protocols: ['one', 'two'],
      heartbeat: { interval: 2500 },
      node: { origin: 'http://page', rejectUnauthorized: false },
    });
  });

  test('leave all as it is by default', () => {
    expect(command('ws://host')).toEqual({
      url: 'ws://host/',
      options: { session: false, reconnect: true, node: {} },
      messages: undefined,
      hex: false,
      json: false,
      verbose: false,
      quiet: false,
    });
  });

  test.each([
    ['2', 2000],
    ['.5', 500],
    ['0', 0],
    ['inf', Number.POSITIVE_INFINITY],
  ])('take %s for a time to wait', (text, wait) => {
    expect(command('-w', text, 'ws://host').wait).toBe(wait);
  });

  test.each([[['-h']], [['--help', 'ws://host']]])('ask for help: %s', (args) => {
    expect(commandOf(args)).toBe('help');
  });

  test('ask for the version', () => {
    expect(commandOf(['--version'])).toBe('version');
  });

  test.each([
    [[], 'which URL?'],
    [['ws://a', 'ws://b'], 'one URL is expected, and there are 2 arguments: are quotes missing?'],
    [['--no-such', 'ws://a'], "Unknown option '--no-such'"],
    [['--session=yes', 'ws://a'], /-s, --session.*does not take an argument/],
    [['ws://a', '-w', 'soon'], '--wait must be a number of seconds, or inf, got "soon"'],
    [['ws://a', '--heartbeat', 'inf'], '--heartbeat must be a number of seconds, got "inf"'],
    [['ws://a', '-w=-1'], /--wait must be/],
    [['ws://a', '-v', '-q'], '--verbose and --quiet contradict each other'],
    [['ws://a', '-H', 'secret'], "--header must be 'Name: value'"],
    [['ws://a', '-H', 'A: b', '-H', 'Na me: secret'], "--header must be 'Name: value' (number 2)"],
    [['ws://a', '-H', 'A: secret\r\nB: c'], "--header must be 'Name: value'"],
  ])('that cannot be are refused: %j', (args, message) => {
    expect(() => commandOf(args)).toThrow(message);
    expect(() => commandOf(args)).not.toThrow(/secret/);
  });
});
