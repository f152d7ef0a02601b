import { cut, format } from '../../../cli/format.js';
import { defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import { type JsonObject, stringifyFastjson } from '../../../common/fastjson.js';
import type { TopicRouteData } from '../../../remoting/bodies/route.js';
import { AdminCommand } from '../admin-command.js';
import { javaMap } from '../texts.js';

const options = defineOptions({
  topic: { short: 't', required: true, text: 'topic name' },
  list: { short: 'l', kind: 'flag', text: 'Use list format to print data' },
});

/** Shows the route of a topic. */
export default class TopicRoute extends AdminCommand<typeof options, TopicRouteData> {
  static override summary = 'Examine topic route info.';
  static override description =
    'The default output is the text of the Java tool, which is not JSON (its numeric keys have no quotes); --json is.';
  static override examples = [
    'mqadmin topicRoute -n 127.0.0.1:9876 -t OrderPaid -l',
    'mqadmin topicRoute -n 127.0.0.1:9876 -t OrderPaid --json',
  ];
  static override options = options;

  protected override async ask(admin: AdminClient, values: OptionValues<typeof options>): Promise<TopicRouteData> {
    return admin.route(values.topic);
  }

  protected override render(route: TopicRouteData, out: Output, values: OptionValues<typeof options>): void {
    if (values.list) {
      printList(route, out);
    } else {
      out.line(stringifyFastjson(withNumberKeys(route), { pretty: true }));
    }
  }
}

/** Queue mappings of static topics have numeric keys, which this text writes without quotes. */
function withNumberKeys(route: TopicRouteData): unknown {
  if (route.topicQueueMappingByBroker === undefined) {
    return route;
  }
  const mappings = Object.entries(route.topicQueueMappingByBroker).map(([brokerName, mapping]) => {
    const currIdMap = Object.entries((mapping as JsonObject).currIdMap ?? {}).map(([key, value]): [number, unknown] => [
      Number(key),
      value,
    ]);
    return [brokerName, { ...(mapping as JsonObject), currIdMap: new Map(currIdMap) }];
  });
  return { ...route, topicQueueMappingByBroker: Object.fromEntries(mappings) };
}

function printList(route: TopicRouteData, out: Output): void {
  const columns = '%-45s %-32s %-50s %-10s %-11s %-5s';
  out.line(format(columns, '#ClusterName', '#BrokerName', '#BrokerAddrs', '#ReadQueue', '#WriteQueue', '#Perm'));
  const brokers = [...route.brokerDatas].sort((a, b) => (a.brokerName < b.brokerName ? -1 : 1));
  let reads = 0;
  let writes = 0;
  for (const broker of brokers) {
    const queues = route.queueDatas.find((entry) => entry.brokerName === broker.brokerName);
    reads += queues?.readQueueNums ?? 0;
    writes += queues?.writeQueueNums ?? 0;
    const addrs = javaMap(broker.brokerAddrs);
    const counts = [queues?.readQueueNums ?? 0, queues?.writeQueueNums ?? 0, queues?.perm ?? 0];
    out.line(format(columns, broker.cluster, cut(broker.brokerName, 32), addrs, ...counts));
  }
  out.line('-'.repeat(158));
  out.line(format(columns, 'Total:', brokers.length, '', reads, writes, ''));
}
