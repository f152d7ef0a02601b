/**
 * Throws what a callback of the application threw outside of the stack that called it: as an uncaught exception of the application,
 * not as an error of the connection whose bytes were being read.
 */
export function throwLater(thrown: unknown): void {
  process.nextTick(() => {
    throw thrown;
  });
}
