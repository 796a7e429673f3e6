/**
 * Ids and keys that cannot be guessed, and what is kept of a key. They enter the core as data; the injected `random` is for
 * waits, and never for secrets.
 */
import { createHash, randomBytes } from 'node:crypto';

/** 128 bits each, as text that goes into a URL. */
export function newSession(): { session: string; key: string } {
  return { session: randomBytes(16).toString('base64url'), key: randomBytes(16).toString('base64url') };
}

/** What a server keeps of a key. */
export function hashOf(key: string): string {
  return createHash('sha256').update(key).digest('base64url');
}
