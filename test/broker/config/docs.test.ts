import { expect, it } from 'vitest';
import { configurationPage } from './configuration-page.js';

it('docs/configuration.md is what the tables say (rewrite it with npm run docs:config)', async () => {
  await expect(configurationPage()).toMatchFileSnapshot('../../../docs/configuration.md');
});
