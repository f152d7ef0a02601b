/** How many questions of one command are under way at once. */
const IN_FLIGHT = 16;

/** Like `Promise.all` over a map, with a bound on how many run at once; the results keep the order. */
export async function mapLimited<A, B>(items: readonly A[], work: (item: A) => Promise<B>, limit: number = IN_FLIGHT): Promise<B[]> {
  const results = new Array<B>(items.length);
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let i = next++; i < items.length; i = next++) {
      results[i] = await work(items[i] as A);
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  return results;
}
