import { parseFastjsonObject, stringifyFastjson } from '../../src/common/fastjson.js';
import { validateGroup } from '../../src/common/topic-names.js';
import { RequestCode, ResponseCode } from '../../src/remoting/codes.js';
import type { RemotingCommand } from '../../src/remoting/command.js';
import type { Connection, RemotingServer } from '../../src/remoting/server.js';
import { asArray, asObject, asText } from '../json.js';
import { MAX_GROUPS } from '../limits.js';
import type { BrokerParts } from '../parts.js';
import { readSubscriptionGroup, type SubscriptionGroupConfig } from '../subscriptions/index.js';
import { changeGroupAttributes } from '../topics/index.js';
import { booleanField, NO_FIELDS, textField } from './fields.js';
import { createGroup } from './pull-checks.js';
import { fault, requireKept, respondJson, respondOk } from './respond.js';

/** Consumer groups for administrators: 200, 225, 201, 352, 207, 353. */
export class AdminGroupProcessor {
  readonly #parts: BrokerParts;

  constructor(parts: BrokerParts) {
    this.#parts = parts;
  }

  register(server: RemotingServer): void {
    server.register(RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, (connection, request) => this.#update(connection, request));
    server.register(RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST, (connection, request) => this.#updateList(connection, request));
    server.register(RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG, (connection, request) => {
      respondJson(connection, request, this.#parts.groups.toTable());
    });
    server.register(RequestCode.GET_SUBSCRIPTIONGROUP_CONFIG, (connection, request) => this.#one(connection, request));
    server.register(RequestCode.DELETE_SUBSCRIPTIONGROUP, (connection, request) => this.#delete(connection, request));
    server.register(RequestCode.UPDATE_AND_GET_GROUP_FORBIDDEN, (connection, request) => this.#forbid(connection, request));
  }

  #update(connection: Connection, request: RemotingCommand): void {
    const group = this.#read(request.body === null ? null : parseFastjsonObject(request.body, 'the subscription group'));
    this.#parts.groups.update(group);
    this.#parts.logger.info(`${connection.remoteAddr} set group ${group.groupName}: ${stringifyFastjson(group)}`);
    requireKept(this.#parts.groups, `group ${group.groupName}`);
    respondOk(connection, request);
  }

  #updateList(connection: Connection, request: RemotingCommand): void {
    const body = request.body === null ? null : parseFastjsonObject(request.body, 'the group list');
    const groups = asArray(body?.groupConfigList).map((entry) => this.#read(asObject(entry)));
    this.#parts.groups.updateAll(groups);
    requireKept(this.#parts.groups, `the list of ${groups.length} groups`);
    respondOk(connection, request);
  }

  #read(fields: Record<string, unknown> | null): SubscriptionGroupConfig {
    const name = asText(fields?.groupName, '');
    const problem = validateGroup(name);
    if (fields === null || problem !== null) throw fault(ResponseCode.SYSTEM_ERROR, problem ?? 'the subscription group has no groupName');
    const { groups } = this.#parts;
    if (!groups.has(name) && groups.size >= MAX_GROUPS) {
      throw fault(ResponseCode.SYSTEM_ERROR, `group ${name} is not created: this broker has ${groups.size} groups, no more are allowed`);
    }
    const group = readSubscriptionGroup(name, fields);
    const present = groups.peek(name);
    const change = changeGroupAttributes(present === undefined ? null : Object.fromEntries(present.attributes), group.attributes);
    if ('problem' in change) throw fault(ResponseCode.SYSTEM_ERROR, change.problem);
    group.attributes = new Map(Object.entries(change.attributes));
    return group;
  }

  /** Like Apache's, this creates the group when groups may be created by use. */
  #one(connection: Connection, request: RemotingCommand): void {
    const name = textField(request.extFields ?? NO_FIELDS, 'group');
    const group = createGroup(this.#parts, name);
    if (group === null) throw fault(ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST, `No group in this broker. group: ${name}`);
    respondJson(connection, request, group);
  }

  /** `cleanOffset` from 5.x tools, `removeOffset` from 4.9's. */
  #delete(connection: Connection, request: RemotingCommand): void {
    const fields = request.extFields ?? NO_FIELDS;
    const group = textField(fields, 'groupName');
    const isDeleted = this.#parts.groups.delete(group);
    if (booleanField(fields, 'cleanOffset') || booleanField(fields, 'removeOffset')) this.#parts.offsets.removeGroup(group);
    this.#parts.stats.removeGroup(group);
    if (isDeleted) this.#parts.logger.info(`${connection.remoteAddr} deleted group ${group}`);
    requireKept(this.#parts.groups, `the deletion of group ${group}`);
    respondOk(connection, request);
  }

  #forbid(connection: Connection, request: RemotingCommand): void {
    const fields = request.extFields ?? NO_FIELDS;
    const group = textField(fields, 'group');
    const topic = textField(fields, 'topic');
    if (fields.readable !== undefined) this.#parts.groups.setReadForbidden(group, topic, !booleanField(fields, 'readable'));
    respondJson(connection, request, { group, readable: !this.#parts.groups.isReadForbidden(group, topic), topic });
  }
}
