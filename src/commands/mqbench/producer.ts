import { defineOptions } from '../../cli/options.js';
import { MqCommand } from '../base.js';

const options = defineOptions({ topic: { short: 't', default: 'BenchmarkTest', text: 'Topic name' } });

export default class ProducerCommand extends MqCommand<typeof options, unknown> {
  static override summary = 'Send messages as fast as the broker answers, or at a fixed rate, and measure';
  static override examples = ['mqbench producer -n 127.0.0.1:9876 -w 64 -s 128 --duration 10s'];
  static override options = options;
  protected async execute(): Promise<unknown> {
    return { ok: true };
  }
  protected override render(): void {}
}
