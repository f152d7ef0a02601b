import { describe, expect, it } from 'vitest';
import { HeldPull, PullHoldService } from '../../../broker/longpolling/index.js';
import { seededRandom } from '../../../src/common/clock.js';
import { noopLogger } from '../../../src/common/logger.js';
import type { RemotingCommand } from '../../../src/remoting/command.js';
import type { Connection } from '../../../src/remoting/server.js';
import { FakeTime } from '../fake-time.js';

const request = {} as RemotingCommand;

function heldPull(
  time: FakeTime,
  suspendMs: number,
  fields: Partial<{ connection: Connection; queueId: number; queueOffset: number }> = {},
): HeldPull {
  return new HeldPull({
    connection: {} as Connection,
    request,
    topic: 'T',
    group: 'G',
    queueId: 0,
    queueOffset: 5,
    filter: null,
    deadlineMs: time.monotonicMs() + suspendMs,
    ...fields,
  });
}

function service(time: FakeTime, maxHeld?: number): { holds: PullHoldService; answered: HeldPull[] } {
  const answered: HeldPull[] = [];
  const holds = new PullHoldService({ clock: time, timers: time, logger: noopLogger, ...(maxHeld === undefined ? {} : { maxHeld }) });
  holds.setResumer((held) => answered.push(held));
  return { holds, answered };
}

describe('held pulls', () => {
  it('end at their deadline, late by a tick at most, whatever its distance', () => {
    const time = new FakeTime();
    const { holds, answered } = service(time);
    const random = seededRandom(7);
    const waits = Array.from({ length: 200 }, () => 1 + random.nextInt(200_000));
    const pulls = waits.map((wait) => heldPull(time, wait));
    for (const pull of pulls) holds.hold(pull);
    for (let passed = 0; passed <= 200_100; passed += 50) {
      for (const pull of answered.splice(0)) {
        const late = time.monotonicMs() - pull.deadlineMs;
        expect(late).toBeGreaterThanOrEqual(0);
        expect(late).toBeLessThanOrEqual(50);
      }
      time.advance(50);
    }
    expect(holds.size).toBe(0);
    expect(time.pendingCount).toBe(0);
  });

  it('are all answered when the answer of one of them fails, at an arrival, at a reset and at the deadline', () => {
    const time = new FakeTime();
    const { holds, answered } = service(time);
    let tries = 0;
    holds.setResumer((held) => {
      tries++;
      if (tries % 3 === 2) throw new Error('EIO: i/o error, read');
      answered.push(held);
    });
    const holdThree = (): void => {
      for (let i = 0; i < 3; i++) holds.hold(heldPull(time, 1_000));
    };
    holdThree();
    holds.onArrival('T', 0, 6, 0);
    holds.wakeArrived();
    expect(answered.splice(0)).toHaveLength(2);
    holdThree();
    holds.wakeGroup('T', 'G', 0);
    expect(answered.splice(0)).toHaveLength(2);
    holdThree();
    holds.wakeTopic('T');
    expect(answered.splice(0)).toHaveLength(2);
    holdThree();
    time.advance(2_000);
    expect(answered).toHaveLength(2);
    expect(tries).toBe(12);
    expect(holds.size).toBe(0);
    expect(time.pendingCount).toBe(0);
  });

  it('wait without any timer of their own', () => {
    const time = new FakeTime();
    const { holds } = service(time);
    for (let i = 0; i < 1000; i++) holds.hold(heldPull(time, 15_000));
    expect(time.pendingCount).toBe(1);
  });

  it('are woken by arrivals at or behind their offset only, once', () => {
    const time = new FakeTime();
    const { holds, answered } = service(time);
    holds.hold(heldPull(time, 15_000, { queueOffset: 5 }));
    holds.onArrival('T', 0, 5, 0);
    holds.onArrival('T', 1, 9, 0);
    holds.onArrival('U', 0, 9, 0);
    holds.wakeArrived();
    expect(answered).toHaveLength(0);
    holds.onArrival('T', 0, 6, 0);
    holds.onArrival('T', 0, 7, 0);
    holds.wakeArrived();
    expect(answered).toHaveLength(1);
    time.advance(20_000);
    expect(answered).toHaveLength(1);
  });

  it('are woken even when nobody calls after the arrival', () => {
    const time = new FakeTime();
    const { holds, answered } = service(time);
    holds.hold(heldPull(time, 15_000));
    holds.onArrival('T', 0, 6, 0);
    time.advance(0);
    expect(answered).toHaveLength(1);
  });

  it('that end together are all answered, also when one of the answers closes the connection of another', () => {
    const time = new FakeTime();
    const { holds, answered } = service(time);
    const gone = {} as Connection;
    holds.setResumer((held) => {
      answered.push(held);
      holds.onConnectionClosed(gone);
    });
    const pulls = [{}, { connection: gone }, {}].map((fields) => heldPull(time, 100, fields));
    for (const pull of pulls) holds.hold(pull);
    time.advance(200);
    expect(new Set(answered)).toEqual(new Set([pulls[0], pulls[2]]));
    expect(holds.size).toBe(0);
  });

  it('have a bound', () => {
    const time = new FakeTime();
    const { holds } = service(time, 2);
    expect([heldPull(time, 1), heldPull(time, 1), heldPull(time, 1)].map((pull) => holds.hold(pull))).toEqual([true, true, false]);
  });

  it('of a closed connection go, the others stay', () => {
    const time = new FakeTime();
    const { holds, answered } = service(time);
    const gone = {} as Connection;
    for (let i = 0; i < 6; i++) holds.hold(heldPull(time, 100, i % 2 === 0 ? { connection: gone } : {}));
    holds.onConnectionClosed(gone);
    expect(holds.size).toBe(3);
    time.advance(200);
    expect(answered).toHaveLength(3);
    expect(answered.every((held) => held.connection !== gone)).toBe(true);
  });
});
