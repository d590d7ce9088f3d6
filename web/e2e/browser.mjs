// Starts the system's Chromium for the scripts of this folder, and reads their arguments.
import { readdirSync, readFileSync } from "node:fs";
import { chromium } from "playwright-core";

/** `--name value` and `--flag` arguments as an object. */
export function readArgs(list) {
  const args = {};
  const rest = [...list];
  while (rest.length > 0) {
    const name = rest.shift();
    if (!name.startsWith("--")) throw new Error(`unexpected argument: ${name}`);
    args[name.slice(2)] = rest.length === 0 || rest[0].startsWith("--") ? "true" : rest.shift();
  }
  return args;
}

function options(gl) {
  const drawing = ["--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"];
  return {
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    chromiumSandbox: false,
    args: ["--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"].concat(
      gl ? drawing : ["--disable-gpu"],
    ),
  };
}

/** A browser; with `gl` the map can be drawn in software. */
export function launch({ gl }) {
  return chromium.launch(options(gl));
}

/** A browser's context that keeps what pages keep in a folder, as a phone does, with the id of the browser's process. */
export async function launchKept(folder, more) {
  const context = await chromium.launchPersistentContext(folder, { ...options(false), ...more });
  const own = readdirSync("/proc").filter((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      const words = readFileSync(`/proc/${name}/cmdline`, "utf8").split("\0");
      return words.includes(`--user-data-dir=${folder}`) && !words.some((word) => word.startsWith("--type="));
    } catch {
      return false;
    }
  });
  return { context, pids: own.map(Number) };
}

/** One JSON line on standard output. */
export function tell(line) {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
