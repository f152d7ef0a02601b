import { LocalTransactionState, TransactionProducer } from '../../src/index.js';
import { LoadKind, type Until } from './kill-kind.js';
import { idOf } from './kill-ledger.js';

/** A committed message that is not there after so long counts as lost. */
const LATE_MS = 20_000;
/** Often, so that a broker that started again knows soon whom to ask. */
const HEARTBEAT_MS = 500;

/** How a transaction ends, and whether its producer knows that when it sends. */
interface Fate {
  isCommitted: boolean;
  isKnown: boolean;
  /** Checks that are answered with UNKNOW before. */
  unknownChecks: number;
}

/**
 * Half messages, each committed or rolled back, by its producer or when the broker asks. END_TRANSACTION is one-way: an acknowledged half message
 * that is to be committed must come at some time; one that is to be rolled back never.
 */
export class Transactions extends LoadKind {
  readonly name = 'Transactions';
  protected readonly lanes = 4;
  readonly #fates = new Map<string, Fate>();
  /** Lives as long as the test, to be asked about transactions of earlier rounds. */
  #producer: TransactionProducer<Fate> | undefined;

  override async load(round: number, until: Until): Promise<void> {
    this.#producer ??= await this.#start();
    const producer = this.#producer;
    await this.runLanes(round, until, async ({ id }) => {
      const body = this.bodyOf(id, 600);
      const { random } = this.scene;
      const fate = { isCommitted: random.nextInt(3) > 0, isKnown: random.nextInt(4) > 0, unknownChecks: random.nextInt(2) };
      this.#fates.set(id, fate);
      await this.track(producer, { id, body }, () => producer.sendInTransaction({ topic: this.topic, body }, fate));
    });
  }

  override async close(): Promise<void> {
    await this.#producer?.shutdown();
  }

  override get isWaiting(): boolean {
    return this.ledger
      .acknowledgedSends()
      .some(({ id }) => this.#fates.get(id)?.isCommitted === true && this.ledger.found(id).length === 0);
  }

  override problems(): string[] {
    const problems: string[] = [];
    for (const sent of this.ledger.sends()) {
      const copies = this.ledger.found(sent.id).length;
      const isCommitted = this.#fates.get(sent.id)?.isCommitted === true;
      if (!isCommitted && copies > 0) problems.push(`${sent.id} was rolled back and is visible`);
      if (isCommitted && copies === 0 && sent.result !== null && Date.now() > sent.bornMs + LATE_MS) {
        problems.push(`${sent.id} was acknowledged and committed ${Date.now() - sent.bornMs} ms ago, and is not there`);
      }
      problems.push(...this.ledger.unexplainedCopies(sent, this.scene));
    }
    return problems;
  }

  async #start(): Promise<TransactionProducer<Fate>> {
    const endOf = (fate: Fate | undefined): LocalTransactionState =>
      fate?.isCommitted === true ? LocalTransactionState.COMMIT_MESSAGE : LocalTransactionState.ROLLBACK_MESSAGE;
    const producer = new TransactionProducer<Fate>({
      ...this.producerOptions(0),
      heartbeatBrokerIntervalMs: HEARTBEAT_MS,
      listener: {
        executeLocalTransaction: (_message, fate) => (fate.isKnown ? endOf(fate) : LocalTransactionState.UNKNOW),
        checkLocalTransaction: (message) => {
          const fate = this.#fates.get(idOf(message.body));
          return fate !== undefined && fate.unknownChecks-- > 0 ? LocalTransactionState.UNKNOW : endOf(fate);
        },
      },
    });
    await producer.start([this.topic]);
    return producer;
  }
}
