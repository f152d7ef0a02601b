import { stringifyFastjson } from '../../src/common/fastjson.js';
import { RequestCode, ResponseCode } from '../../src/remoting/codes.js';
import type { RemotingCommand } from '../../src/remoting/command.js';
import type { Connection, RemotingServer } from '../../src/remoting/server.js';
import { describeUpdate } from '../config/index.js';
import { type DataVersion, newDataVersion, nextDataVersion } from '../data-version.js';
import type { BrokerParts } from '../parts.js';
import { fault } from './respond.js';

/** GET_BROKER_CONFIG (26) and UPDATE_BROKER_CONFIG (25). */
export class AdminConfigProcessor {
  readonly #parts: BrokerParts;
  #dataVersion: DataVersion;

  constructor(parts: BrokerParts) {
    this.#parts = parts;
    this.#dataVersion = newDataVersion(parts.clock);
  }

  register(server: RemotingServer): void {
    server.register(RequestCode.GET_BROKER_CONFIG, (connection, request) => this.#get(connection, request));
    server.register(RequestCode.UPDATE_BROKER_CONFIG, (connection, request) => this.#update(connection, request));
  }

  #get(connection: Connection, request: RemotingCommand): void {
    const body = Buffer.from(this.#parts.config.toPropertiesText());
    connection.respond(request, ResponseCode.SUCCESS, null, { version: stringifyFastjson(this.#dataVersion) }, body);
  }

  #update(connection: Connection, request: RemotingCommand): void {
    const text = request.body === null ? '' : request.body.toString('utf8');
    if (text.trim() === '') throw fault(ResponseCode.SYSTEM_ERROR, 'the request holds no properties; its body is text of key=value lines');
    const result = this.#parts.config.applyUpdate(text);
    if (result.denied.length > 0) {
      throw fault(ResponseCode.NO_PERMISSION, `Can not update config in black list: ${result.denied.join(', ')}`);
    }
    this.#dataVersion = nextDataVersion(this.#dataVersion, this.#parts.clock);
    const remark = describeUpdate(result);
    this.#parts.logger.info(
      `${connection.remoteAddr} changed the configuration: ${result.changed.join(', ')}${remark === null ? '' : `; ${remark}`}`,
    );
    connection.respond(request, ResponseCode.SUCCESS, remark);
  }
}
