/*
 * What a send costs outside the wire and the store: passing the gate, reading its numbers, scanning its properties, writing its answer.
 * Run: npx tsx broker/processors/send.bench.ts
 */
import { bench, do_not_optimize, run } from 'mitata';
import { decodeProperties } from '../../src/common/message/properties.js';
import { type RemotingCommand, responseCommand } from '../../src/remoting/command.js';
import { encodeCommand } from '../../src/remoting/frame.js';
import type { Connection } from '../../src/remoting/server.js';
import type { BrokerParts } from '../parts.js';
import { SendCounters } from '../stats/send-counters.js';
import { parseDecimal } from './fields.js';
import { newScan, scanProperties } from './property-scan.js';
import { PutContext } from './put-message.js';
import { SendFlow } from './send-flow.js';
import { SendResponder } from './send-response.js';

const properties = 'UNIQ_KEY\u0001C0000202165941000000000000001234\u0002WAIT\u0001true\u0002TAGS\u0001TagA\u0002';
const scan = newScan();
bench('properties: one scan', () => {
  scanProperties(properties, scan);
  do_not_optimize(scan.tagsCode);
});
bench('properties: into a map', () => do_not_optimize(decodeProperties(properties)));

const numbers = ['3', '0', '1795234177629', '0'];
bench('four numbers: digit loop', () => {
  for (const text of numbers) do_not_optimize(parseDecimal(text));
});
bench('four numbers: Number()', () => {
  for (const text of numbers) do_not_optimize(Number(text));
});

const slab = Buffer.alloc(65_536);
const slot = { buffer: slab, offset: 0 };
const put = new PutContext();
put.request = {
  code: 310,
  language: 'JAVA',
  version: 479,
  opaque: 123_456,
  flag: 0,
  remark: null,
  extFields: null,
  serializeType: 0,
  body: null,
};
put.connection = { closed: false, reserve: () => slot } as unknown as Connection;
put.uniqKey = 'C0000202165941000000000000001234';
put.queueOffset = 123_456;
put.commitLogOffset = 987_654_321;
const responder = new SendResponder({ ip: Buffer.from([10, 0, 0, 7]), port: 10911 }, { regionId: 'DefaultRegion', traceOn: true });
bench('answer: from the template', () => responder.stored(put, 0, null));
bench('answer: plain path', () => {
  const fields = {
    queueId: '0',
    queueOffset: '123456',
    msgId: '0A00000700002A9F000000003ADE68B1',
    transactionId: put.uniqKey,
    MSG_REGION: 'DefaultRegion',
    TRACE_ON: 'true',
  };
  do_not_optimize(encodeCommand(responseCommand(put.request as RemotingCommand, 0, null, fields)));
});

/** The getters of a store, as deep as they are there. */
class Keeping {
  readonly #write = { blocks: 0, lastWriteEndMs: 1 };
  get isOsPageCacheBusy(): boolean {
    return (this.#write.blocks & 32) !== 0;
  }
  get lastWriteEndMs(): number {
    return this.#write.lastWriteEndMs;
  }
}
const flow = new SendFlow({
  store: new Keeping(),
  sends: new SendCounters(),
  config: { broker: { brokerFastFailureEnable: true, waitTimeMillsInSendQueue: 200, sendThreadPoolQueueCapacity: 10_000 } },
} as unknown as BrokerParts);
const connection = { receivedMs: 2 } as Connection;
bench('flow control: is the gate open', () => do_not_optimize(flow.isOpen(connection)));

await run();
