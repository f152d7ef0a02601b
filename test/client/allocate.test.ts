import { describe, expect, it } from 'vitest';
import {
  type AllocateMessageQueueStrategy,
  allocateAveragely,
  allocateAveragelyByCircle,
  allocateByConfig,
  allocateByConsistentHash,
  allocateByMachineRoom,
  allocateMachineRoomNearby,
} from '../../src/client/consumer/allocate.js';
import type { MessageQueue } from '../../src/client/message-queue.js';

function queues(count: number, brokerName = 'b'): MessageQueue[] {
  return Array.from({ length: count }, (_, queueId) => ({ topic: 'T', brokerName, queueId }));
}

function divide(strategy: AllocateMessageQueueStrategy, all: MessageQueue[], clientIds: string[]): number[][] {
  return clientIds.map((clientId) =>
    strategy.allocate({ consumerGroup: 'G', clientId, queues: all, clientIds }).map((queue) => queue.queueId),
  );
}

const THREE = ['c0', 'c1', 'c2'];

describe('dividing 8 queues among 3 clients as Apache 5.3.3 does', () => {
  it.each([
    [
      allocateAveragely,
      [
        [0, 1, 2],
        [3, 4, 5],
        [6, 7],
      ],
    ],
    [
      allocateAveragelyByCircle,
      [
        [0, 3, 6],
        [1, 4, 7],
        [2, 5],
      ],
    ],
    [
      allocateByConsistentHash,
      [
        [3, 4, 6],
        [1, 2, 5],
        [0, 7],
      ],
    ],
  ])('$name', (strategy, expected) => {
    expect(divide(strategy, queues(8), THREE)).toEqual(expected);
  });
});

describe.each([allocateAveragely, allocateAveragelyByCircle, allocateByConsistentHash])('$name', (strategy) => {
  it('gives every queue to exactly one client, for any numbers of both', () => {
    for (let queueCount = 0; queueCount <= 17; queueCount++) {
      for (let clientCount = 1; clientCount <= 9; clientCount++) {
        const clientIds = Array.from({ length: clientCount }, (_, i) => `10.0.0.${i}@1`);
        const parts = divide(strategy, queues(queueCount), clientIds);
        expect(parts.flat().sort((a, b) => a - b)).toEqual(queues(queueCount).map((queue) => queue.queueId));
      }
    }
  });

  it('gives nothing to a client that is not a member', () => {
    expect(strategy.allocate({ consumerGroup: 'G', clientId: 'x', queues: queues(4), clientIds: THREE })).toEqual([]);
  });
});

describe('other strategies', () => {
  it('CONFIG gives what it was told', () => {
    expect(divide(allocateByConfig(queues(2)), queues(8), THREE)).toEqual([
      [0, 1],
      [0, 1],
      [0, 1],
    ]);
  });

  it('MACHINE_ROOM takes only brokers of its rooms', () => {
    const all = [...queues(4, 'r1@a'), ...queues(4, 'r2@b'), ...queues(2, 'none')];
    expect(divide(allocateByMachineRoom(new Set(['r1'])), all, THREE)).toEqual([[0, 3], [1], [2]]);
  });

  it('MACHINE_ROOM_NEARBY keeps a room to its clients, and shares rooms without any', () => {
    const strategy = allocateMachineRoomNearby(allocateAveragely, {
      brokerDeployIn: (queue) => queue.brokerName,
      consumerDeployIn: (clientId) => clientId.slice(0, 2),
    });
    expect(strategy.name).toBe('MACHINE_ROOM_NEARBY-AVG');
    const clientIds = ['r1-a', 'r1-b', 'r2-a'];
    const of = (clientId: string): string[] =>
      strategy
        .allocate({ consumerGroup: 'G', clientId, queues: [...queues(4, 'r1'), ...queues(2, 'r2'), ...queues(3, 'r3')], clientIds })
        .map((queue) => `${queue.brokerName}/${queue.queueId}`);
    expect(of('r1-a')).toEqual(['r1/0', 'r1/1', 'r3/0']);
    expect(of('r1-b')).toEqual(['r1/2', 'r1/3', 'r3/1']);
    expect(of('r2-a')).toEqual(['r2/0', 'r2/1', 'r3/2']);
  });
});
