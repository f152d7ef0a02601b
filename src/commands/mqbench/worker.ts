import { randomBytes } from 'node:crypto';
import { type CommonValues, defineOptions, type OptionValues } from '../../cli/options.js';
import type { Output } from '../../cli/output.js';
import { type CommandContext, MqCommand } from '../base.js';
import { listenAddress, stopped } from '../serving.js';
import { tokenOption, workerToken } from './workers-option.js';

const GENERATED_TOKEN_BYTES = 24;

const options = defineOptions({
  listen: {
    own: true,
    default: '7801',
    text: 'Port to listen at, or host:port; without a host only this machine reaches it. Default: 7801',
  },
  ...tokenOption,
});
type Values = OptionValues<typeof options> & Omit<CommonValues, keyof typeof options>;

interface WorkerEnded {
  readonly address: string;
}

/** `mqbench worker`. */
export default class WorkerCommand extends MqCommand<typeof options, WorkerEnded> {
  static override summary = 'Do parts of the load for mqbench on another machine (its --workers)';
  static override description =
    'Does one run at a time, in a process of its own, until Ctrl-C ends it. Who knows the token can make it send and consume with the keys\n' +
    'he gives; token and keys are not encrypted on their way: use a network you trust, or a tunnel. Without --token-file and\n' +
    'MQBENCH_WORKER_TOKEN it makes a token and prints it once.';
  static override examples = ['mqbench worker --listen 7801', 'mqbench worker --listen 0.0.0.0:7801 --token-file /etc/mqbench.token'];
  static override options = options;
  static override commonOptions = ['help', 'debug'] as const;

  protected override async execute(values: Values, context: CommandContext): Promise<WorkerEnded> {
    const { host, port } = listenAddress(values.listen);
    const { out } = context;
    const given = await workerToken(values, context.io.env);
    const token = given ?? randomBytes(GENERATED_TOKEN_BYTES).toString('base64url');
    const { WorkerServer } = await import('../../bench/workers/worker-server.js');
    const server = await WorkerServer.start({ host, port, token, onEvent: (text) => out.line(`${new Date().toISOString()} ${text}`) });
    const { address } = server;
    out.line(`mqbench worker at ${address}; use it with: mqbench producer --workers ${address} …`);
    if (given === undefined) {
      out.line(`token (MQBENCH_WORKER_TOKEN of the coordinator): ${token}`);
    }
    await stopped(context.signal);
    await server.close();
    return { address };
  }

  protected override render({ address }: WorkerEnded, out: Output): void {
    out.line(`mqbench worker at ${address} has ended`);
  }
}
