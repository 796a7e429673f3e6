import { LongSocketError } from '../core/errors.js';
import type { Check } from '../socket/options.js';

/** What a schema of any library that follows Standard Schema (https://standardschema.dev) is: zod, valibot, arktype, … */
export interface StandardSchema<Input = unknown, Output = Input> {
  /** What the standard has schemas carry. */
  readonly '~standard': {
    /** Of the standard. */
    readonly version: 1;
    /** The library it is from. */
    readonly vendor: string;
    /** What the schema makes of a value. */
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    /** For the compiler alone. */
    readonly types?:
      | {
          /** What it takes. */
          readonly input: Input;
          /** What it makes of that. */
          readonly output: Output;
        }
      | undefined;
  };
}

/** What a schema makes of a value: another value, or what is wrong with it. */
export type SchemaResult<Output> =
  /** It fits, and this is what the schema makes of it. */
  | { readonly value: Output; readonly issues?: undefined }
  /** It does not fit. */
  | { readonly issues: readonly SchemaIssue[] };

/** One thing that is wrong with a value, and where. */
export interface SchemaIssue {
  /** What, in the schema's words. */
  readonly message: string;
  /** The keys that lead there. */
  readonly path?: readonly (PropertyKey | SchemaKey)[] | undefined;
}

/** A key that some libraries say more about. */
export interface SchemaKey {
  /** The key. */
  readonly key: PropertyKey;
}

/** A schema of whatever types. */
// biome-ignore lint/suspicious/noExplicitAny: of whatever types
export type AnySchema = StandardSchema<any, any>;

/** What a schema takes. */
export type InputOf<Schema extends AnySchema> = NonNullable<Schema['~standard']['types']>['input'];

/** What it makes of that. */
export type OutputOf<Schema extends AnySchema> = NonNullable<Schema['~standard']['types']>['output'];

export const schemaCheck: Check = [
  'a schema that follows Standard Schema (zod, valibot, arktype, …)',
  (value) => typeof Object(Object(value)['~standard']).validate === 'function',
];

/**
 * What a schema makes of a value.
 * @throws LongSocketError `INVALID_MESSAGE`, whose `cause` is the list of issues; `INVALID_OPTION` if the schema is async
 */
export function validated<Schema extends AnySchema>(schema: Schema, value: unknown): OutputOf<Schema> {
  const result = resultOf(schema, value);
  if ('then' in result) {
    result.then(undefined, () => {});
    throw new LongSocketError(
      'INVALID_OPTION',
      'a schema must validate at once, and this one returned a promise: messages would have to wait for it. Check what takes time where the message is used',
    );
  }
  if (!result.issues) return result.value;
  const [first] = result.issues;
  throw new LongSocketError('INVALID_MESSAGE', `a message does not fit the schema: ${textOf(first)}`, {
    cause: result.issues,
  });
}

function resultOf(schema: AnySchema, value: unknown): ReturnType<AnySchema['~standard']['validate']> {
  try {
    const result = schema['~standard'].validate(value);
    if (result === Object(result)) return result;
  } catch (cause) {
    throw new LongSocketError('INVALID_MESSAGE', 'the schema threw instead of validating a message', { cause });
  }
  throw new LongSocketError('INVALID_MESSAGE', 'the schema made neither a value nor issues of a message');
}

function textOf({ message, path = [] }: SchemaIssue = { message: 'no issue is named' }): string {
  const keys = path.map((part) => String(typeof part === 'object' ? part.key : part));
  return keys.length > 0 ? `${message} (at ${keys.join('.')})` : message;
}
