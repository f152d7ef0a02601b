/**
 * How long the quickest of several tries took, in ms. For upper bounds on a machine that has other work: one try in the time shows that
 * the code can, while a single slow one shows only that the process had to wait for a core.
 */
export async function quickest(tries: number, attempt: (index: number) => Promise<unknown>): Promise<number> {
  let quickestMs = Number.POSITIVE_INFINITY;
  for (let index = 0; index < tries; index++) {
    const startMs = performance.now();
    await attempt(index);
    quickestMs = Math.min(quickestMs, performance.now() - startMs);
  }
  return quickestMs;
}
