import type { HostAddress } from '../../src/common/host.js';
import type { RemotingCommand } from '../../src/remoting/command.js';
import type { Connection } from '../../src/remoting/server.js';
import { POOLED_PUTS } from '../limits.js';
import type { IncomingBatch, PutMessage } from '../store/index.js';
import type { TopicEntry } from '../topics/index.js';

const NO_HOST: HostAddress = { ip: Buffer.alloc(4), port: 0 };
const NO_BODY = Buffer.alloc(0);

/** A put with the request it answers: one object from the socket to the acknowledgement, reused afterwards. */
export class PutContext implements PutMessage {
  topic = '';
  queueId = 0;
  flag = 0;
  sysFlag = 0;
  bornTimestamp = 0;
  bornHost: HostAddress = NO_HOST;
  storeHost: HostAddress = NO_HOST;
  reconsumeTimes = 0;
  preparedTransactionOffset = 0;
  body: Buffer = NO_BODY;
  properties = '';
  tagsCode: bigint | number = 0;
  waitStoreMsgOK = true;
  batch = false;
  queueOffset = 0;
  commitLogOffset = 0;
  storeTimestamp = 0;
  batchOffsets: number[] = [];
  layout?: IncomingBatch;
  context: unknown = null;
  // What the answer needs.
  connection: Connection | null = null;
  request: RemotingCommand | null = null;
  /** The queue the client is told: the real one when the message waits in a delay queue. */
  answerQueueId = 0;
  uniqKey = '';
  /** Messages in the request. */
  messageCount = 1;
  /** Id of an inner batch, which its sender is told; empty for every other message. */
  batchUniqId = '';
  /** Names a timer message that may be recalled; empty for every other. */
  recallHandle = '';
  /** The send created its topic. */
  isFirstOfTopic = false;
  /** Where the message counts: the topic it was sent to. */
  entry: TopicEntry | null = null;
}

/** Contexts that wait for their next message. */
export class PutContextPool {
  readonly #free: PutContext[] = [];

  take(): PutContext {
    return this.#free.pop() ?? new PutContext();
  }

  give(context: PutContext): void {
    if (this.#free.length >= POOLED_PUTS) return;
    // Drop what would keep a receive buffer or a connection alive.
    context.body = NO_BODY;
    context.connection = null;
    context.request = null;
    context.entry = null;
    context.properties = '';
    context.recallHandle = '';
    context.messageCount = 1;
    context.batch = false;
    context.batchUniqId = '';
    this.#free.push(context);
  }
}
