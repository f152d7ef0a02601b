import { RequestCode, ResponseCode } from '../../src/remoting/codes.js';
import type { RemotingCommand } from '../../src/remoting/command.js';
import type { Connection, RemotingServer } from '../../src/remoting/server.js';
import { MAX_QUERY_BYTES } from '../limits.js';
import type { BrokerParts } from '../parts.js';
import { bigField, booleanField, intField, longField, NO_FIELDS, textField } from './fields.js';
import { fault } from './respond.js';

/** QUERY_MESSAGE (12) by key and VIEW_MESSAGE_BY_ID (33) by commit log offset. */
export class QueryMessageProcessor {
  readonly #parts: BrokerParts;

  constructor(parts: BrokerParts) {
    this.#parts = parts;
  }

  register(server: RemotingServer): void {
    server.register(RequestCode.QUERY_MESSAGE, (connection, request) => this.#queryByKey(connection, request));
    server.register(RequestCode.VIEW_MESSAGE_BY_ID, (connection, request) => this.#viewByOffset(connection, request));
  }

  #queryByKey(connection: Connection, request: RemotingCommand): void {
    const fields = request.extFields ?? NO_FIELDS;
    const { store, config } = this.#parts;
    const isUniqueKey = booleanField(fields, '_UNIQUE_KEY_QUERY');
    const asked = isUniqueKey ? config.store.defaultQueryMaxNum : intField(fields, 'maxNum');
    const found = store.queryByKey(
      textField(fields, 'topic'),
      textField(fields, 'key'),
      asked,
      bigField(fields, 'beginTimestamp'),
      bigField(fields, 'endTimestamp'),
      MAX_QUERY_BYTES,
    );
    const extFields = {
      indexLastUpdateTimestamp: String(found.indexLastUpdateTimestamp),
      indexLastUpdatePhyoffset: String(found.indexLastUpdatePhyoffset),
    };
    if (found.records.length === 0) {
      connection.respond(request, ResponseCode.QUERY_NOT_FOUND, 'can not find message, maybe time range not correct', extFields);
      return;
    }
    connection.respond(request, ResponseCode.SUCCESS, null, extFields, found.records);
  }

  #viewByOffset(connection: Connection, request: RemotingCommand): void {
    const offset = longField(request.extFields ?? NO_FIELDS, 'offset');
    const record = this.#parts.store.lookMessageByOffset(offset);
    if (record === null) throw fault(ResponseCode.SYSTEM_ERROR, `can not find message by the offset, ${offset}`);
    connection.respond(request, ResponseCode.SUCCESS, null, null, record);
  }
}
