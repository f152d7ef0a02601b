import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';
import { describe, expect, it } from 'vitest';

/** Where Debian, Ubuntu and others put a browser of this kind. */
const USUAL_PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome', '/snap/bin/chromium'];

const MISSING =
  'no Chromium on this machine: install the package `chromium` (Debian: apt-get install chromium), or say where one is with CHROMIUM_PATH';

/** The browser's executable; null when there is none. */
function chromiumPath(): string | null {
  const named = process.env.CHROMIUM_PATH;
  const places = named === undefined || named === '' ? USUAL_PLACES : [named];
  return places.find((place) => existsSync(place)) ?? null;
}

/** A suite that needs a browser: skipped with the reason where there is none, failed with MQKIT_INTEROP=require. */
export function inBrowser(name: string, body: () => void): void {
  if (chromiumPath() !== null) {
    describe(name, body);
  } else if (process.env.MQKIT_INTEROP === 'require') {
    describe(name, () => {
      it('finds its browser', () => expect.fail(`${MISSING} (MQKIT_INTEROP=require)`));
    });
  } else {
    describe.skip(`${name} (skipped: ${MISSING})`, body);
  }
}

/** Starts the browser; a sandbox of its own is impossible for root, and in most containers. */
export function startBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: chromiumPath() ?? '', args: ['--no-sandbox', '--disable-dev-shm-usage'] });
}
