import { ResponseCode } from '../../src/remoting/codes.js';
import type { PutStatus } from '../store/index.js';

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

/** What a client is told beside the code; null where the code says it all. */
export const PUT_STATUS_REMARK: Readonly<Record<PutStatus, string | null>> = {
  PUT_OK: null,
  FLUSH_DISK_TIMEOUT: 'the message is stored, but the disk did not confirm it within syncFlushTimeout',
  FLUSH_SLAVE_TIMEOUT: 'the message is stored, but no replica confirmed it in time',
  SLAVE_NOT_AVAILABLE: 'the message is stored, but no replica is there',
  SERVICE_NOT_AVAILABLE:
    'service not available now. It may be caused by one of the following reasons: the broker is shutting down, its disk is full, or a write failed',
  CREATE_MAPPED_FILE_FAILED: 'create mapped file failed, the disk of the broker is full or its files cannot be written',
  MESSAGE_ILLEGAL:
    'the message is illegal, maybe msg body or properties length not matched: at most maxMessageSize bytes of body and 32767 bytes of properties',
  PROPERTIES_SIZE_EXCEEDED: 'the message is illegal, its properties are longer than 32767 bytes',
  OS_PAGE_CACHE_BUSY: '[PC_SYNCHRONIZED]broker busy, start flow control for a while',
  UNKNOWN_ERROR: 'UNKNOWN_ERROR: the store could not take the message',
};

/** Whether the message is in the log, whatever else was missed. */
export function isStored(status: PutStatus): boolean {
  return status === 'PUT_OK' || status === 'FLUSH_DISK_TIMEOUT' || status === 'FLUSH_SLAVE_TIMEOUT' || status === 'SLAVE_NOT_AVAILABLE';
}
