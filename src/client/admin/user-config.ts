import { type JsonObject, type JsonValue, parseFastjsonObject } from '../../common/fastjson.js';
import { isDlqTopic, isRetryTopic, isSystemGroup, isSystemTopic } from '../../common/topic-names.js';
import { decodeTopicList } from '../../remoting/bodies/topic.js';
import { RequestCode } from '../../remoting/codes.js';
import { type AdminClient, bodyOf } from './admin-client.js';

/** Settings by name, as a broker sends them: fields that this client does not know are kept. */
export type ConfigTable = Readonly<Record<string, JsonObject>>;

/** A table of settings together with the version that the broker gives it. */
export interface UserConfig {
  readonly dataVersion: JsonValue;
  readonly table: ConfigTable;
}

/** All topics of a broker that users made; retry and dead-letter topics only when they are asked for. */
export async function userTopics(admin: AdminClient, brokerAddr: string, withSpecial: boolean): Promise<UserConfig> {
  const [configs, system] = await Promise.all([
    admin.ask(brokerAddr, { code: RequestCode.GET_ALL_TOPIC_CONFIG }),
    admin.ask(brokerAddr, { code: RequestCode.GET_SYSTEM_TOPIC_LIST_FROM_BROKER }),
  ]);
  const systemTopics = new Set(decodeTopicList(bodyOf(system)).topicList);
  const isUsers = (topic: string): boolean =>
    !systemTopics.has(topic) && !isSystemTopic(topic) && (withSpecial || !(isRetryTopic(topic) || isDlqTopic(topic)));
  return tableOf(bodyOf(configs), 'topicConfigTable', isUsers);
}

/** All groups of a broker that users made. */
export async function userGroups(admin: AdminClient, brokerAddr: string): Promise<UserConfig> {
  const response = await admin.ask(brokerAddr, { code: RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG });
  return tableOf(bodyOf(response), 'subscriptionGroupTable', (group) => !isSystemGroup(group));
}

function tableOf(body: Buffer, key: string, wanted: (name: string) => boolean): UserConfig {
  const object = parseFastjsonObject(body, key);
  const table = Object.entries((object[key] ?? {}) as Record<string, JsonObject>).filter(([name]) => wanted(name));
  return { dataVersion: object.dataVersion ?? null, table: Object.fromEntries(table.sort(([a], [b]) => (a < b ? -1 : 1))) };
}
