/** `npx tsx test/peers/fetch-all.ts`: fetches and builds every peer ahead of the tests. */
import { fetchAliOnsDriver, fetchGoDriver, fetchHdrReader, fetchJavaDriver } from './fetch.js';
import { APACHE_VERSIONS, peersDir } from './paths.js';
import { peersAvailable } from './toolchain.js';

const { java, go, reason } = peersAvailable();
if (reason) process.stderr.write(`${reason}\n`);
if (java) for (const version of APACHE_VERSIONS) await fetchJavaDriver(version);
if (java) await fetchHdrReader();
if (go) await fetchGoDriver();
await fetchAliOnsDriver();
process.stdout.write(`peers are in ${peersDir()}\n`);
