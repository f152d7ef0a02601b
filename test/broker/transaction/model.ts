import { expect } from 'vitest';
import { type Random, seededRandom } from '../../../src/common/clock.js';
import { type Half, halfOf, TransactionBroker } from './kit.js';

const SETTINGS = {
  mappedFileSizeCommitLog: 32 * 1024,
  mappedFileSizeConsumeQueue: 2000,
  transactionCheckMax: 1_000_000,
  fileReservedTime: 1000,
  flushConsumerOffsetInterval: 5000,
};
const INTERVAL = 30_000;

type Fate = 'open' | 'commit' | 'rollback';

interface Transaction {
  readonly body: string;
  readonly half: Half;
  /** What its producer has decided; it never decides otherwise. */
  fate: Fate;
}

/** A producer with a memory and a broker that is stopped and killed at random: what is delivered must be what was decided. */
class Model {
  readonly #random: Random;
  readonly #transactions: Transaction[] = [];
  readonly #log: string[] = [];
  readonly #settings: Record<string, string | number | boolean>;
  #broker: TransactionBroker;
  #answered = 0;

  constructor(broker: TransactionBroker, settings: Record<string, string | number | boolean>, seed: number) {
    this.#broker = broker;
    this.#settings = settings;
    this.#random = seededRandom(seed);
  }

  async run(steps: number): Promise<void> {
    for (let step = 0; step < steps; step++) {
      const dice = this.#random.nextInt(100);
      if (dice < 35) await this.#send();
      else if (dice < 65) await this.#end(this.#any());
      else if (dice < 75) await this.#endAgain(this.#any());
      else if (dice < 85) await this.#wait(this.#random.nextInt(INTERVAL));
      else if (dice < 93) await this.#answerChecks();
      else await this.#restart();
    }
  }

  /** Lets every transaction come to its end by checks, and compares. */
  async finish(): Promise<void> {
    for (const transaction of this.#transactions) {
      if (transaction.fate === 'open') transaction.fate = this.#random.nextInt(2) === 0 ? 'commit' : 'rollback';
    }
    // No immunity lasts longer than five rounds.
    for (let round = 0, before = -1; round < 100 && (round < 6 || before !== this.#answered); round++) {
      before = this.#answered;
      await this.#wait(INTERVAL);
      await this.#answerChecks();
    }
    const checksBefore = this.#broker.producer.checks.length;
    await this.#wait(2 * INTERVAL);
    const committed = this.#transactions.filter(({ fate }) => fate === 'commit').map(({ body }) => body);
    const context = this.#log.join('\n');
    expect(await this.#broker.bodies(), context).toEqual(committed.sort());
    expect(this.#broker.producer.checks.length, context).toBe(checksBefore);
  }

  #any(): Transaction | undefined {
    return this.#transactions[this.#random.nextInt(Math.max(1, this.#transactions.length))];
  }

  async #send(): Promise<void> {
    const body = `m${String(this.#transactions.length).padStart(4, '0')}`;
    const immunity = this.#random.nextInt(4) === 0 ? { CHECK_IMMUNITY_TIME_IN_SECONDS: String(this.#random.nextInt(100)) } : {};
    const half = await this.#broker.half(body, immunity);
    this.#transactions.push({ body, half, fate: 'open' });
    this.#log.push(`half ${body} ${JSON.stringify(immunity)}`);
  }

  async #end(transaction: Transaction | undefined): Promise<void> {
    if (transaction === undefined || transaction.fate !== 'open') return;
    transaction.fate = this.#random.nextInt(3) === 0 ? 'rollback' : 'commit';
    await this.#tell(transaction);
  }

  async #endAgain(transaction: Transaction | undefined): Promise<void> {
    if (transaction !== undefined && transaction.fate !== 'open') await this.#tell(transaction);
  }

  async #tell({ body, half, fate }: Transaction): Promise<void> {
    const answer = await (fate === 'commit' ? this.#broker.commit(half) : this.#broker.rollback(half));
    this.#log.push(`${fate} ${body}: ${answer.code} ${answer.remark ?? ''}`);
    // Too late for a message with an immunity time: it is ended by a check.
    expect([0, 604], this.#log.join('\n')).toContain(answer.code);
  }

  async #wait(ms: number): Promise<void> {
    this.#log.push(`wait ${ms}`);
    await this.#broker.pass(ms);
  }

  /** Answers checks that came, older ones too, as the producer has decided; it may not know yet. */
  async #answerChecks(): Promise<void> {
    const { checks } = this.#broker.producer;
    // Its requests come in order: once this is answered, all checks that left before are here.
    await this.#broker.producer.client.pull({ topic: 'T', suspendMs: 0, sysFlag: 4 });
    for (; this.#answered < checks.length; this.#answered++) {
      const { fields, message } = checks[this.#answered]!;
      const transaction = this.#transactions.find(({ body }) => body === message.body.toString())!;
      expect(message.properties, this.#log.join('\n')).toContain(`UNIQ_KEY\u0001${transaction.half.msgId}\u0002`);
      if (transaction.fate === 'open') continue;
      const type = transaction.fate === 'commit' ? 8 : 12;
      const answer = await this.#broker.end(halfOf(fields), type, { fromCheck: true });
      this.#log.push(`answer ${transaction.body} ${transaction.fate} at ${fields.tranStateTableOffset}: ${answer.code} ${answer.remark}`);
      // A copy that the disk did not confirm within syncFlushTimeout of this clock cannot be read yet; its producer is asked again.
      const isUnread = this.#settings.flushDiskType === 'SYNC_FLUSH' && answer.remark?.startsWith('Find prepared') === true;
      if (!isUnread) expect(answer.code, this.#log.join('\n')).toBe(0);
    }
  }

  async #restart(): Promise<void> {
    const how = this.#random.nextInt(3);
    const { time } = this.#broker;
    let { dir } = this.#broker;
    if (how === 0) {
      await this.#broker.stop();
    } else {
      dir = this.#broker.copyAsKilled({ losesOffsets: how === 1 });
      await this.#broker.stop();
    }
    this.#log.push(['clean restart', 'kill, offsets lost', 'kill'][how]!);
    this.#broker = await TransactionBroker.start(this.#settings, { dir, time });
    await this.#broker.join();
    this.#answered = 0;
  }
}

/** One run; a failure shows its steps, and the seed repeats them. */
export async function runModel(seed: number, steps: number): Promise<void> {
  const settings = { ...SETTINGS, flushDiskType: seed % 2 === 0 ? 'ASYNC_FLUSH' : 'SYNC_FLUSH' };
  const broker = await TransactionBroker.start(settings);
  await broker.join();
  const model = new Model(broker, settings, seed);
  await model.run(steps);
  await model.finish();
}
