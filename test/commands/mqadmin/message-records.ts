import { parseHostAddress } from '../../../src/common/host.js';
import { encodeRecordBuffer } from '../../../src/common/message/record.js';

const host = parseHostAddress('127.0.0.1:10911');

/** A record of a topic, as a commit log or a compaction log holds it. */
function record(topic: string, body: string, queueOffset: number): Buffer {
  return encodeRecordBuffer({
    magicVersion: 1,
    queueId: 0,
    flag: 0,
    queueOffset,
    commitLogOffset: 100 * queueOffset,
    sysFlag: 0,
    bornTimestamp: 1_700_000_000_000,
    bornHost: host,
    storeTimestamp: 1_700_000_000_001,
    storeHost: host,
    reconsumeTimes: 0,
    preparedTransactionOffset: 0,
    body: Buffer.from(body),
    topic,
    properties: 'KEYS\u0001key\u0002',
  });
}

/** Two messages, and the zeros of what is not written yet. */
export const COMPACTION_LOG: Buffer = Buffer.concat([record('Compacted', 'one', 0), record('Compacted', 'two', 1), Buffer.alloc(64)]);
