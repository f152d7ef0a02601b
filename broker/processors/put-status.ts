import { MAX_PROPERTIES_BYTES } from '../../src/common/limits.js';
import { ResponseCode, responseCodeName } from '../../src/remoting/codes.js';
import type { PutMessage, PutStatus } from '../store/index.js';

/** What remarks need to know of a store. */
interface StoreLimits {
  readonly unavailableReason: string;
  readonly config: { readonly maxMessageSize: number };
}

/** Response code of each outcome of a put. */
export const PUT_STATUS_CODE: Readonly<Record<PutStatus, number>> = {
  PUT_OK: ResponseCode.SUCCESS,
  FLUSH_DISK_TIMEOUT: ResponseCode.FLUSH_DISK_TIMEOUT,
  FLUSH_SLAVE_TIMEOUT: ResponseCode.FLUSH_SLAVE_TIMEOUT,
  SLAVE_NOT_AVAILABLE: ResponseCode.SLAVE_NOT_AVAILABLE,
  SERVICE_NOT_AVAILABLE: ResponseCode.SERVICE_NOT_AVAILABLE,
  CREATE_MAPPED_FILE_FAILED: ResponseCode.SYSTEM_ERROR,
  MESSAGE_ILLEGAL: ResponseCode.MESSAGE_ILLEGAL,
  PROPERTIES_SIZE_EXCEEDED: ResponseCode.MESSAGE_ILLEGAL,
  OS_PAGE_CACHE_BUSY: ResponseCode.SYSTEM_BUSY,
  UNKNOWN_ERROR: ResponseCode.SYSTEM_ERROR,
};

/** What a client is told beside the code; null where the code says it all, or where `putRemarkOf` knows more. */
const REMARK: Readonly<Record<PutStatus, string | null>> = {
  PUT_OK: null,
  FLUSH_DISK_TIMEOUT: 'the message is stored, but the disk did not confirm it within syncFlushTimeout',
  FLUSH_SLAVE_TIMEOUT: 'the message is stored, but no replica confirmed it in time',
  SLAVE_NOT_AVAILABLE: 'the message is stored, but no replica is there',
  SERVICE_NOT_AVAILABLE: null,
  CREATE_MAPPED_FILE_FAILED: 'create mapped file failed, the disk of the broker is full or its files cannot be written',
  MESSAGE_ILLEGAL: null,
  PROPERTIES_SIZE_EXCEEDED: null,
  OS_PAGE_CACHE_BUSY: '[PC_SYNCHRONIZED]broker busy, start flow control for a while',
  UNKNOWN_ERROR: 'UNKNOWN_ERROR: the store could not take the message',
};

/** What a client is told beside the code of a put that was refused, or that missed a promise; begins as Apache's remark does. */
export function putRemarkOf(status: PutStatus, message: PutMessage, store: StoreLimits): string {
  switch (status) {
    case 'SERVICE_NOT_AVAILABLE':
      return `service not available now: ${store.unavailableReason}`;
    case 'MESSAGE_ILLEGAL':
    case 'PROPERTIES_SIZE_EXCEEDED':
      return `the message is illegal, ${whatIsIllegal(message, store.config.maxMessageSize)}`;
    default:
      return REMARK[status] ?? status;
  }
}

function whatIsIllegal({ body, properties, batch, queueId }: PutMessage, maxMessageSize: number): string {
  if (body.length > maxMessageSize) return `its body has ${body.length} B, the limit is ${maxMessageSize} B (maxMessageSize)`;
  const propertiesBytes = Buffer.byteLength(properties);
  if (propertiesBytes > MAX_PROPERTIES_BYTES) {
    return `its properties have ${propertiesBytes} B with those the broker adds, the limit is ${MAX_PROPERTIES_BYTES} B`;
  }
  const what = batch === true ? 'a message in the batch is torn or too long, or its properties are' : 'its topic or its record is too long';
  return `${what}: body at most ${maxMessageSize} B, properties ${MAX_PROPERTIES_BYTES} B, queueId ${queueId}`;
}

/** The name under which `SendCounters` counts the outcome. */
export function putCounterOf(status: PutStatus): string {
  return status === 'OS_PAGE_CACHE_BUSY' ? 'PC_SYNCHRONIZED' : responseCodeName(PUT_STATUS_CODE[status]);
}

/** Whether the message is in the log, whatever else was missed. */
export function isStored(status: PutStatus): boolean {
  return status === 'PUT_OK' || status === 'FLUSH_DISK_TIMEOUT' || status === 'FLUSH_SLAVE_TIMEOUT' || status === 'SLAVE_NOT_AVAILABLE';
}
