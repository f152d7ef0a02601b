import { type CommonValues, defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { ClusterSample } from '../../../client/admin/cluster-sample.js';
import type { CommandContext } from '../../base.js';
import { listenAddress, stopped } from '../../serving.js';
import { AdminCommand } from '../admin-command.js';

const options = defineOptions({
  clusterName: { short: 'c', text: 'Only this cluster; without it all that the name servers know' },
  listen: {
    default: '5557',
    text: 'Port to listen at, or host:port; without a host only this machine reaches it; port 0 takes a free one',
  },
  once: { kind: 'flag', text: 'Print the metrics once instead of serving them' },
  topics: { kind: 'texts', text: "Only these topics: names with * and ?, several separated by commas, eg: 'Order*,Pay*'" },
  groups: { kind: 'texts', text: 'Only these consumer groups, likewise; retry and dead-letter topics go with their group' },
  excludeSystem: { kind: 'flag', long: 'exclude-system', text: 'Without the topics and groups that RocketMQ made for itself' },
  scrapeTimeout: {
    kind: 'duration',
    default: 8000,
    long: 'scrape-timeout',
    text: 'A broker that has not answered everything after so long is down',
  },
  cache: { kind: 'duration', default: 5000, text: 'Scrapes within so long after a round get its values' },
  warnSeries: { kind: 'int', default: 50_000, min: 1, long: 'warn-series', text: 'Say so when there are more values than this' },
});

type Values = OptionValues<typeof options> & CommonValues;

/** What was done when it served. */
interface Served {
  readonly url: string;
  readonly scrapes: number;
}

interface Printed {
  readonly text: string;
}

type Result = Served | Printed | ClusterSample;

/** Serves the metrics of a cluster to Prometheus. */
export default class ExporterCommand extends AdminCommand<typeof options, Result> {
  static override summary = 'Serve the metrics of whole clusters to Prometheus.';
  static override description = [
    'Serves /metrics and /healthz until it is stopped by Ctrl-C or SIGTERM. All brokers are asked when a scrape comes, each with at most 16',
    'requests under way; scrapes at the same time share one round. A broker that does not answer in time has rocketmq_broker_up 0 and no other',
    'value: what is empty is 0, what is unknown is absent. At the start one name server has to answer, later the brokers known are asked on.',
    'The names are those of RocketMQ 5 where it has one, else those of rocketmq-exporter: see docs/exporter.md.',
  ].join('\n');
  static override examples = [
    'mqadmin exporter -n 127.0.0.1:9876 --once --exclude-system',
    "mqadmin exporter -n 127.0.0.1:9876 --once --topics 'Order*' --groups 'Order*' --json",
  ];
  static override options = options;

  protected override readonly endsBySignal = false;

  protected override async ask(admin: AdminClient, values: Values, context: CommandContext): Promise<Result> {
    const [{ ClusterSampler }, { nameFilter }, { Exporter }] = await Promise.all([
      import('../../../client/admin/cluster-sample.js'),
      import('../../../client/admin/name-filter.js'),
      import('../exporter-server.js'),
    ]);
    const at = listenAddress(values.listen);
    const sampler = new ClusterSampler(admin, {
      wants: { ...nameFilter(values), topics: true, groups: true, clients: true, lagTimes: true, pullOffsets: true },
      clusterName: values.clusterName,
      limitMs: values.scrapeTimeout,
    });
    if (values.once && context.json) {
      return sampler.sample();
    }
    await sampler.begin();
    const exporter = new Exporter({
      gather: () => sampler.sample(),
      cacheMs: values.cache,
      warnSeries: values.warnSeries,
      version: process.env.MQKIT_VERSION ?? 'source',
      note: (text) => context.out.note(text),
    });
    if (values.once) {
      return exporter.metrics();
    }
    const url = `http://${await exporter.listen(at)}/metrics`;
    if (context.json) {
      context.out.note(`serving ${url}`);
    } else {
      context.out.line(`serving ${url}`);
    }
    await stopped(context.signal);
    await exporter.close();
    return { url, scrapes: exporter.scrapes };
  }

  protected override rowsIn(result: Result): unknown {
    return 'brokers' in result ? result.brokers : result;
  }

  protected override render(result: Result, out: Output): void {
    if ('text' in result) {
      out.text(result.text);
    } else if ('scrapes' in result) {
      out.line(`served ${result.scrapes} scrapes`);
    }
  }
}
