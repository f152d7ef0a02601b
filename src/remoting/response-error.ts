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

/** What kind of failure a response code is, and so which exit code a command ends with; all others are errors of the broker. */
export const RESPONSE_CATEGORIES: ReadonlyMap<number, 'denied' | 'notFound'> = new Map([
  [ResponseCode.NO_PERMISSION, 'denied'],
  [ResponseCode.TOPIC_NOT_EXIST, 'notFound'],
  [ResponseCode.QUERY_NOT_FOUND, 'notFound'],
  [ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST, 'notFound'],
  [ResponseCode.CONSUMER_NOT_ONLINE, 'notFound'],
  [ResponseCode.NO_MESSAGE, 'notFound'],
  [ResponseCode.BROKER_NOT_EXIST, 'notFound'],
  [ResponseCode.USER_NOT_EXIST, 'notFound'],
  [ResponseCode.POLICY_NOT_EXIST, 'notFound'],
]);

/** 4.9 brokers answer SYSTEM_ERROR to requests whose signature or account they refuse; only the remark tells. */
const DENIED_REMARK = /\bAclException\b/;

/** The error that stands for a response whose code is not success. */
export function responseError(response: RemotingCommand, addr: string, what?: string): MQError {
  const { code, remark } = response;
  const subject = what === undefined ? addr : `${what} at ${addr}`;
  const text = remark === null || remark === '' ? 'no reason given' : remark.trim();
  const message = `${subject}: ${text} (${responseCodeName(code)}${responseCodeName(code) === String(code) ? '' : ` ${code}`})`;
  const context = { responseCode: code, remark, brokerAddr: addr };
  const category = code === ResponseCode.SYSTEM_ERROR && DENIED_REMARK.test(text) ? 'denied' : RESPONSE_CATEGORIES.get(code);
  if (category !== undefined) {
    return category === 'denied' ? new DeniedError(message, { context }) : new NotFoundError(message, { context });
  }
  return new BrokerError(message, { responseCode: code, remark, brokerAddr: addr, retriable: RETRIABLE.has(code) });
}
