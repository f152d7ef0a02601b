import { afterEach, expect, it } from 'vitest';
import { BrokerNode } from '../../broker/broker.js';
import { seededRandom } from '../../src/common/clock.js';
import { noopLogger } from '../../src/common/logger.js';
import { RequestCode, ResponseCode } from '../../src/remoting/codes.js';
import { bodiesOf, RawClient } from '../broker/kit.js';
import { brokerConfig, onFreePorts, until } from '../sandbox.js';
import { FaultDisk } from './store-fault-disk.js';

const ROOT = '/store';
const REVIVE_TOPIC = 'rmq_sys_REVIVE_LOG_DefaultCluster';
const REVIVE_GROUP = 'CID_RMQ_SYS_REVIVE_GROUP';
/** Messages on the device before the cut, and those that reached the page cache only. */
const FLUSHED = 12;
const SENT = 20;

let disk: FaultDisk;
let node: BrokerNode | undefined;
let client: RawClient;
const warnings: string[] = [];

async function start(): Promise<void> {
  warnings.length = 0;
  const logger = { ...noopLogger, warn: (text: string) => void warnings.push(text) };
  const settings = { brokerName: 'broker-a', storePathRootDir: ROOT, flushIntervalCommitLog: 10, mappedFileSizeCommitLog: 1024 * 1024 };
  node = await onFreePorts((listenPort) => BrokerNode.start(brokerConfig({ listenPort, ...settings }), { disk, logger }));
  client = new RawClient(node.address);
}

async function stop(): Promise<void> {
  await client.close();
  const flushes = setInterval(() => disk.completeSyncs(), 2);
  await node?.shutdown();
  clearInterval(flushes);
  node = undefined;
}

/** What a power cut at this moment leaves, of the many things that it may: one that takes the last message. */
function withoutLastMessage(): FaultDisk {
  for (let seed = 1; ; seed++) {
    const left = disk.copy().afterPowerLoss(seededRandom(seed));
    if (!left.content(`${ROOT}/commitlog/${'0'.repeat(20)}`)!.includes(`${SENT - 1} xxx`)) return left;
  }
}

/** The next broker finds what a crash at this moment leaves. */
async function crash(how: 'power cut' | 'kill'): Promise<void> {
  const left = how === 'kill' ? disk.copy() : withoutLastMessage();
  await stop();
  disk = left;
}

afterEach(stop);

async function send(from: number, to: number): Promise<string[]> {
  const bodies: string[] = [];
  for (let i = from; i < to; i++) {
    const body = `${i} ${'x'.repeat(3000)}`;
    expect((await client.send({ topic: 'T', body })).code).toBe(0);
    bodies.push(body);
  }
  return bodies;
}

/** Sends messages of which a crash takes some, and saves what groups have consumed. */
async function consumeAndCrash(how: 'power cut' | 'kill', committed: Record<string, number>): Promise<number> {
  disk = new FaultDisk(seededRandom(3));
  await start();
  const { store, offsets } = node!.parts;
  await send(0, FLUSHED);
  await until(() => {
    disk.completeSyncs();
    return store.flushedWhere === store.commitLogMaxOffset();
  });
  await send(FLUSHED, SENT);
  for (const [group, offset] of Object.entries(committed)) offsets.commit(group, 'T', 0, offset);
  offsets.commit(REVIVE_GROUP, REVIVE_TOPIC, 0, 50);
  offsets.flush();
  disk.syncDirectorySync(`${ROOT}/config`);
  await crash(how);
  await start();
  return node!.store.maxOffset('T', 0);
}

const pull = (group: string, offset: number, commit = offset, from = client) =>
  from.pull({ topic: 'T', group, offset, sysFlag: 5, fields: { commitOffset: String(commit) } });
const query = async (group: string): Promise<number> => {
  const fields = { consumerGroup: group, topic: 'T', queueId: '0' };
  return Number((await client.invoke(RequestCode.QUERY_CONSUMER_OFFSET, fields)).extFields!.offset);
};

it('offsets beyond the end that a power cut left are lowered to it, so that new messages are consumed', async () => {
  const end = await consumeAndCrash('power cut', { Ahead: SENT, Behind: 5 });
  expect(end).toBeGreaterThanOrEqual(FLUSHED);
  expect(end).toBeLessThan(SENT);
  expect(warnings.filter((text) => text.startsWith('group '))).toEqual([
    `group Ahead had consumed messages that are lost, and goes on at the ends of their queues: T/0 ${SENT} to ${end}`,
  ]);
  const { offsets } = node!.parts;
  expect(offsets.query(REVIVE_GROUP, REVIVE_TOPIC, 0)).toBe(-1);
  // Not even a crash that comes at once brings it back.
  expect(disk.content(`${ROOT}/config/consumerOffset.json`)!.toString()).toMatch(new RegExp(`"T@Ahead":\\{0:${end}\\s`));
  const fresh = await send(SENT, SENT + 15);
  expect(await query('Ahead')).toBe(end);
  expect(await query('Behind')).toBe(5);
  expect(bodiesOf(await pull('Ahead', end))).toEqual(fresh);
});

it('members that outlived a power cut and go on where they were are sent back to the end, or to what was committed before', async () => {
  const end = await consumeAndCrash('power cut', { Ahead: SENT, Saved: 5, Late: 5, Slow: 5 });
  const fresh = await send(SENT, SENT + 15);
  const moved = { code: ResponseCode.PULL_OFFSET_MOVED };
  expect(await pull('Ahead', SENT)).toMatchObject({ ...moved, extFields: { nextBeginOffset: String(end) } });
  expect(bodiesOf(await pull('Ahead', end))).toEqual(fresh);
  // What it has consumed since the last save it tells with its pull.
  expect(await pull('Saved', SENT)).toMatchObject({ ...moved, extFields: { nextBeginOffset: String(end) } });
  expect(bodiesOf(await pull('Saved', end))).toEqual(fresh);
  expect(await pull('Slow', SENT, 8)).toMatchObject({ ...moved, extFields: { nextBeginOffset: '8' } });
  // A client ignores what it holds when it is sent elsewhere, and then says where it goes on.
  expect((await pull('Slow', 8)).code).toBe(0);
  expect(await query('Slow')).toBe(8);
  // Once a group is there, its offsets are its own again.
  expect((await pull('Late', 7)).code).toBe(0);
  expect(await pull('Late', end + 3)).toMatchObject({ code: 0 });
  expect(await query('Late')).toBe(end + 3);
});

it('a kill takes nothing: members go on where they were, and what they commit counts', async () => {
  expect(await consumeAndCrash('kill', { G: SENT, Other: 3 })).toBe(SENT);
  expect(warnings.filter((text) => text.startsWith('group G'))).toEqual([]);
  const fresh = await send(SENT, SENT + 2);
  const fields = { consumerGroup: 'G', topic: 'T', queueId: '0', commitOffset: String(SENT - 1) };
  await client.heartbeat({ clientId: 'c', group: 'G', subscriptions: { T: '*' } });
  expect(await client.invoke(RequestCode.UPDATE_CONSUMER_OFFSET, fields)).toMatchObject({ code: 0, remark: null });
  expect(await query('G')).toBe(SENT - 1);
  expect(bodiesOf(await pull('G', SENT))).toEqual(fresh);
  expect(bodiesOf(await pull('Other', 10)).length).toBeGreaterThan(0);
  expect(await query('Other')).toBe(10);
});
