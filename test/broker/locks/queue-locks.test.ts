import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RebalanceLockManager } from '../../../broker/locks/index.js';
import { decodeLockOKMQSet, encodeLockBatchRequestBody } from '../../../src/remoting/bodies/consume-stats.js';
import { RequestCode, ResponseCode } from '../../../src/remoting/codes.js';
import { type Sandbox, startSandbox } from '../../sandbox.js';
import { FakeTime } from '../fake-time.js';
import { RawClient } from '../kit.js';

const queue = (queueId: number) => ({ topic: 'T', brokerName: 'broker-a', queueId });

describe('the lock of a queue', () => {
  const setUp = (maxLocks?: number) => {
    const time = new FakeTime();
    return { time, locks: new RebalanceLockManager({ clock: time, ...(maxLocks === undefined ? {} : { maxLocks }) }) };
  };

  it('belongs to one client of a group, and each group has its own', () => {
    const { locks } = setUp();
    expect(locks.lock('G', 'a', [queue(0), queue(1)])).toEqual([queue(0), queue(1)]);
    expect(locks.lock('G', 'b', [queue(0), queue(1), queue(2)])).toEqual([queue(2)]);
    expect(locks.lock('H', 'b', [queue(0)])).toEqual([queue(0)]);
  });

  it('lives 60 s after its last renewal', () => {
    const { locks, time } = setUp();
    locks.lock('G', 'a', [queue(0)]);
    time.advance(40_000);
    expect(locks.lock('G', 'a', [queue(0)])).toHaveLength(1);
    time.advance(60_000);
    expect(locks.lock('G', 'b', [queue(0)])).toEqual([]);
    expect(locks.isGroupLocked('G')).toBe(true);
    time.advance(1);
    expect(locks.isGroupLocked('G')).toBe(false);
    expect(locks.lock('G', 'b', [queue(0)])).toHaveLength(1);
    expect(locks.lock('G', 'a', [queue(0)])).toEqual([]);
  });

  it('is given back by its owner only', () => {
    const { locks } = setUp();
    locks.lock('G', 'a', [queue(0)]);
    locks.unlock('G', 'b', [queue(0)]);
    expect(locks.lock('G', 'b', [queue(0)])).toEqual([]);
    locks.unlock('G', 'a', [queue(0)]);
    expect(locks.isGroupLocked('G')).toBe(false);
    expect(locks.lock('G', 'b', [queue(0)])).toHaveLength(1);
  });

  it('is not granted beyond the limit, until others have expired', () => {
    const { locks, time } = setUp(2);
    locks.lock('G', 'a', [queue(0), queue(1)]);
    expect(locks.lock('H', 'a', [queue(0)])).toEqual([]);
    time.advance(60_001);
    expect(locks.lock('H', 'a', [queue(0)])).toHaveLength(1);
  });
});

describe('over the wire', () => {
  let sandbox: Sandbox;
  let client: RawClient;
  beforeAll(async () => {
    sandbox = await startSandbox();
    client = new RawClient(sandbox.brokerAddr);
  });
  afterAll(async () => {
    await client.close();
    await sandbox.stop();
  });

  const request = (code: number, clientId: string, queueIds: number[]) =>
    client.invoke(
      code,
      {},
      encodeLockBatchRequestBody({ consumerGroup: 'G', clientId, mqSet: queueIds.map(queue), onlyThisBroker: false }),
    );
  const lock = async (clientId: string, ...queueIds: number[]) =>
    decodeLockOKMQSet((await request(RequestCode.LOCK_BATCH_MQ, clientId, queueIds)).body);

  it('a queue that another client holds is missing in the answer until it is unlocked', async () => {
    expect(await lock('a', 0, 1)).toEqual([queue(0), queue(1)]);
    expect(await lock('b', 0, 2)).toEqual([queue(2)]);
    expect((await request(RequestCode.UNLOCK_BATCH_MQ, 'a', [0])).code).toBe(ResponseCode.SUCCESS);
    expect(await lock('b', 0)).toEqual([queue(0)]);
  });

  it('what a locked group sends to its retry topic goes to its dead-letter queue', async () => {
    await client.heartbeat({ clientId: 'c', group: 'G', subscriptions: { T: '*' } });
    const sent = await client.send({ topic: '%RETRY%G', body: 'given up', properties: { DELAY: '3' }, fields: { j: '1', l: '16' } });
    expect(sent.code).toBe(ResponseCode.SUCCESS);
    expect(sandbox.brokers[0]!.store.maxOffset('%DLQ%G', 0)).toBe(1);
  });

  it('a lock request that cannot be read is refused', async () => {
    expect((await client.invoke(RequestCode.LOCK_BATCH_MQ, {}, null)).code).toBe(ResponseCode.SYSTEM_ERROR);
    expect((await client.invoke(RequestCode.LOCK_BATCH_MQ, {}, '{"mqSet":[7]}')).code).toBe(ResponseCode.SYSTEM_ERROR);
  });
});
