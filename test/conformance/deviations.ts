/** Where an implementation deviates from the standard, by the name of the case, and why. */
export type Implementation =
  | 'Chromium'
  | 'ws'
  | 'longsocket over Chromium'
  | 'longsocket over ws'
  | 'longsocket over Chromium, with a session'
  | 'longsocket over ws, with a session';

type Deviations = Readonly<Record<string, string>>;

const SURVIVES = 'what ends a connection does not end a session';
const NO_SUCH_SERVER = 'the server of a session chooses nothing that was not offered';

/** What there would be no answer to. */
export const NOT_ASKED: readonly (string | undefined)[] = [SURVIVES, NO_SUCH_SERVER];

const PLATFORMS_TARGET =
  "the EventTarget is the platform's: Node's calls listeners that were added during a dispatch in it";

const CLOSING_IN_ERROR = 'its state in the listeners of error is CLOSING';

export const deviations: Readonly<Record<Implementation, Deviations>> = {
  Chromium: {
    'close(999.5) rounds to the even neighbour': 'it truncates',
    'a reason of more than 123 bytes is a SyntaxError, told behind what is wrong with the code':
      'for it an undefined code before a reason is no missing one, but 0',
  },
  ws: {
    'the class: its name, length and ancestors':
      "it is one of Node's emitters, no EventTarget, and takes three arguments",
    'operations: enumerable, writable, with the lengths of their required arguments':
      'its methods are those of an ordinary class',
    'a call without new, and without arguments, is a TypeError': 'it takes what is missing for an invalid URL',
    'members of anything that is no WebSocket are TypeErrors': 'its members do not ask whose they are',
    'send() without an argument is a TypeError, also before it is open':
      'its exceptions are plain errors, and it takes no argument for an empty message',
    'a subclass is as good': 'it has no tag',
    'a new one: connecting, with empty protocol and extensions, and blobs': "its binaryType is 'nodebuffer'",
    'binaryType takes its two values, and ignores all others without an exception':
      "'nodebuffer' and 'fragments' are values as well",
    'handlers: what is no object stands for null; an object stays, called or not': 'it keeps nothing but functions',
    'URLs that are none, have another scheme, or a fragment, are SyntaxErrors': 'a fragment that is empty passes',
    'the exception is a DOMException, with the code of its name': 'it is a SyntaxError of the language',
    'what is wrong with the URL is told before what is wrong with the subprotocols, and a conversion before both':
      'it converts nothing before it looks',
    'subprotocols are offered in order: an array, or any iterable; a null is text': 'it takes arrays alone',
    'a server that chooses none of those offered fails the connection': CLOSING_IN_ERROR,
    'a server that chooses another fails the connection': CLOSING_IN_ERROR,
    'a server that chooses one though none was offered fails the connection': CLOSING_IN_ERROR,
    'once, signal, and objects with handleEvent, whose method is looked up each time': 'it knows no signal',
    'listeners that are removed by another are not called any more, and those added from the next event on':
      'a listener that is removed during a dispatch is called in it',
    'a handler takes its turn where it was first set, and keeps it when it is replaced':
      'a handler that is replaced takes the last turn',
    'a handler is called with the event alone, and on the socket': 'its events have no currentTarget, and no phases',
    'stopImmediatePropagation keeps an event from the rest': 'its events cannot be stopped',
    'anybody may dispatch events of any type at it': 'nothing can be dispatched at it',
    'send() makes text of what is neither bytes nor a Blob': 'of all that, it takes numbers and undefined',
    'send() refuses bytes that others may change or resize': 'it sends them',
    'a buffer may be changed as soon as it is sent, and one that was transferred away is empty':
      'it throws for a buffer that was transferred away',
    'a message event is a MessageEvent with data and origin, and neither bubbles nor can be cancelled':
      'its events are classes of its own, with data alone',
    'bufferedAmount counts bytes of what is sent in this task, whatever the transport has taken':
      'it does not count what the system has taken already',
    'bufferedAmount counts in a listener of open as well, and in the next one':
      'it does not count what the system has taken already',
    'close(text) converts to a number': 'it takes nothing but a number it likes',
    'close(999.5) rounds to the even neighbour': 'it takes nothing but a number it likes',
    'other codes are InvalidAccessErrors, and change nothing':
      'it throws TypeErrors, lets pass what may be sent by others than pages, and is closing then',
    'a bigint or a symbol is a TypeError': 'it throws for a symbol too late',
    'a reason of more than 123 bytes is a SyntaxError, told behind what is wrong with the code':
      'it throws a RangeError, and no more once it is closing',
    'arguments are checked when it is connecting and when it is closed, too': 'it does not look at them then',
    'close() while connecting is closing at once; an error and a close follow in a task of their own': CLOSING_IN_ERROR,
    'close() while connecting, to a server that never answers, is as quick': CLOSING_IN_ERROR,
    'messages that come once close() was called are dropped': 'it tells them',
    'a frame that is against the protocol is a failure': CLOSING_IN_ERROR,
    'an upgrade that is refused is a failure, and so is a port where nobody listens': CLOSING_IN_ERROR,
    'a close event is a CloseEvent, and an error event a plain one': 'its events are classes of its own',
  },
  'longsocket over Chromium': {},
  'longsocket over ws': {
    'listeners that are removed by another are not called any more, and those added from the next event on':
      PLATFORMS_TARGET,
  },
  'longsocket over Chromium, with a session': {
    'a connection that is cut is 1006, and no failure': SURVIVES,
    'a frame that is against the protocol is a failure': SURVIVES,
    'a server that chooses one though none was offered fails the connection': NO_SUCH_SERVER,
  },
  'longsocket over ws, with a session': {
    'listeners that are removed by another are not called any more, and those added from the next event on':
      PLATFORMS_TARGET,
    'a connection that is cut is 1006, and no failure': SURVIVES,
    'a frame that is against the protocol is a failure': SURVIVES,
    'a server that chooses one though none was offered fails the connection': NO_SUCH_SERVER,
  },
};
