import { createHash } from 'node:crypto';
import { allocateBlock, allocateInTurn } from '../../common/allocate.js';
import { UsageError } from '../../common/errors.js';
import { compareText, type MessageQueue, queueText } from '../message-queue.js';

/**
 * Says which queues a member of a group owns. `queues` and `clientIds` come sorted and are the same for all members, so that all
 * of them reach the same division without talking to each other. A client that is not in the list owns nothing.
 */
export interface AllocateMessageQueueStrategy {
  /** Name as Apache's: it is part of the protocol of a group, all members must use the same one. */
  readonly name: string;
  allocate(input: AllocateInput): MessageQueue[];
}

export interface AllocateInput {
  consumerGroup: string;
  clientId: string;
  queues: readonly MessageQueue[];
  clientIds: readonly string[];
}

/** Blocks of neighbouring queues; the first clients get one more. */
export const allocateAveragely: AllocateMessageQueueStrategy = {
  name: 'AVG',
  allocate({ clientId, queues, clientIds }) {
    const index = clientIds.indexOf(clientId);
    return index < 0 ? [] : allocateBlock(queues, index, clientIds.length);
  },
};

/** Queues dealt in turn. */
export const allocateAveragelyByCircle: AllocateMessageQueueStrategy = {
  name: 'AVG_BY_CIRCLE',
  allocate({ clientId, queues, clientIds }) {
    const index = clientIds.indexOf(clientId);
    return index < 0 ? [] : allocateInTurn(queues, index, clientIds.length);
  },
};

/** A fixed list that the user gives; nothing is checked. */
export function allocateByConfig(queues: readonly MessageQueue[]): AllocateMessageQueueStrategy {
  return { name: 'CONFIG', allocate: () => [...queues] };
}

/** Only queues of brokers named `room@name` whose room is in the set. */
export function allocateByMachineRoom(consumerRooms: ReadonlySet<string>): AllocateMessageQueueStrategy {
  return {
    name: 'MACHINE_ROOM',
    allocate({ clientId, queues, clientIds }) {
      const index = clientIds.indexOf(clientId);
      if (index < 0) {
        return [];
      }
      const mine = queues.filter((queue) => {
        const parts = queue.brokerName.split('@');
        return parts.length === 2 && consumerRooms.has(parts[0] ?? '');
      });
      const each = Math.floor(mine.length / clientIds.length);
      const result = mine.slice(index * each, index * each + each);
      const extra = mine[index + each * clientIds.length];
      if (mine.length % clientIds.length > index && extra !== undefined) {
        result.push(extra);
      }
      return result;
    },
  };
}

/** Says in which machine room a broker or a client is. */
export interface MachineRoomResolver {
  brokerDeployIn(queue: MessageQueue): string;
  consumerDeployIn(clientId: string): string;
}

/** Each room's queues go to the clients of that room; queues of rooms without a client are shared by all. */
export function allocateMachineRoomNearby(
  inner: AllocateMessageQueueStrategy,
  resolver: MachineRoomResolver,
): AllocateMessageQueueStrategy {
  return {
    name: `MACHINE_ROOM_NEARBY-${inner.name}`,
    allocate(input) {
      if (!input.clientIds.includes(input.clientId)) {
        return [];
      }
      const queuesByRoom = groupBy(input.queues, (queue) => resolver.brokerDeployIn(queue), 'broker');
      const clientsByRoom = groupBy(input.clientIds, (clientId) => resolver.consumerDeployIn(clientId), 'consumer');
      const room = resolver.consumerDeployIn(input.clientId);
      const result = inner.allocate({ ...input, queues: queuesByRoom.get(room) ?? [], clientIds: clientsByRoom.get(room) ?? [] });
      for (const [other, queues] of queuesByRoom) {
        if (!clientsByRoom.has(other)) {
          result.push(...inner.allocate({ ...input, queues }));
        }
      }
      return result;
    },
  };
}

function groupBy<T>(items: readonly T[], roomOf: (item: T) => string, kind: string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const room = roomOf(item);
    if (room === '') {
      throw new UsageError(`the machine room of ${kind} ${JSON.stringify(item)} is empty`);
    }
    const group = groups.get(room);
    if (group === undefined) {
      groups.set(room, [item]);
    } else {
      group.push(item);
    }
  }
  return groups;
}

const VIRTUAL_NODE_COUNT = 10;

/** A hash ring with 10 virtual nodes a client: a client that comes or goes moves few queues. */
export const allocateByConsistentHash: AllocateMessageQueueStrategy = {
  name: 'CONSISTENT_HASH',
  allocate({ clientId, queues, clientIds }) {
    if (!clientIds.includes(clientId)) {
      return [];
    }
    const ring = clientIds
      .flatMap((owner) => Array.from({ length: VIRTUAL_NODE_COUNT }, (_, replica) => ({ owner, hash: ringHash(`${owner}-${replica}`) })))
      .sort((a, b) => a.hash - b.hash || compareText(a.owner, b.owner));
    return queues.filter((queue) => {
      const hash = ringHash(queueText(queue));
      return (ring.find((node) => node.hash >= hash) ?? ring[0])?.owner === clientId;
    });
  },
};

/** First four bytes of the MD5, unsigned. */
function ringHash(text: string): number {
  return createHash('md5').update(text, 'utf8').digest().readUInt32BE(0);
}
