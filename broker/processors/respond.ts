import { BrokerError } from '../../src/common/errors.js';
import { stringifyFastjson } from '../../src/common/fastjson.js';
import { ResponseCode } from '../../src/remoting/codes.js';
import type { RemotingCommand } from '../../src/remoting/command.js';
import type { Connection } from '../../src/remoting/server.js';

/** Answers success with a JSON body in fastjson's dialect. */
export function respondJson(
  connection: Connection,
  request: RemotingCommand,
  body: unknown,
  extFields: Record<string, string> | null = null,
): void {
  connection.respond(request, ResponseCode.SUCCESS, null, extFields, Buffer.from(stringifyFastjson(body)));
}

/** Answers success with header fields only. */
export function respondFields(connection: Connection, request: RemotingCommand, extFields: Record<string, string>): void {
  connection.respond(request, ResponseCode.SUCCESS, null, extFields);
}

export function respondOk(connection: Connection, request: RemotingCommand): void {
  connection.respond(request, ResponseCode.SUCCESS);
}

/** The error a processor throws to answer with a code of its own. */
export function fault(responseCode: number, remark: string): BrokerError {
  return new BrokerError(remark, { responseCode, remark });
}

/** A queue as a key of fastjson's object-keyed maps. */
export interface MessageQueue {
  brokerName: string;
  queueId: number;
  topic: string;
}
