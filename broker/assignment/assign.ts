import { allocateBlock, allocateInTurn } from '../../src/common/allocate.js';
import type { MessageQueue } from '../../src/remoting/bodies/index.js';

type Strategy = (queues: readonly MessageQueue[], index: number, memberCount: number) => MessageQueue[];

/** The strategies that a broker can be asked for. */
const STRATEGIES: ReadonlyMap<string, Strategy> = new Map<string, Strategy>([
  ['AVG', allocateBlock],
  ['AVG_BY_CIRCLE', allocateInTurn],
]);

export interface AssignInput {
  strategyName: string;
  clientId: string;
  /** Sorted. */
  queues: readonly MessageQueue[];
  /** Sorted. */
  clientIds: readonly string[];
}

/** The queues that a member pulls; null for a strategy that a broker cannot apply. */
export function assignForPull({ strategyName, clientId, queues, clientIds }: AssignInput): MessageQueue[] | null {
  const strategy = STRATEGIES.get(strategyName);
  if (strategy === undefined) return null;
  const index = clientIds.indexOf(clientId);
  return index < 0 ? [] : strategy(queues, index, clientIds.length);
}

/**
 * The queues that a member pops. With no sharing limit, or one that all members are within, it pops all queues of each broker (queueId −1);
 * otherwise its own and those of the `popShareQueueNum` members after it; with more members than queues each has one.
 */
export function assignForPop(input: AssignInput, popShareQueueNum: number): MessageQueue[] | null {
  const { strategyName, clientId, queues, clientIds } = input;
  const strategy = STRATEGIES.get(strategyName);
  if (strategy === undefined) return null;
  if (popShareQueueNum <= 0 || popShareQueueNum >= clientIds.length - 1) {
    return unique(queues.map((queue) => ({ ...queue, queueId: -1 })));
  }
  const index = clientIds.indexOf(clientId);
  if (clientIds.length > queues.length) return index < 0 || queues.length === 0 ? [] : [queues[index % queues.length]!];
  if (index < 0) return [];
  const assigned: MessageQueue[] = [];
  for (let i = 0; i <= popShareQueueNum; i++) {
    assigned.push(...strategy(queues, (index + i) % clientIds.length, clientIds.length));
  }
  return unique(assigned);
}

function unique(queues: readonly MessageQueue[]): MessageQueue[] {
  return [...new Map(queues.map((queue) => [`${queue.brokerName}\u0000${queue.queueId}`, queue])).values()];
}
