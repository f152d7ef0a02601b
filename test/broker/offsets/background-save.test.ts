import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { nodeDisk } from '../../../broker/store/disk.js';
import type { Disk } from '../../../broker/store/index.js';
import { RequestCode, ResponseCode } from '../../../src/remoting/codes.js';
import { startSandbox, until } from '../../sandbox.js';
import { RawClient } from '../kit.js';

it.each(['SYNC_FLUSH', 'ASYNC_FLUSH'])(
  'under %s, saving offsets now and then keeps no request waiting for the disk',
  async (flushDiskType) => {
    let waits = 0;
    const disk: Disk = {
      ...nodeDisk,
      fdatasyncSync: (fd) => {
        waits++;
        nodeDisk.fdatasyncSync(fd);
      },
    };
    const intervals = { flushConsumerOffsetInterval: 100, flushDelayOffsetInterval: 100 };
    const sandbox = await startSandbox({ disk, brokerConfig: { flushDiskType, ...intervals } });
    const client = new RawClient(sandbox.brokerAddr);
    const saved = (name: string) => {
      const path = join(sandbox.dir, 'broker-a', 'config', name);
      return existsSync(path) ? readFileSync(path, 'utf8') : '';
    };
    try {
      await client.send({ topic: 'T' });
      await client.heartbeat({ clientId: 'c', group: 'G', subscriptions: { T: '*' } });
      const before = waits;
      const fields = { consumerGroup: 'G', topic: 'T', queueId: '0', commitOffset: '1' };
      expect((await client.invoke(RequestCode.UPDATE_CONSUMER_OFFSET, fields)).code).toBe(ResponseCode.SUCCESS);
      await client.send({ topic: 'T', properties: { DELAY: '1' } });
      await until(() => saved('consumerOffset.json').includes('T@G'));
      await until(() => saved('delayOffset.json').includes('1:1'));
      expect(waits).toBe(before);
    } finally {
      await client.close();
      await sandbox.stop();
    }
  },
);
