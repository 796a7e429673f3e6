const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Bytes in use when all garbage is collected; needs `--expose-gc`. */
export async function heapUsed() {
  for (let i = 0; i < 4; i++) {
    await pause(50);
    globalThis.gc();
  }
  return process.memoryUsage().heapUsed;
}
