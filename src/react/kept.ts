import { useInsertionEffect, useState } from 'react';
import { LongSocketError } from '../core/errors.js';

/** So many changes without a commit between them are no change of mind, but a mistake. React itself would allow 25. */
const MOST_CHANGES = 10;

interface Kept<Value> {
  readonly value: Value;
  readonly deps: readonly unknown[];
  /** Since the last commit. */
  changes: number;
}

/**
 * As `useMemo`, but kept for certain: a memo may be thrown away by React, and is by a hot reload. `make` has no effects, as
 * what it makes may never be committed.
 * @param advice what to do where `deps` are others at every render.
 */
export function useKept<Value>(make: () => Value, deps: readonly unknown[], advice: string): Value {
  const [kept, keep] = useState<Kept<Value>>(() => ({ value: make(), deps, changes: 0 }));
  useInsertionEffect(() => {
    kept.changes = 0;
  });
  if (isSame(kept.deps, deps)) return kept.value;
  if (kept.changes >= MOST_CHANGES) throw new LongSocketError('INVALID_ARGUMENT', advice);
  const next = { value: make(), deps, changes: kept.changes + 1 };
  // React renders again at once, with this.
  keep(next);
  return next.value;
}

function isSame(before: readonly unknown[], now: readonly unknown[]): boolean {
  return before.length === now.length && before.every((value, index) => Object.is(value, now[index]));
}
