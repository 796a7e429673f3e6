export { type ErrorCode, LongSocketError } from './core/errors.js';
export type { Data } from './core/types.js';
export type { RequestOptions } from './messages/asking.js';
export type { HandleOptions, RequestContext } from './messages/handling.js';
export { type JsonSchemas, json } from './messages/json.js';
export { type Requests, type RequestsOptions, requests } from './messages/requests.js';
export type {
  AnySchema,
  InputOf,
  OutputOf,
  SchemaIssue,
  SchemaKey,
  SchemaResult,
  StandardSchema,
} from './messages/schema.js';
export type { Codec } from './socket/codec.js';
