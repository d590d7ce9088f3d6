// Starts the system's Chromium for the scripts of this folder, and reads their arguments.
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

/** A browser; with `gl` the map can be drawn in software. */
export function launch({ gl }) {
  const drawing = ["--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"];
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    chromiumSandbox: false,
    args: ["--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"].concat(
      gl ? drawing : ["--disable-gpu"],
    ),
  });
}

/** One JSON line on standard output. */
export function tell(line) {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
