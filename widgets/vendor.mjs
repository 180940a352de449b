// Fetches the one file of itk-vtk-viewer that the ITK viewer needs. As an npm dependency it would bring 600 packages
// and 570 MB that its built file does not use; so the published package is fetched once and its checksum compared.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const PACKAGE = "itk-vtk-viewer@14.51.0";
const FILE = "package/dist/itkVtkViewer.js";
const SHA256 = "8f09eb5ce0114bcde276fdd08236f8803737f50626522a5e29adea359c4c895b";

const folder = join(dirname(fileURLToPath(import.meta.url)), "lib/vendor");
/** Text, not a module: it is loaded as a classic script, inside the page. */
export const itkViewer = join(folder, "itkVtkViewer.jstxt");

const checksum = (path) => createHash("sha256").update(readFileSync(path)).digest("hex");

/** Make sure the file is there; returns whether it is. Without a network everything else is built, and this is said. */
export function fetchItkViewer() {
  if (existsSync(itkViewer) && checksum(itkViewer) === SHA256) {
    return true;
  }
  mkdirSync(folder, { recursive: true });
  try {
    // npm is a script of its own on Windows, which only a shell finds
    execFileSync("npm", ["pack", PACKAGE, "--silent", "--pack-destination", folder], { shell: process.platform === "win32" });
    const archive = readdirSync(folder).find((name) => name.endsWith(".tgz"));
    execFileSync("tar", ["-xzf", archive, FILE], { cwd: folder });
    rmSync(join(folder, archive));
  } catch (error) {
    console.warn(`The ITK viewer is left out: ${PACKAGE} could not be fetched (${error.message.split("\n")[0]}).`);
    return false;
  }
  const found = checksum(join(folder, FILE));
  if (found !== SHA256) {
    throw new Error(`${PACKAGE}: ${FILE} has SHA-256 ${found}, expected ${SHA256}. It is not used.`);
  }
  renameSync(join(folder, FILE), itkViewer);
  rmSync(join(folder, "package"), { recursive: true });
  return true;
}
