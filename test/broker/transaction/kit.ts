import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { BrokerNode } from '../../../broker/broker.js';
import type { Disk } from '../../../broker/store/index.js';
import { decodeRecord, type MessageRecord } from '../../../src/common/message/record.js';
import { RequestCode } from '../../../src/remoting/codes.js';
import type { RemotingCommand } from '../../../src/remoting/command.js';
import { brokerConfig, onFreePorts, until } from '../../sandbox.js';
import { FakeTime } from '../fake-time.js';
import { RawClient } from '../kit.js';

export const HALF_TOPIC = 'RMQ_SYS_TRANS_HALF_TOPIC';
export const OP_TOPIC = 'RMQ_SYS_TRANS_OP_HALF_TOPIC';
export const GIVEN_UP_TOPIC = 'TRANS_CHECK_MAX_TIME_TOPIC';
const GROUP = 'PG_tx';
const COMMIT = 8;
const ROLLBACK = 12;

/** A half message as its sender knows it. */
export interface Half {
  queueOffset: number;
  commitLogOffset: number;
  msgId: string;
}

interface EndOptions {
  group?: string;
  fromCheck?: boolean;
  fields?: Record<string, string>;
}

/** A connected producer that keeps the checks it gets. */
export class Asked {
  readonly client: RawClient;
  readonly checks: { fields: Record<string, string>; message: MessageRecord }[] = [];

  constructor(address: string) {
    this.client = new RawClient(address);
    this.client.remoting.registerProcessor(RequestCode.CHECK_TRANSACTION_STATE, (_addr, request) => {
      const body = Buffer.from(request.body!);
      this.checks.push({ fields: { ...request.extFields }, message: decodeRecord(body, 0, { checkCrc: true }) });
      return null;
    });
  }

  get last(): { fields: Record<string, string>; message: MessageRecord } {
    return this.checks.at(-1)!;
  }
}

let uniqueId = 0;

/** A broker whose clock stands still until a test moves it; its sockets work all the time. */
export class TransactionBroker {
  readonly time: FakeTime;
  readonly node: BrokerNode;
  readonly dir: string;
  readonly producer: Asked;
  readonly #pump: ReturnType<typeof setInterval>;
  readonly #asked: Asked[] = [];
  #isStopped = false;

  private constructor(node: BrokerNode, time: FakeTime, dir: string) {
    this.node = node;
    this.time = time;
    this.dir = dir;
    this.#pump = setInterval(() => time.advance(0), 1);
    this.producer = this.connect();
  }

  static async start(
    settings: Record<string, string | number | boolean> = {},
    from: { dir?: string; time?: FakeTime; disk?: Disk } = {},
  ): Promise<TransactionBroker> {
    const dir = from.dir ?? newDir();
    const time = from.time ?? new FakeTime();
    const node = await onFreePorts((listenPort) => {
      const config = brokerConfig({
        listenPort,
        brokerName: 'broker-a',
        storePathRootDir: dir,
        mappedFileSizeCommitLog: 4 * 1024 * 1024,
        maxHashSlotNum: 1000,
        maxIndexNum: 4000,
        serverChannelMaxIdleTimeSeconds: 1_000_000,
        channelExpiredTimeout: 1_000_000_000,
        ...settings,
      });
      const starting = BrokerNode.start(config, { clock: time, timers: time, ...(from.disk === undefined ? {} : { disk: from.disk }) });
      return withPump(time, starting);
    });
    const broker = new TransactionBroker(node, time, dir);
    onTestFinished(() => broker.stop());
    return broker;
  }

  /** A client that may be asked; `join` says that it produces for a group. */
  connect(): Asked {
    const asked = new Asked(this.node.address);
    this.#asked.push(asked);
    return asked;
  }

  async join(asked: Asked = this.producer, group: string = GROUP): Promise<void> {
    await asked.client.heartbeat({ clientId: `client-${this.#asked.indexOf(asked)}`, producerGroup: group });
  }

  async half(body: string, properties: Record<string, string> = {}, fields: Record<string, string> = {}): Promise<Half> {
    const msgId = `ID${++uniqueId}`;
    const answer = await this.producer.client.send({
      topic: 'T',
      body,
      properties: { UNIQ_KEY: msgId, TRAN_MSG: 'true', PGROUP: GROUP, TAGS: 'A', ...properties },
      fields: { f: '4', g: String(this.time.nowMs()), ...fields },
    });
    if (answer.code !== 0) throw new Error(`half message refused: ${answer.code} ${answer.remark}`);
    const ext = answer.extFields!;
    return { msgId, queueOffset: Number(ext.queueOffset), commitLogOffset: Number.parseInt(ext.msgId!.slice(-16), 16) };
  }

