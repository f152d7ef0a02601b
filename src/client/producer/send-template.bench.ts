/* Request headers of sends: the template against the plain encoder. Run: npx tsx src/client/producer/send-template.bench.ts */
import { bench, do_not_optimize, run, summary } from 'mitata';
import type { Message } from '../../common/message/message.js';
import { requestCommand, SERIALIZE_JSON } from '../../remoting/command.js';
import { encodeHeaderInto, encodeHeaderTextInto } from '../../remoting/frame.js';
import { propertiesJsonText, propertiesText } from './message-properties.js';
import { buildSendRequest } from './send-request.js';
import { SendTemplate } from './send-template.js';

const DEFAULTS = { producerGroup: 'PG_bench', createTopicKey: 'TBW102', defaultTopicQueueNums: 4 };
const QUEUE = { topic: 'BenchmarkTest', brokerName: 'broker-a', queueId: 3 };
const MSG_ID = '7F000001754430946E0967DAE5860002';
const MESSAGE: Message = { topic: 'BenchmarkTest', body: Buffer.alloc(128, 'x') };
const BORN_MS = 1_795_233_598_854;

const buffer = Buffer.alloc(4096);
const slot = { buffer, offset: 0 };
const target = { reserve: () => slot, unreserve: () => {} };
const template = SendTemplate.create(DEFAULTS, QUEUE, '127.0.0.1:10911');
let opaque = 0;

summary(() => {
  bench('plain encoder', () => {
    const properties = propertiesText(MESSAGE, MSG_ID);
    const fields = { message: MESSAGE, queue: QUEUE, properties, body: MESSAGE.body, sysFlag: 0, bornTimestamp: BORN_MS, batch: false };
    const request = buildSendRequest(DEFAULTS, fields);
    do_not_optimize(encodeHeaderInto(target, requestCommand(request, ++opaque & 0xffff, 0, SERIALIZE_JSON), 128));
  });
  bench('template', () => {
    const text = template?.header(++opaque & 0xffff, String(BORN_MS), propertiesJsonText(MESSAGE, MSG_ID) ?? '') ?? '';
    do_not_optimize(encodeHeaderTextInto(target, text, 128));
  });
});

await run();
