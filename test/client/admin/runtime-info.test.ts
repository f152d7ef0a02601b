import { afterEach, beforeEach, expect, it } from 'vitest';
import { AdminClient } from '../../../src/client/admin/admin-client.js';
import { runtimeInfo } from '../../../src/client/admin/runtime-info.js';
import { RequestCode, ResponseCode } from '../../../src/remoting/codes.js';
import { RemotingServer } from '../../../src/remoting/server.js';

/** What 4.9.7 and 5.3.3 say in their first second. */
const NO_FIGURES = 'java.util.NoSuchElementException, java.base/java.util.LinkedList.getLast(LinkedList.java:261)';

let server: RemotingServer;
let admin: AdminClient;
let addr: string;
/** One refusal for each request; then figures. */
let refusals: string[];

beforeEach(async () => {
  server = new RemotingServer({ bindAddress: '127.0.0.1', listenPort: 0 });
  server.register(RequestCode.GET_BROKER_RUNTIME_INFO, (connection, request) => {
    const refusal = refusals.shift();
    if (refusal !== undefined) connection.respond(request, ResponseCode.SYSTEM_ERROR, refusal);
    else connection.respond(request, ResponseCode.SUCCESS, null, {}, Buffer.from('{"table":{"putTps":"0.0"}}'));
  });
  addr = `127.0.0.1:${(await server.listen()).listenPort}`;
  admin = new AdminClient({ namesrvAddr: addr });
});
afterEach(async () => {
  await admin.close();
  await server.close();
});

it('a broker of Apache that has counted nothing yet is asked again', async () => {
  refusals = [NO_FIGURES, NO_FIGURES];
  expect(await runtimeInfo(admin, addr)).toEqual({ putTps: '0.0' });
});

it('a broker that stays without figures has refused', async () => {
  refusals = Array.from({ length: 20 }, () => NO_FIGURES);
  await expect(runtimeInfo(admin, addr)).rejects.toThrow('NoSuchElementException');
});

it('any other refusal is final', async () => {
  refusals = ['java.lang.NullPointerException'];
  await expect(runtimeInfo(admin, addr)).rejects.toThrow('NullPointerException');
});
