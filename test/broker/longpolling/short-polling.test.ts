import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ResponseCode } from '../../../src/remoting/codes.js';
import { type Sandbox, startSandbox } from '../../sandbox.js';
import { RawClient } from '../kit.js';

const SUSPEND = 4 | 2;
const SHORT_MS = 300;
let sandbox: Sandbox;
let client: RawClient;

beforeAll(async () => {
  sandbox = await startSandbox({ brokerConfig: { longPollingEnable: 'false', shortPollingTimeMills: String(SHORT_MS) } });
  client = new RawClient(sandbox.brokerAddr);
  await client.send({ topic: 'Short', body: 'first' });
});
afterAll(async () => {
  await client.close();
  await sandbox.stop();
});

describe('where long polling is off', () => {
  it.each([15_000, 1])('a pull is held for shortPollingTimeMills, though it asks for %d ms', async (suspendMs) => {
    const from = performance.now();
    const answer = await client.pull({ topic: 'Short', offset: 1, sysFlag: SUSPEND, suspendMs });
    expect(answer).toMatchObject({ code: ResponseCode.PULL_NOT_FOUND, body: null });
    const heldMs = performance.now() - from;
    expect(heldMs).toBeGreaterThan(SHORT_MS - 10);
    expect(heldMs).toBeLessThan(10_000);
  });
});
