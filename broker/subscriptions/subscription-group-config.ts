import type { JsonObject } from '../../src/common/fastjson.js';
import { newSubscriptionGroupConfig, type SubscriptionGroupConfig } from '../../src/remoting/bodies/subscription-group.js';
import { asBoolean, asNumber, asObject, asText, asTextRecord } from '../json.js';

export type { SubscriptionGroupConfig } from '../../src/remoting/bodies/subscription-group.js';

/** Reads a group of the file or of a request body; what is missing or of a wrong type keeps its default, as in fastjson. */
export function readSubscriptionGroup(groupName: string, fields: Record<string, unknown>): SubscriptionGroupConfig {
  const group = newSubscriptionGroupConfig(asText(fields.groupName, groupName));
  const values = group as unknown as Record<string, unknown>;
  for (const [name, byDefault] of Object.entries(group)) {
    if (typeof byDefault === 'boolean') values[name] = asBoolean(fields[name], byDefault);
    else if (typeof byDefault === 'number') values[name] = asNumber(fields[name], byDefault);
  }
  group.groupRetryPolicy = (asObject(fields.groupRetryPolicy) as JsonObject | null) ?? group.groupRetryPolicy;
  group.attributes = new Map(Object.entries(asTextRecord(fields.attributes)));
  const { subscriptionDataSet } = fields;
  // Kept as it is, without effect here.
  if (subscriptionDataSet !== undefined && subscriptionDataSet !== null) group.subscriptionDataSet = subscriptionDataSet as JsonObject[];
  return group;
}
