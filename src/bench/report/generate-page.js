/** Makes generated/page-assets.js, the script and the style of the report's page as text: run by the build and before tests. */
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import * as esbuild from 'esbuild';

const FOLDER = import.meta.dirname;
const PAGE = path.join(FOLDER, 'page');
const TARGET = path.join(FOLDER, 'generated', 'page-assets.js');
const require = createRequire(import.meta.url);

/** Writes the assets when they are missing or older than what they are made from. */
export function generatePage() {
  const uplot = path.dirname(require.resolve('uplot/package.json'));
  const sources = [
    ...fs.readdirSync(PAGE).map((name) => path.join(PAGE, name)),
    path.join(FOLDER, 'model.ts'),
    path.join(FOLDER, 'generate-page.js'),
    path.join(uplot, 'package.json'),
  ];
  const newest = Math.max(...sources.map((file) => fs.statSync(file).mtimeMs));
  if (fs.existsSync(TARGET) && fs.statSync(TARGET).mtimeMs >= newest) return;
  const { version } = JSON.parse(fs.readFileSync(path.join(uplot, 'package.json'), 'utf8'));
  const licence = `/*! uPlot ${version}, MIT licence, ${/^Copyright.*$/m.exec(fs.readFileSync(path.join(uplot, 'LICENSE'), 'utf8'))[0]} */\n`;
  const script = built({ entryPoints: [path.join(PAGE, 'main.ts')], bundle: true, format: 'iife', target: 'es2022' });
  const style = built({
    stdin: { contents: `@import 'uplot/dist/uPlot.min.css';\n@import './style.css';\n`, loader: 'css', resolveDir: PAGE },
    bundle: true,
  });
  // Several builds may run at a time: each puts its own whole file in place.
  const temporary = `${TARGET}.${process.pid}`;
  fs.writeFileSync(
    temporary,
    `export const PAGE_SCRIPT = ${JSON.stringify(licence + script)};\nexport const PAGE_STYLE = ${JSON.stringify(licence + style)};\n`,
  );
  fs.renameSync(temporary, TARGET);
}

function built(options) {
  const { outputFiles } = esbuild.buildSync({
    ...options,
    absWorkingDir: FOLDER,
    minify: true,
    write: false,
    legalComments: 'none',
    charset: 'ascii',
  });
  const text = outputFiles[0].text.trim();
  if (/<\/(script|style)|<!--/i.test(text)) {
    throw new Error('the page would end its own script or style element');
  }
  return text;
}
