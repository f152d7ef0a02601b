import { BrokerError, DeniedError, type MQError, NotFoundError } from '../common/errors.js';
import { ResponseCode, responseCodeName } from './codes.js';
import type { RemotingCommand } from './command.js';

/** Response codes after which the same request may succeed, here or at another broker. */
const RETRIABLE: ReadonlySet<number> = new Set([
  ResponseCode.SYSTEM_BUSY,
  ResponseCode.FLUSH_DISK_TIMEOUT,
  ResponseCode.SLAVE_NOT_AVAILABLE,
  ResponseCode.FLUSH_SLAVE_TIMEOUT,
  ResponseCode.SERVICE_NOT_AVAILABLE,
  ResponseCode.FLOW_CONTROL,
  ResponseCode.GO_AWAY,
]);

const NOT_FOUND: ReadonlySet<number> = new Set([
  ResponseCode.TOPIC_NOT_EXIST,
  ResponseCode.QUERY_NOT_FOUND,
  ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST,
  ResponseCode.CONSUMER_NOT_ONLINE,
  ResponseCode.BROKER_NOT_EXIST,
  ResponseCode.USER_NOT_EXIST,
  ResponseCode.POLICY_NOT_EXIST,
]);

/** The error that stands for a response whose code is not success. */
export function responseError(response: RemotingCommand, addr: string, what?: string): MQError {
  const { code, remark } = response;
  const subject = what === undefined ? addr : `${what} at ${addr}`;
  const text = remark === null || remark === '' ? 'no reason given' : remark.trim();
  const message = `${subject}: ${text} (${responseCodeName(code)}${responseCodeName(code) === String(code) ? '' : ` ${code}`})`;
  const context = { responseCode: code, remark, brokerAddr: addr };
  if (code === ResponseCode.NO_PERMISSION) {
    return new DeniedError(message, { context });
  }
  if (NOT_FOUND.has(code)) {
    return new NotFoundError(message, { context });
  }
  return new BrokerError(message, { responseCode: code, remark, brokerAddr: addr, retriable: RETRIABLE.has(code) });
}
