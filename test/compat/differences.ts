/** Shown by a scenario of the differential suite, which names the difference. */
const SCENARIO = 'a scenario';

/**
 * What `longsocket/compat` does on purpose in another way than the libraries it stands in for, and where that is shown: by a scenario, or
 * by the test of this title. README has a row for each, and for nothing else.
 */
export const differences = {
  'failed dials are 1006': SCENARIO,
  'honest wasClean': SCENARIO,
  'close() tells at once': SCENARIO,
  'never CLOSING': SCENARIO,
  'close() of a dial is told': SCENARIO,
  'wrong close codes throw': 'with code %d throws, and closes nothing',
  'send() tells': SCENARIO,
  'bad messages are refused': SCENARIO,
  'bytes are bytes': SCENARIO,
  'giving up shows': SCENARIO,
  'it comes back': SCENARIO,
  'reconnect() does not wait': SCENARIO,
  'providers may fail': SCENARIO,
  'providers may hang': 'that takes too long is given up, and the provider of its url as well',
  'the last url wins': SCENARIO,
  'timeouts do not crash': SCENARIO,
  'no timers behind close()': 'during a wait leaves no timer',
  'jitter unless you name a wait': 'is drawn at random, as by a LongSocket, when none is given',
  'waits the server asks for': 'is lengthened by what the server asks for',
  'what cannot work ends': 'a WebSocket that the platform forbids is an error, once',
  "listeners are an EventTarget's": SCENARIO,
  'handlers do not starve listeners': 'reach all listeners, also behind a handler that throws',
  'events know their target': SCENARIO,
  'updates accumulate': 'builds on the update before it, and keeps the id and the path',
  'options are checked': '%j are refused by name',
  CommonJS: 'export the same names to import and to require',
} as const;

export type Difference = keyof typeof differences;
