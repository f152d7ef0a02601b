import { afterEach, describe, expect, it } from 'vitest';
import { type Disk, nodeDisk } from '../../../broker/store/index.js';
import { RequestCode, ResponseCode } from '../../../src/remoting/codes.js';
import type { RemotingCommand } from '../../../src/remoting/command.js';
import { type Sandbox, startSandbox, until } from '../../sandbox.js';
import { json, messagesOf, RawClient } from '../kit.js';

/** Requests after which a broker with ASYNC_FLUSH writes, within a turn. */
const TURN = 16;

/** The real disk, whose commit log can be slow, stuck or full. */
class TroubledDisk {
  /** The next write into the commit log takes so long. */
  slowWriteMs = 0;
  /** Flushes wait until `release`. */
  isHeld = false;
  writeError: string | null = null;
  usedRatio = 0.1;
  readonly #commitLogs = new Set<number>();
  #held: (() => void)[] = [];
  readonly disk: Disk = {
    ...nodeDisk,
    openSync: (path, options) => {
      const fd = nodeDisk.openSync(path, options);
      if (path.includes('commitlog')) this.#commitLogs.add(fd);
      return fd;
    },
    closeSync: (fd) => {
      this.#commitLogs.delete(fd);
      nodeDisk.closeSync(fd);
    },
    writeSync: (fd, ...rest) => {
      if (this.#commitLogs.has(fd)) this.#trouble();
      return nodeDisk.writeSync(fd, ...rest);
    },
    fdatasync: (fd, callback) => {
      const run = (): void => nodeDisk.fdatasync(fd, callback);
      if (this.isHeld) this.#held.push(run);
      else run();
    },
    statfsSync: () => ({ totalBytes: 1000, availableBytes: 1000 * (1 - this.usedRatio), usedBytes: 1000 * this.usedRatio }),
  };

  release(): void {
    this.isHeld = false;
    for (const run of this.#held.splice(0)) run();
  }

  #trouble(): void {
    if (this.writeError !== null) throw Object.assign(new Error(this.writeError), { code: this.writeError });
    if (this.slowWriteMs === 0) return;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, this.slowWriteMs);
    this.slowWriteMs = 0;
  }
}

const disk = new TroubledDisk();
let sandbox: Sandbox;
let clients: RawClient[];

async function start(brokerConfig: Record<string, string | number | boolean>): Promise<void> {
  sandbox = await startSandbox({ brokerConfig: { brokerFastFailureEnable: true, ...brokerConfig }, disk: disk.disk });
  clients = [new RawClient(sandbox.brokerAddr), new RawClient(sandbox.brokerAddr)];
  for (const client of clients) expect((await client.send({ topic: 'Flow' })).code).toBe(0);
}

afterEach(async () => {
  disk.slowWriteMs = 0;
  disk.writeError = null;
  disk.usedRatio = 0.1;
  disk.release();
  await Promise.all(clients.map((client) => client.close()));
  await sandbox.stop();
});

/** So many sends of one client, all in one turn. */
function sendMany(client: RawClient, count: number): Promise<RemotingCommand[]> {
  return Promise.all(Array.from({ length: count }, () => client.send({ topic: 'Flow' })));
}

