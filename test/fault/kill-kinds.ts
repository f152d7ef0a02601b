import { getProperty } from '../../src/common/message/properties.js';
import type { MessageRecord } from '../../src/common/message/record.js';
import { type Message, type Producer, selectByHash } from '../../src/index.js';
import { type Place, SendKind } from './kill-kind.js';
import type { Acknowledgement, Sent } from './kill-ledger.js';

/** Ordinary messages with keys and tags, some of them compressed. */
export class Plain extends SendKind {
  readonly name: string = 'Plain';
  protected readonly lanes: number = 12;

  protected override async sendOne(producer: Producer, { id, lane }: Place): Promise<void> {
    const body = this.bodyOf(id);
    await this.track(producer, { id, body }, () => producer.send({ ...this.message(body), tags: `lane${lane}`, keys: id }));
  }

  protected message(body: Buffer): Message {
    return { topic: this.topic, body };
  }
}

/** WAIT=false: acknowledged without waiting for the disk. A kill loses nothing of it either: it is in the kernel. */
export class NoWait extends Plain {
  override readonly name = 'NoWait';
  protected override readonly lanes = 4;

  protected override message(body: Buffer): Message {
    return { topic: this.topic, body, waitStoreMsgOK: false };
  }
}

/** One-way: nothing is acknowledged; what is stored is whole and there once. */
export class Oneway extends SendKind {
  readonly name = 'Oneway';
  protected readonly lanes = 2;

  protected override async sendOne(producer: Producer, { id }: { id: string }): Promise<void> {
    const body = this.bodyOf(id);
    await this.track(producer, { id, body }, async () => {
      await producer.sendOneway({ topic: this.topic, body });
      return null;
    });
  }

  override problems(): string[] {
    return this.ledger.problemsWithoutRetries();
  }
}

/** A lane is a key: its messages go to one queue, each after the one before was answered, with a single attempt. */
export class Ordered extends SendKind {
  readonly name = 'Ordered';
  protected readonly lanes = 6;

  protected override async sendOne(producer: Producer, { id, lane }: Place): Promise<void> {
    const body = this.bodyOf(id);
    await this.track(producer, { id, body }, () =>
      producer.sendBySelector({ topic: this.topic, body, tags: `lane${lane}` }, selectByHash, `key-${lane}`),
    );
  }

  override problems(): string[] {
    const problems = this.ledger.problemsWithoutRetries();
    const last = new Map<string, MessageRecord>();
    // Sends of one lane stand in the ledger in their order.
    for (const { id } of this.ledger.sends()) {
      const [record] = this.ledger.found(id);
      if (record === undefined) continue;
      const lane = `${getProperty(record.properties, 'TAGS')}`;
      const before = last.get(lane);
      if (before !== undefined && (before.queueId !== record.queueId || before.queueOffset >= record.queueOffset)) {
        const place = (at: MessageRecord): string => `queue ${at.queueId} offset ${at.queueOffset}`;
        problems.push(`${id} of ${lane} is at ${place(record)}, the message before it at ${place(before)}`);
      }
      last.set(lane, record);
    }
    return problems;
  }
}

/** Batches: every message of an acknowledged one lies where the answer says, back to back. */
export class Batches extends SendKind {
  readonly name = 'Batches';
  protected readonly lanes = 3;

  protected override async sendOne(producer: Producer, { id }: { id: string }): Promise<void> {
    const count = 2 + this.scene.random.nextInt(31);
    const bodies = Array.from({ length: count }, (_, index) => this.bodyOf(`${id}/${index}/${count}`, 400));
    const sent = bodies.map((body, index) => this.ledger.begin(`${id}/${index}/${count}`, body));
    await this.trackAll(producer, sent, () => producer.sendBatch(bodies.map((body) => ({ topic: this.topic, body }))));
    sent.forEach((each, index) => {
      if (each.result !== null)
        each.result = { ...each.result, queueOffset: each.result.queueOffset + index, msgId: msgIdAt(each.result, index) };
    });
  }

  override problems(): string[] {
    const problems = super.problems();
    for (const sent of this.ledger.sends()) problems.push(...this.#withoutPredecessor(sent));
    return problems;
  }

  /** Each copy of a message follows a copy of the one before it in its batch: a kill may cut a batch that nobody acknowledged, but only its end. */
  #withoutPredecessor({ id }: Sent): string[] {
    const [batch, index, count] = id.split('/');
    if (index === '0') return [];
    const before = this.ledger.found(`${batch}/${Number(index) - 1}/${count}`);
    return this.ledger
      .found(id)
      .filter((at) => !before.some((each) => each.queueId === at.queueId && each.queueOffset === at.queueOffset - 1))
      .map((at) => `${id} at queue ${at.queueId} offset ${at.queueOffset} stands without the message before it`);
  }
}

function msgIdAt(result: Acknowledgement, index: number): string {
  return result.msgId.split(',')[index] ?? '';
}
