import { expect, it } from 'vitest';
import { messagesIn } from '../../../src/client/admin/message-view.js';
import { parseHostAddress } from '../../../src/common/host.js';
import { encodeProperties } from '../../../src/common/message/properties.js';
import { encodeRecordBuffer } from '../../../src/common/message/record.js';

const host = parseHostAddress('127.0.0.1:10911');
/** Body compressed, type LZ4. */
const LZ4_FLAGS = 0x1 | (1 << 8);

it('a message whose body cannot be inflated is shown with the body as stored', () => {
  const record = encodeRecordBuffer({
    magicVersion: 1,
    queueId: 2,
    flag: 0,
    queueOffset: 7,
    commitLogOffset: 99,
    sysFlag: LZ4_FLAGS,
    bornTimestamp: 1,
    bornHost: host,
    storeTimestamp: 2,
    storeHost: host,
    reconsumeTimes: 0,
    preparedTransactionOffset: 0,
    body: Buffer.from('not lz4'),
    topic: 'T',
    properties: encodeProperties({ UNIQ_KEY: 'U', TAGS: 'A' }),
  });
  const [message] = messagesIn(record, 'broker-a');
  expect(message).toMatchObject({ msgId: 'U', tags: 'A', queueOffset: 7, brokerName: 'broker-a', sysFlag: LZ4_FLAGS });
  expect(message?.body.toString()).toBe('not lz4');
});
