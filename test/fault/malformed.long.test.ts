import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/common/clock.js';
import { type Sandbox, startSandbox, until } from '../sandbox.js';
import { attack, collectedHeapBytes, openSockets } from './malformed-nodes.js';

const SEED = Number(process.env.MQKIT_SEED ?? 1);
const COUNT = Number(process.env.MQKIT_FAULT_FRAMES ?? 100_000);
/** The heap after the second half may be this much larger than after the first. */
const GROWTH = 1.05;

describe(`two times ${COUNT} malformed frames, seed ${SEED}`, () => {
  let sandbox: Sandbox;

  beforeAll(async () => {
    sandbox = await startSandbox();
  });

  afterAll(() => sandbox.stop());

  it.each(['name server', 'broker'] as const)('leave the %s as it was', async (kind) => {
    const random = seededRandom(SEED);
    const sockets = openSockets();
    const heap: number[] = [];
    for (let half = 0; half < 2; half++) {
      const run = await attack(sandbox, kind, COUNT, random);
      expect(run.failures).toEqual([]);
      expect(run.frames).toBe(COUNT);
      expect(run.bystanderFailures).toBe(0);
      await until(() => openSockets() <= sockets);
      heap.push(await collectedHeapBytes());
    }
    const [first, second] = heap as [number, number];
    console.log(
      `${kind}: heap after the first ${COUNT} frames ${first} bytes, after the second ${second}, ratio ${(second / first).toFixed(4)}`,
    );
    expect(second / first).toBeLessThanOrEqual(GROWTH);
  });
});
