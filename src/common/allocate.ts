/* Division of a sorted list among the members of a group; clients and brokers must reach the same one. */

/** Blocks of neighbours; the first members get one more. Mirrors AllocateMessageQueueAveragely. */
export function allocateBlock<T>(items: readonly T[], index: number, memberCount: number): T[] {
  const mod = items.length % memberCount;
  const base = Math.floor(items.length / memberCount);
  const size = items.length <= memberCount ? 1 : index < mod ? base + 1 : base;
  const start = mod > 0 && index < mod ? index * size : index * size + mod;
  return items.slice(start, start + size);
}

/** Dealt in turn. Mirrors AllocateMessageQueueAveragelyByCircle. */
export function allocateInTurn<T>(items: readonly T[], index: number, memberCount: number): T[] {
  return items.filter((_, at) => at % memberCount === index);
}
