/*
 * Cost of the hot codecs: `npx tsx src/remoting/frame.bench.ts`. The plain path stands beside each clever one; on a busy machine the
 * best time of mitata's range is the one to compare.
 */
import { bench, group, run } from 'mitata';
import { responseCommand } from './command.js';
import { decodeFrame, encodeCommand, encodeHeaderInto } from './frame.js';
import { parseJsonHeader } from './frame-header.js';
import { readSendHeader } from './headers/send.js';
import { OutQueue, SlabPool } from './out-queue.js';
import { SEND_SAMPLE } from './send-sample.js';

const send = {
  code: 310,
  language: 'JAVA',
  version: 479,
  opaque: 12345,
  flag: 0,
  remark: null,
  extFields: SEND_SAMPLE,
  serializeType: 0,
  body: Buffer.alloc(128, 'x'),
} as const;
const json = encodeCommand(send, 0);
const binary = encodeCommand(send, 1);
const headerEnd = 8 + (json.readUInt32BE(4) & 0xffffff);
const request = decodeFrame(json, 0, json.length);
const response = responseCommand(request, 0, null, {
  queueId: '3',
  TRACE_ON: 'true',
  MSG_REGION: 'DefaultRegion',
  msgId: '7F000001000078BF0000000000039093',
  transactionId: 'AC11000100002A9F000000000000ABCD',
  queueOffset: '123456',
});
const binaryResponse = { ...response, serializeType: 1 } as const;
const queue = new OutQueue(new SlabPool());

group('read a send', () => {
  bench('JSON header, JSON.parse', () => parseJsonHeader(json.utf8Slice(8, headerEnd), null));
  bench('JSON frame', () => decodeFrame(json, 0, json.length));
  bench('JSON frame and its fields', () => readSendHeader(310, decodeFrame(json, 0, json.length).extFields));
  bench('ROCKETMQ frame', () => decodeFrame(binary, 0, binary.length));
  bench('ROCKETMQ frame and its fields', () => readSendHeader(310, decodeFrame(binary, 0, binary.length).extFields));
});

const answer = encodeCommand({ ...response, serializeType: 0 }, 0);
const answerEnd = 8 + (answer.readUInt32BE(4) & 0xffffff);

group('read the answer of a send', () => {
  bench('JSON header, JSON.parse', () => parseJsonHeader(answer.utf8Slice(8, answerEnd), null));
  bench('JSON frame', () => decodeFrame(answer, 0, answer.length));
});

group('write a response', () => {
  bench('JSON', () => {
    encodeHeaderInto(queue, response, 0);
    queue.clear();
  });
  bench('ROCKETMQ', () => {
    encodeHeaderInto(queue, binaryResponse, 0);
    queue.clear();
  });
});

await run();
