import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Sandbox, startSandbox, until } from '../../sandbox.js';
import { bodiesOf, RawClient } from '../kit.js';

const SUSPEND = 4 | 2;
let sandbox: Sandbox;
let client: RawClient;

beforeAll(async () => {
  sandbox = await startSandbox({ brokerConfig: { flushDiskType: 'SYNC_FLUSH' } });
  client = new RawClient(sandbox.brokerAddr);
});
afterAll(async () => {
  await client.close();
  await sandbox.stop();
});

describe('under SYNC_FLUSH', () => {
  it('a send wakes a held pull soon after it is on the disk, and delay levels deliver', async () => {
    await client.send({ topic: 'S', body: 'a' });
    const pull = client.pull({ topic: 'S', offset: 1, sysFlag: SUSPEND, suspendMs: 15_000 });
    await until(() => sandbox.brokers[0]!.parts.holds.size === 1);
    const sent = client.send({ topic: 'S', body: 'b' });
    expect(bodiesOf(await pull)).toEqual(['b']);
    expect((await sent).code).toBe(0);
    await client.send({ topic: 'S', body: 'c', properties: { DELAY: '1' } });
    expect(bodiesOf(await client.pull({ topic: 'S', offset: 2, sysFlag: SUSPEND, suspendMs: 9_000 }))).toEqual(['c']);
  });

  it('sends that do not wait for the disk are answered as well', async () => {
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, i) => client.send({ topic: 'S', body: `${i}`, properties: { WAIT: String(i % 2 === 0) } })),
    );
    expect(new Set(answers.map((answer) => answer.code))).toEqual(new Set([0]));
  });
});
