import { decompressBody } from '../../common/compression.js';
import { ProtocolError } from '../../common/errors.js';
import { BatchLayout, countBatch } from '../../common/message/batch.js';
import { decodeRecord, encodeRecord, recordLength, sysFlagForHosts } from '../../common/message/record.js';
import { clearCompressed, isCompressed, MessageSysFlag } from '../../common/sys-flag.js';

const UNWRAP = MessageSysFlag.INNER_BATCH | MessageSysFlag.NEED_UNWRAP;

/** Whether a record holds several messages, of a topic with queue.type=BatchCQ. */
export function isInnerBatch(sysFlag: number): boolean {
  return (sysFlag & UNWRAP) === UNWRAP;
}

/**
 * The messages of the inner batch at `position`, each as a record of its own: place, times and hosts are those of the batch, queue offsets
 * count on from its first. Mirrors MessageDecoder.decodeMessage.
 * @throws ProtocolError when the body cannot be inflated or taken apart.
 */
export function unwrapInnerBatch(buffer: Buffer, position: number): Buffer {
  const batch = decodeRecord(buffer, position);
  const body = bodyOf(batch);
  const layout = new BatchLayout();
  layout.read(body);
  const { bornHost, storeHost, topic } = batch;
  const sysFlag = sysFlagForHosts(clearCompressed(batch.sysFlag) & ~UNWRAP, bornHost, storeHost);
  const version = batch.magicVersion;
  const topicBytes = Buffer.byteLength(topic);
  const fixedBytes = recordLength({ topicBytes, bodyBytes: 0, propertiesBytes: 0, sysFlag, version });
  let bytes = 0;
  for (let i = 0; i < layout.count; i++) {
    bytes += fixedBytes + layout.bodyBytes[i]! + layout.propertiesBytes[i]!;
  }
  const records = Buffer.allocUnsafe(bytes);
  let at = 0;
  for (let i = 0; i < layout.count; i++) {
    const start = layout.bodyStarts[i]!;
    at = encodeRecord(records, at, {
      ...batch,
      sysFlag,
      flag: layout.flags[i]!,
      queueOffset: batch.queueOffset + i,
      body: body.subarray(start, start + layout.bodyBytes[i]!),
      properties: layout.text(body, i),
    });
  }
  return records;
}

/** Messages in the inner batch at `position`; 1 when it cannot be taken apart. */
export function innerMessageCount(buffer: Buffer, position: number): number {
  try {
    return countBatch(bodyOf(decodeRecord(buffer, position)));
  } catch (error) {
    if (error instanceof ProtocolError) {
      return 1;
    }
    throw error;
  }
}

function bodyOf({ body, sysFlag }: { body: Buffer; sysFlag: number }): Buffer {
  return isCompressed(sysFlag) ? decompressBody(body, sysFlag) : body;
}
