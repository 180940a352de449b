// Builds each src/<name>.ts into ../workbench/widgets/static/<name>.js (and .css): one self-contained
// ES module per widget. Everything is inlined, because an anywidget is loaded from a blob: URL, where
// relative addresses lead nowhere, and because hospitals and classrooms have no content delivery network.
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import * as esbuild from "esbuild";

import { fetchItkViewer } from "./vendor.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const watch = process.argv.includes("--watch");
const tests = process.argv.includes("--tests");
const lab = process.argv.includes("--lab");

const entries = (folder, suffix) =>
  readdirSync(join(here, folder))
    .filter((file) => file.endsWith(suffix) && !file.endsWith(".d.ts"))
    .map((file) => join(here, folder, file));

/** @type {esbuild.BuildOptions} */
const common = {
  bundle: true,
  format: "esm",
  target: "es2022",
  logLevel: "info",
  loader: {
    ".jstxt": "text",
    ".jpg": "dataurl",
    ".png": "dataurl",
    ".svg": "text",
    ".ttf": "dataurl",
    ".wasm": "binary",
    ".woff2": "dataurl",
  },
};

if (tests) {
  const outdir = join(here, "lib/tests");
  rmSync(outdir, { recursive: true, force: true });
  await esbuild.build({
    ...common,
    entryPoints: entries("tests", ".test.ts"),
    outdir,
    outExtension: { ".js": ".mjs" },
    platform: "node",
    logLevel: "warning",
  });
} else if (lab) {
  // JupyterLab brings its own packages; jupyter-builder then makes the prebuilt extension of this one file.
  await esbuild.build({
    ...common,
    entryPoints: [join(here, "src/lab/index.ts")],
    outdir: join(here, "lib/lab"),
    external: ["@jupyter-widgets/*", "@jupyterlab/*", "@lumino/*"],
    platform: "browser",
  });
} else {
  const outdir = join(here, "../workbench/widgets/static");
  mkdirSync(outdir, { recursive: true });
  const withItk = fetchItkViewer();
  const options = {
    ...common,
    entryPoints: entries("src", ".ts").filter((path) => withItk || !path.endsWith("itk_viewer.ts")),
    outdir,
    platform: "browser",
    minify: !watch,
    sourcemap: watch ? "inline" : false,
    legalComments: "eof",
  };
  if (watch) {
    const context = await esbuild.context(options);
    await context.watch();
  } else {
    await esbuild.build(options);
  }
}