  end(half: Half, type: number, options: EndOptions = {}): Promise<RemotingCommand> {
    return this.producer.client.invoke(RequestCode.END_TRANSACTION, {
      topic: 'T',
      producerGroup: options.group ?? GROUP,
      tranStateTableOffset: String(half.queueOffset),
      commitLogOffset: String(half.commitLogOffset),
      commitOrRollback: String(type),
      fromTransactionCheck: String(options.fromCheck ?? false),
      msgId: half.msgId,
      transactionId: half.msgId,
      ...options.fields,
    });
  }

  commit(half: Half, options?: EndOptions): Promise<RemotingCommand> {
    return this.end(half, COMMIT, options);
  }

  rollback(half: Half, options?: EndOptions): Promise<RemotingCommand> {
    return this.end(half, ROLLBACK, options);
  }

  /** Answers the last check. */
  answer(asked: Asked, type: number = COMMIT): Promise<RemotingCommand> {
    return this.end(halfOf(asked.last.fields), type, { fromCheck: true });
  }

  /** Messages of all four queues of a topic, in no order. */
  async messages(topic = 'T', queues = 4): Promise<MessageRecord[]> {
    const found: MessageRecord[] = [];
    for (let queueId = 0; queueId < queues; queueId++) {
      const max = this.node.store.maxOffset(topic, queueId);
      for (let offset = this.node.store.minOffset(topic, queueId); offset < max; offset++) {
        const result = this.node.store.getMessage(topic, queueId, offset, 1);
        if (result.status === 'FOUND') found.push(decodeRecord(result.buffers[0]!, 0, { checkCrc: true }));
      }
    }
    return found;
  }

  async bodies(topic?: string): Promise<string[]> {
    return (await this.messages(topic)).map((message) => message.body.toString()).sort();
  }

  halves(): Promise<MessageRecord[]> {
    return this.messages(HALF_TOPIC, 1);
  }

  async opBodies(): Promise<string[]> {
    return (await this.messages(OP_TOPIC, 1)).map((message) => message.body.toString());
  }

  /** Moves the clock, and waits until the check rounds that fell due are over. */
  async pass(ms: number): Promise<void> {
    this.time.advance(ms);
    await until(() => !this.node.parts.transactions.isChecking, 10_000);
  }

  /** Waits until the saved progress of the half queue and of the op queue is this far; time goes on meanwhile, less than a round. */
  async progressIs(half: number, op: number): Promise<void> {
    const { offsets } = this.node.parts;
    const saved = (topic: string): number => Math.max(0, offsets.query('CID_RMQ_SYS_TRANS', topic, 0));
    await until(() => {
      if (saved(HALF_TOPIC) === half && saved(OP_TOPIC) === op) return true;
      this.time.advance(20);
      return false;
    });
  }

  /** One check round now. */
  async check(): Promise<void> {
    await until(() => !this.node.parts.transactions.isChecking, 10_000);
    this.node.parts.transactions.check();
    await until(() => !this.node.parts.transactions.isChecking, 10_000);
  }

  /** What another broker finds when this one is killed now: a copy of its folder, with the offsets saved just before, or never. */
  copyAsKilled(options: { losesOffsets?: boolean } = {}): string {
    this.node.parts.offsets.flush();
    const dir = newDir();
    const isLost = (path: string): boolean => options.losesOffsets === true && path.includes('consumerOffset.json');
    cpSync(this.dir, dir, { recursive: true, filter: (path) => !isLost(path) });
    return dir;
  }

  async stop(): Promise<void> {
    if (this.#isStopped) return;
    this.#isStopped = true;
    for (const asked of this.#asked) await asked.client.close();
    await withPump(this.time, this.node.shutdown());
    clearInterval(this.#pump);
  }
}

/** The half message that a check names. */
export function halfOf(fields: Record<string, string>): Half {
  return { queueOffset: Number(fields.tranStateTableOffset), commitLogOffset: Number(fields.commitLogOffset), msgId: fields.msgId! };
}

/** Runs what is due while something waits for it. */
async function withPump<T>(time: FakeTime, work: Promise<T>): Promise<T> {
  const pump = setInterval(() => time.advance(1), 1);
  try {
    return await work;
  } finally {
    clearInterval(pump);
  }
}

function newDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'mqkit-transaction-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true, maxRetries: 5 }));
  return dir;
}
