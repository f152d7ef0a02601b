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

/** A table of config/*.json, as far as an answer to its change is concerned. */
export interface KeptTable {
  readonly saveProblem: string | null;
  saveAgain(): void;
}

/** A change is a success when a restart keeps it: refuses to call it one while the table's file cannot be written. */
export function requireKept(table: KeptTable, what: string): void {
  if (table.saveProblem === null) return;
  table.saveAgain();
  if (table.saveProblem === null) return;
  throw fault(ResponseCode.SYSTEM_ERROR, `${what} counts until the next restart only: ${table.saveProblem}; free space and repeat it`);
}

/** A queue as a key of fastjson's object-keyed maps. */
export interface MessageQueue {
  brokerName: string;
  queueId: number;
  topic: string;
}