/** How often each code and word in brackets was answered. */
function tally(answers: readonly RemotingCommand[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { code, remark } of answers) {
    const name = `${code}${/^\[\w+\]/.exec(remark ?? '')?.[0] ?? ''}`;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

async function counter(name: string): Promise<string> {
  return json(await clients[0]!.invoke(RequestCode.GET_BROKER_RUNTIME_INFO)).table[name];
}

async function storedCount(): Promise<number> {
  let count = 0;
  for (const queueId of [0, 1, 2, 3]) {
    const { extFields } = await clients[0]!.invoke(RequestCode.GET_MAX_OFFSET, { topic: 'Flow', queueId: String(queueId) });
    count += Number(extFields!.offset);
  }
  return count;
}

describe('a write of osPageCacheBusyTimeOutMills', () => {
  it('turns away what was read before it and what arrived meanwhile, each with its remark; nothing of that is stored', async () => {
    await start({ osPageCacheBusyTimeOutMills: 60 });
    const before = await storedCount();
    disk.slowWriteMs = 80;
    const answers = await Promise.all(clients.map((client) => sendMany(client, TURN + 4)));
    expect(tally(answers.flat())).toEqual({ '0': TURN, '2[PCBUSY_CLEAN_QUEUE]': 4, '2[REJECTREQUEST]': TURN + 4 });
    expect(answers.flat().find(({ remark }) => remark?.startsWith('[PC'))!.remark).toMatch(
      /^\[PCBUSY_CLEAN_QUEUE\]broker busy, start flow control for a while, period in queue: \d+ms, size of queue: 0$/,
    );
    expect(await storedCount()).toBe(before + TURN);
    expect(await counter('sendResponseTimes_PCBUSY_CLEAN_QUEUE')).toBe('4');
    expect(await counter('sendResponseTimes_REJECTREQUEST')).toBe(String(TURN + 4));
    expect(tally(await sendMany(clients[0]!, 3))).toEqual({ '0': 3 });
  });

  it('is left to the store where queues are not cleaned', async () => {
    await start({ osPageCacheBusyTimeOutMills: 60, brokerFastFailureEnable: false });
    disk.slowWriteMs = 80;
    expect(tally(await sendMany(clients[0]!, TURN + 4))).toEqual({ '0': TURN, '2[PC_SYNCHRONIZED]': 4 });
    expect(await counter('sendResponseTimes_PC_SYNCHRONIZED')).toBe('4');
    expect(await counter('brokerActive')).toBe('true');
  });

  it('turns consumers that send back away too', async () => {
    await start({ osPageCacheBusyTimeOutMills: 60 });
    disk.slowWriteMs = 80;
    const [, answer] = await Promise.all([
      sendMany(clients[0]!, TURN),
      clients[0]!.invoke(RequestCode.CONSUMER_SEND_MSG_BACK, { group: 'G', offset: '0', delayLevel: '0' }),
    ]);
    expect(answer).toMatchObject({ code: ResponseCode.SYSTEM_BUSY, remark: expect.stringMatching(/^\[PCBUSY_CLEAN_QUEUE\]/) });
  });
});

describe('a send that waited behind a write of its turn', () => {
  it('longer than waitTimeMillsInSendQueue is turned away; what lay in another socket is taken', async () => {
    await start({ waitTimeMillsInSendQueue: 1_000, osPageCacheBusyTimeOutMills: 60_000 });
    disk.slowWriteMs = 1_300;
    const [first, second] = await Promise.all(clients.map((client) => sendMany(client, TURN + 4)));
    const [slow, other] = tally(first!)['0'] === TURN ? [first, second] : [second, first];
    expect(tally(slow!)).toEqual({ '0': TURN, '2[TIMEOUT_CLEAN_QUEUE]': 4 });
    expect(tally(other!)).toEqual({ '0': TURN + 4 });
    expect(await counter('sendResponseTimes_TIMEOUT_CLEAN_QUEUE')).toBe('4');
  });

  it('is taken when the broker does not clean its queues', async () => {
    await start({ waitTimeMillsInSendQueue: 50, brokerFastFailureEnable: false });
    disk.slowWriteMs = 70;
    expect(tally(await sendMany(clients[0]!, TURN + 4))).toEqual({ '0': TURN + 4 });
  });
});

describe('a device that does not come back from a flush', () => {
  it('gives no more than sendThreadPoolQueueCapacity sends a place to wait; one-way ones are dropped and counted', async () => {
    await start({ flushDiskType: 'SYNC_FLUSH', syncFlushTimeout: 60_000, sendThreadPoolQueueCapacity: 5 });
    const before = await storedCount();
    disk.isHeld = true;
    const answers = sendMany(clients[0]!, 8);
    await until(async () => (await counter('sendResponseTimes_OVERLOAD')) === '3');
    expect(await counter('sendThreadPoolQueueSize')).toBe('5');
    const fields = { a: 'PG', b: 'Flow', c: 'TBW102', d: '4', e: '0', f: '0', g: '1', h: '0', i: '', j: '0' };
    const oneway = { code: RequestCode.SEND_MESSAGE_V2, extFields: fields, body: Buffer.from('x') };
    await clients[0]!.remoting.invokeOneway(sandbox.brokerAddr, oneway);
    await until(async () => (await counter('sendResponseTimes_OVERLOAD')) === '4');
    disk.release();
    expect(tally(await answers)).toEqual({ '0': 5, '2[OVERLOAD]': 3 });
    expect(await storedCount()).toBe(before + 5);
  });

  it('within syncFlushTimeout gives 10 with the ids of the message, which can be consumed once it is flushed', async () => {
    await start({ flushDiskType: 'SYNC_FLUSH' });
    expect((await clients[0]!.invoke(RequestCode.UPDATE_BROKER_CONFIG, null, 'syncFlushTimeout=100\n')).code).toBe(0);
    disk.isHeld = true;
    const answer = await clients[0]!.send({ topic: 'Flow', queueId: 3, body: 'late', properties: { UNIQ_KEY: 'LATE' } });
    expect(answer).toMatchObject({
      code: ResponseCode.FLUSH_DISK_TIMEOUT,
      extFields: { queueId: '3', queueOffset: '0', transactionId: 'LATE' },
    });
    expect(answer.extFields!.msgId).toMatch(/^[0-9A-F]{32}$/);
    expect(await counter('sendResponseTimes_FLUSH_DISK_TIMEOUT')).toBe('1');
    disk.release();
    await until(async () => messagesOf(await clients[0]!.pull({ topic: 'Flow', queueId: 3, sysFlag: 4 })).length === 1);
  });

  it('holds up no send that asked for WAIT=false', async () => {
    await start({ flushDiskType: 'SYNC_FLUSH' });
    disk.isHeld = true;
    expect((await clients[0]!.send({ topic: 'Flow', properties: { WAIT: 'false' } })).code).toBe(0);
  });
});

describe('a store that takes nothing', () => {
  it('says why: the disk refuses writes', async () => {
    await start({});
    disk.writeError = 'ENOSPC';
    expect(await clients[0]!.send({ topic: 'Flow' })).toMatchObject({
      code: ResponseCode.SERVICE_NOT_AVAILABLE,
      remark: 'service not available now: the commit log cannot be written (ENOSPC)',
    });
    expect(await counter('brokerActive')).toBe('false');
    expect(await counter('sendResponseTimes_SERVICE_NOT_AVAILABLE')).toBe('1');
    disk.writeError = null;
    await until(async () => (await clients[0]!.send({ topic: 'Flow' })).code === 0);
  });

  it('says why: the disk is full', async () => {
    disk.usedRatio = 0.97;
    await start({}).catch(() => undefined);
    const answer = await clients[0]!.send({ topic: 'Flow' });
    expect(answer.code).toBe(ResponseCode.SERVICE_NOT_AVAILABLE);
    expect(answer.remark).toContain("service not available now: the broker's disk is full [97 % used");
  });
});
