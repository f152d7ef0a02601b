import type { HostAddress } from '../../src/common/host.js';
import { stringHashCode } from '../../src/common/java.js';
import { RMQ_SYS_REVIVE_LOG_PREFIX } from '../../src/common/topic-names.js';
import { ResponseCode } from '../../src/remoting/codes.js';
import { type ParkParts, parkDelayed } from '../delay/index.js';
import { isStored, PUT_STATUS_CODE, putRemarkOf } from '../processors/put-status.js';
import type { SendCounters } from '../stats/send-counters.js';
import type { MessageStore, PutMessage, PutSink, PutStatus } from '../store/index.js';
import type { ReviveMessage } from './revive-records.js';

/** How the writing of a check point or of an acknowledgement ended. */
export interface Written {
  isStored: boolean;
  /** Response code: success only when what was written is as safe as flushDiskType asks. */
  code: number;
  remark: string | null;
}

type Done = (written: Written) => void;

const WRITTEN: Written = { isStored: true, code: 0, remark: null };

/** Writes check points and acknowledgements: they wait on the timer wheel and reach the revive topic when they are due. */
export class ReviveLog implements PutSink {
  readonly topic: string;
  readonly #store: MessageStore;
  readonly #park: ParkParts;
  readonly #sends: SendCounters;
  readonly #storeHost: HostAddress;

  constructor(options: { clusterName: string; store: MessageStore; park: ParkParts; sends: SendCounters; storeHost: HostAddress }) {
    this.topic = `${RMQ_SYS_REVIVE_LOG_PREFIX}${options.clusterName}`;
    this.#store = options.store;
    this.#park = options.park;
    this.#sends = options.sends;
    this.#storeHost = options.storeHost;
  }

  /** Writes a message; `done` is called once, perhaps before this returns. */
  put(message: ReviveMessage, reviveQid: number, done: Done): void {
    const put: PutMessage = {
      topic: this.topic,
      queueId: reviveQid,
      flag: 0,
      sysFlag: 0,
      bornTimestamp: this.#park.clock.nowMs(),
      bornHost: this.#storeHost,
      storeHost: this.#storeHost,
      reconsumeTimes: 0,
      preparedTransactionOffset: 0,
      body: message.body,
      properties: `TAGS\u0001${message.tag}\u0002UNIQ_KEY\u0001${message.uniqKey}\u0002TIMER_DELIVER_MS\u0001${message.deliverMs}\u0002`,
      tagsCode: stringHashCode(message.tag),
      waitStoreMsgOK: true,
      queueOffset: 0,
      commitLogOffset: 0,
      storeTimestamp: 0,
      context: done,
    };
    const refusal = parkDelayed(this.#park, put, { delayLevel: 0, hasTimer: true });
    if (refusal !== null) {
      done({ isStored: false, ...refusal });
      return;
    }
    this.#sends.inFlight++;
    try {
      this.#store.put(put, this);
    } catch (error) {
      // Answered already: then it is what was to come after that failed.
      if (put.context === null) throw error;
      put.context = null;
      this.#sends.inFlight--;
      done({ isStored: false, code: ResponseCode.SYSTEM_ERROR, remark: (error as Error).message });
    }
  }

  onPut(message: PutMessage, status: PutStatus): void {
    if (message.context === null) return;
    const done = message.context as Done;
    message.context = null;
    this.#sends.inFlight--;
    if (status === 'PUT_OK') done(WRITTEN);
    else done({ isStored: isStored(status), code: PUT_STATUS_CODE[status], remark: putRemarkOf(status, message, this.#store) });
  }
}
