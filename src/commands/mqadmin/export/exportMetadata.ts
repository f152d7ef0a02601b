import { defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import { systemClock } from '../../../common/clock.js';
import type { JsonObject, JsonValue } from '../../../common/fastjson.js';
import { AdminCommand } from '../admin-command.js';
import { EXPORT_FOLDER, type Exported, printExported, writeExport } from '../export-file.js';
import { requireTarget } from '../targets.js';

const options = defineOptions({
  clusterName: { short: 'c', text: 'choose a cluster to export' },
  brokerAddr: { short: 'b', text: 'choose a broker to export' },
  filePath: { short: 'f', default: EXPORT_FOLDER, text: 'export metadata.json path | default /tmp/rocketmq/export' },
  topic: { short: 't', kind: 'flag', text: 'only export topic metadata' },
  subscriptionGroup: { short: 'g', kind: 'flag', text: 'only export subscriptionGroup metadata' },
  specialTopic: { short: 's', kind: 'flag', text: 'need retryTopic and dlqTopic' },
});

/** The file of Apache's tool; which fields it has depends on the options. */
interface Metadata {
  /** Only of a cluster, and of a broker with topics and groups in one file. */
  readonly exportTime?: number;
  /** Only of one broker. */
  readonly dataVersion?: JsonValue;
  readonly topicConfigTable?: Readonly<Record<string, JsonObject>>;
  readonly subscriptionGroupTable?: Readonly<Record<string, JsonObject>>;
}

/** Writes the definitions of topics and groups to a file. */
export default class ExportMetadata extends AdminCommand<typeof options, Exported<Metadata>> {
  static override summary = 'Export metadata.';
  static override description = [
    'Writes topic.json, subscriptionGroup.json or metadata.json (both) into the folder, over files of these names. With -c the numbers of queues of',
    'all masters are added up. -b without -t and -g writes both, where the Java tool writes nothing.',
  ].join('\n');
  static override examples = [
    'mqadmin exportMetadata -n 127.0.0.1:9876 -c DefaultCluster -f /var/tmp',
    'mqadmin exportMetadata -b 127.0.0.1:10911 -t -f /var/tmp --json',
  ];
  static override options = options;

  protected override async ask(admin: AdminClient, values: OptionValues<typeof options>): Promise<Exported<Metadata>> {
    const target = requireTarget(values);
    const part = values.topic ? 'topic' : values.subscriptionGroup ? 'subscriptionGroup' : 'metadata';
    const { exportMetadata } = await import('../../../client/admin/export-metadata.js');
    const content = await exportMetadata(admin, { ...target, part, specialTopic: values.specialTopic, nowMs: systemClock.nowMs() });
    return writeExport(values.filePath, `${part}.json`, content);
  }

  protected override render(result: Exported<Metadata>, out: Output): void {
    printExported(result, out);
  }
}
