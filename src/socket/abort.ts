/** The platform's `AbortSignal`, where its types are known. */
export type Abort = typeof globalThis extends { AbortSignal: { prototype: infer Signal } } ? Signal : AbortLike;

/** What is used of an `AbortSignal`. */
export interface AbortLike {
  /** Whether it has been aborted. */
  readonly aborted: boolean;
  /** Why, if it has. */
  readonly reason?: unknown;
  /** Listens for the abort. */
  addEventListener(type: 'abort', listener: () => void): void;
  /** Stops that. */
  removeEventListener(type: 'abort', listener: () => void): void;
}

/** The platform's `AbortController`; declared here since neither lib.dom nor Node's types are required. */
export function abortController(): { readonly signal: Abort & { readonly aborted: boolean }; abort(): void } {
  const { AbortController } = globalThis as unknown as {
    AbortController: new () => ReturnType<typeof abortController>;
  };
  return new AbortController();
}
