import { existsSync } from 'node:fs';
import type { RunFile } from '../../../broker/process/run-file.js';
import { CHANGE_OPTIONS, type CommonOption, defineOptions } from '../../cli/options.js';
import type { Output } from '../../cli/output.js';
import { NotFoundError } from '../../common/errors.js';
import { type CommandContext, MqCommand } from '../base.js';
import { CLUSTER_DIR_OPTION, describeNode, type StoppedNode } from './node-texts.js';

const options = defineOptions({
  ...CHANGE_OPTIONS,
  ...CLUSTER_DIR_OPTION,
  wait: { kind: 'int', own: true, default: 60, min: 1, text: 'Seconds to wait for a clean stop of each node' },
});

export default class StopClusterCommand extends MqCommand<typeof options, { stopped: StoppedNode[] }> {
  static override summary = 'Stop the name servers and brokers that startCluster started';
  static override description = [
    'Brokers go first, so that they can unregister, and each node is waited for. What they keep stays in the folder. Only processes that are these nodes are',
    'told to stop: one that has got the number of a node that ended is left alone.',
  ].join('\n');
  static override examples = ['mqadmin stopCluster', 'mqadmin stopCluster -d /data/cluster --json'];
  static override options = options;
  static override commonOptions: readonly CommonOption[] = ['json', 'debug', 'timeout'];

  protected async execute(
    values: Parameters<MqCommand<typeof options>['execute']>[0],
    context: CommandContext,
  ): Promise<{ stopped: StoppedNode[] }> {
    const { env } = context.io;
    const [{ clusterDir, nodesBelow }, { nodesNow, readState, withClusterLock, writeState }, { stopAll }, { stateDir }] = await Promise.all(
      [
        import('./cluster-nodes.js'),
        import('./cluster-state.js'),
        import('./stop-nodes.js'),
        import('../../../broker/process/run-file.js'),
      ],
    );
    const dir = clusterDir(values.dir, env);
    const stop = async (): Promise<{ stopped: StoppedNode[] }> => {
      const state = readState(dir);
      const nodes = await nodesBelow(dir, env);
      const ended = (await nodesNow(dir, state, nodes)).filter(({ run }) => run === null).map(({ node }) => node);
      if (state?.isStopped === false && ended.length > 0) {
        context.out.note(
          `note: ended before, by itself or from outside: ${ended.map(({ name, address }) => `${name} (${address})`).join(', ')}`,
        );
      }
      if (values.dryRun) {
        for (const node of nodes) context.out.note(`would stop ${describeNode(node)}`);
        if (nodes.length > 0) return { stopped: [] };
      }
      const stopped: StoppedNode[] = [];
      const byKind = (kind: RunFile['kind']): RunFile[] => nodes.filter((node) => node.kind === kind);
      for (const group of [byKind('broker'), byKind('namesrv')]) stopped.push(...(await stopAll(stateDir(env), group, values.wait * 1000)));
      if (state !== null && !values.dryRun) writeState(dir, { ...state, isStopped: true });
      if (stopped.length === 0) throw new NotFoundError(`no cluster of this user is running in ${dir}`, { code: 'NODE_NOT_RUNNING' });
      return { stopped };
    };
    return existsSync(dir) && !values.dryRun ? withClusterLock(dir, stop) : stop();
  }

  protected override render(result: { stopped: StoppedNode[] }, out: Output): void {
    for (const node of result.stopped) out.line(`${describeNode(node)} stopped after ${node.tookMs} ms`);
  }
}
