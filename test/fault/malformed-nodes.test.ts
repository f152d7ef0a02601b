import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/common/clock.js';
import { type Sandbox, startSandbox, until } from '../sandbox.js';
import { attack, openSockets } from './malformed-nodes.js';

const SEED = Number(process.env.MQKIT_SEED ?? 1);
const COUNT = Number(process.env.MQKIT_FAULT_FRAMES ?? 2_000);

describe('malformed frames against the nodes', () => {
  let sandbox: Sandbox;

  beforeAll(async () => {
    sandbox = await startSandbox();
  });

  afterAll(() => sandbox.stop());

  it.each(['name server', 'broker'] as const)(
    `the %s answers or closes each, and serves others meanwhile, seed ${SEED}`,
    async (kind) => {
      const before = openSockets();
      const run = await attack(sandbox, kind, COUNT, seededRandom(SEED));
      expect(run.failures).toEqual([]);
      expect(run.frames).toBe(COUNT);
      expect(run.bystanderFailures).toBe(0);
      expect(run.bystanderRequests).toBeGreaterThan(10);
      await until(() => openSockets() <= before);
    },
    120_000,
  );
});
