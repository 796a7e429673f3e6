/** What the surroundings say. `wake`: back from sleep, hiding or freezing; `freeze`: about to be stopped. */
export type Signal = 'online' | 'offline' | 'wake' | 'freeze';

/**
 * Watches the surroundings and reports what happens; returns how to stop. Replaceable: with React Native's `AppState` and
 * `NetInfo`, say, or with nothing.
 */
export type Signals = (report: (signal: Signal) => void) => () => void;

interface Target {
  addEventListener(type: string, listener: (event: { persisted?: boolean }) => void): void;
  removeEventListener(type: string, listener: (event: { persisted?: boolean }) => void): void;
}

interface Surroundings extends Partial<Target> {
  readonly document?: Target & { readonly visibilityState: string };
  readonly navigator?: { readonly connection?: Partial<Target> };
}

/**
 * The page's or worker's own events. They are hints: each cuts a wait short or asks for a sign of life, none ends a
 * connection. (Wakes from sleep are noticed by the driver as well, from the gap in the clock, in Node too.)
 */
export const platformSignals: Signals = (report) => {
  const surroundings = globalThis as unknown as Surroundings;
  const { document, navigator } = surroundings;
  const stops: (() => void)[] = [];
  const watch = (
    target: Partial<Target> | undefined,
    type: string,
    signal: (event: { persisted?: boolean }) => Signal | undefined,
  ): void => {
    if (!target?.addEventListener) return;
    const listener = (event: { persisted?: boolean }): void => {
      const name = signal(event);
      if (name) report(name);
    };
    target.addEventListener(type, listener);
    stops.push(() => target.removeEventListener?.(type, listener));
  };
  watch(surroundings, 'online', () => 'online');
  watch(surroundings, 'offline', () => 'offline');
  // Into and out of the back/forward cache; the first `pageshow` of a page is not a return.
  watch(surroundings, 'pageshow', ({ persisted }) => (persisted ? 'wake' : undefined));
  watch(surroundings, 'pagehide', () => 'freeze');
  watch(document, 'freeze', () => 'freeze');
  watch(document, 'resume', () => 'wake');
  watch(document, 'visibilitychange', () => (document?.visibilityState === 'visible' ? 'wake' : undefined));
  // Another network, such as Wi-Fi for mobile. Not in every browser.
  watch(navigator?.connection, 'change', () => 'online');
  // Elsewhere there is nothing to watch, and nothing for each socket to remember.
  if (stops.length === 0) return nothing;
  return () => {
    for (const stop of stops) stop();
  };
};

const nothing = (): void => {};
