/**
 * What `longsocket/compat` does on purpose in another way than the libraries it stands in for. The differential tests name one of these
 * wherever the logs differ, and README has a row for each.
 */
export const differences = {
  'failed dials are 1006':
    'a dial that failed is `error`, then `close` 1006, unclean; theirs: `close` 1000, clean, then `error`',
  'honest wasClean':
    'wasClean and reason are those of the connection; partysocket: always true, "unknown reason" for none',
  'close() tells at once':
    '`close` comes within close(), and readyState is CLOSED behind it; reconnecting-websocket: later',
  'never CLOSING':
    'what is given up is CLOSED at once, though its closing handshake goes on; theirs: CLOSING for a while',
  'close() of a dial is told': 'close() while dialing is `close` with your code, unclean; theirs: clean, or nothing',
  'send() tells': 'send() returns a boolean, as in partysocket',
  'giving up shows': 'shouldReconnect is false when it has given up; theirs: true for ever',
  'it comes back':
    'reconnect() works in every state; reconnecting-websocket: dead after close() before open, or giving up',
  'once works':
    'listener options `once` and `signal` work, and a listener added twice is called once, as on an EventTarget',
  'timeouts do not crash':
    'connectionTimeout aborts the dial; reconnecting-websocket over `ws`: an unhandled error event ends the process',
  'providers may fail':
    'a provider that throws or rejects is a failed attempt: `error`, and a retry. Not a close of what was none',
  'providers may hang': 'connectionTimeout limits providers too; theirs: for ever',
  'the last url wins': 'reconnect() drops a provider still at work; theirs: it waits for it, and dials the old answer',
  'reconnect() does not wait': 'reconnect() during a wait dials at once; theirs: when the wait is over',
  'bytes are bytes':
    'bufferedAmount counts UTF-8 bytes, and in an open listener what goes out behind it; theirs: UTF-16 units',
  'bad messages are refused': 'send() throws on what is no message; theirs: the queue stops at it on every connection',
  'handlers do not starve listeners': 'an `on…` handler that throws starves nobody',
  'events know their target': '`on…` handlers get an event whose target is the socket',
  'jitter unless you name a wait': 'without any of the three delay options waits are drawn at random, as by LongSocket',
  'updates accumulate':
    'updateProperties() builds on the last one, keeps the id, and a path given once; partysocket forgets',
  'no timers behind close()': 'close() during a wait leaves no timer; theirs: the process stays alive until it is due',
} as const;

export type Difference = keyof typeof differences;
