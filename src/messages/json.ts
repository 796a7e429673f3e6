import { LongSocketError } from '../core/errors.js';
import type { Codec } from '../socket/codec.js';
import { invalid, validate } from '../socket/options.js';
import { type AnySchema, type InputOf, type OutputOf, type StandardSchema, schemaCheck, validated } from './schema.js';

/** Schemas of what arrives and of what is sent; what has none is not checked. */
export interface JsonSchemas<Incoming extends AnySchema = AnySchema, Outgoing extends AnySchema = AnySchema> {
  /** What arrives has to fit it; the message is what the schema makes of it. */
  readonly incoming?: Incoming | undefined;
  /** What is sent has to fit it, or `send()` throws. It is sent as you gave it: what the schema makes of it is the other end's. */
  readonly outgoing?: Outgoing | undefined;
}

/**
 * Messages as JSON, in text frames. What arrives as bytes is read as UTF-8.
 *
 * - `json()`: any value of JSON, unchecked. Its types are what you say: `json<In, Out>()`.
 * - `json({ schema })`: one schema for both directions, of any library that follows Standard Schema.
 * - `json({ incoming, outgoing })`: one for each; either may be left out.
 *
 * What does not parse or fit is an `error` event, `INVALID_MESSAGE` with the data and, as `cause`, the list of the schema's
 * issues. Schemas have to validate at once: an async one is an `INVALID_OPTION` error for each message.
 * @throws LongSocketError `INVALID_OPTION`
 */
export function json<In = unknown, Out = unknown>(): Codec<In, Out>;
export function json<Schema extends AnySchema>(options: {
  readonly schema: Schema;
}): Codec<OutputOf<Schema>, InputOf<Schema>>;
export function json<Incoming extends AnySchema = StandardSchema, Outgoing extends AnySchema = StandardSchema>(
  options: JsonSchemas<Incoming, Outgoing>,
): Codec<OutputOf<Incoming>, InputOf<Outgoing>>;
export function json(options: JsonSchemas & { readonly schema?: AnySchema } = {}): Codec<unknown> {
  validate(options, { schema: schemaCheck, incoming: schemaCheck, outgoing: schemaCheck }, 'json.');
  const { schema, incoming = schema, outgoing = schema } = options;
  if (schema && (options.incoming || options.outgoing)) {
    throw invalid('option `json.schema` is for both directions: give it, or `json.incoming` and `json.outgoing`');
  }
  return {
    encode(message) {
      if (outgoing) validated(outgoing, message);
      const text: string | undefined = JSON.stringify(message);
      if (text === undefined) throw new LongSocketError('INVALID_MESSAGE', `JSON has no ${typeof message}`);
      return text;
    },
    decode(data) {
      const value: unknown = JSON.parse(
        typeof data === 'string' ? data : new TextDecoder('utf-8', UTF8).decode(data as ArrayBuffer),
      );
      return incoming ? validated(incoming, value) : value;
    },
  };
}

const UTF8 = { fatal: true };
