// The build of the pages: eleven HTML entries, no inline scripts, nothing fetched from elsewhere, each file packed once.
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { defineConfig, type Connect, type Plugin } from "vite";

const server = process.env.YUNPARK_SERVER ?? "http://127.0.0.1:8080";
const proxy = {
  "/api/v1/live": { target: server, ws: true },
  "/api": server,
  "/feeds/": server,
  "/metrics": server,
  "/readyz": server,
  "/lite": server,
  "/check": server,
  "/basemap.pmtiles": server,
  "^/lots/[^/]+/poster(\\?|$)": server,
};

/** Below this a packing saves nothing. */
const SMALLEST_BYTES = 1000;
const PACKED = /\.(js|css|html|svg|webmanifest)$/;

/** Lays `.br` and `.gz` beside each file that becomes smaller by it; the server sends them as they are. */
function packed(): Plugin {
  return {
    name: "packed",
    apply: "build",
    closeBundle() {
      for (const file of filesOf("dist").filter((name) => PACKED.test(name))) {
        const plain = readFileSync(file);
        if (plain.length < SMALLEST_BYTES) continue;
        const brotli = brotliCompressSync(plain, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: plain.length } });
        writeFileSync(`${file}.br`, brotli);
        writeFileSync(`${file}.gz`, gzipSync(plain, { level: 9 }));
      }
    },
  };
}

function filesOf(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? filesOf(path) : [path];
  });
}

/** The pages of a lot and of a report have their ids in their addresses; here the server's routes are not at hand. */
function lotPages(): Plugin {
  const route: Connect.NextHandleFunction = (request, _, next) => {
    if (/^\/lots\/[^/?]+(\?|$)/.test(request.url ?? "")) request.url = "/lot.html";
    if (/^\/report\/[^/?]+(\?|$)/.test(request.url ?? "")) request.url = "/report.html";
    next();
  };
  return {
    name: "lot-pages",
    configureServer: ({ middlewares }) => void middlewares.use(route),
    configurePreviewServer: ({ middlewares }) => void middlewares.use(route),
  };
}

export default defineConfig({
  plugins: [packed(), lotPages()],
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1200,
    rollupOptions: {
      input: ["index.html", "lot.html", "signs.html", "feeds.html", "display.html", "officer.html", "supervisor.html", "operator.html", "admin.html", "report.html", "matters.html"],
      output: {
        // What several pages share is one file: a slow network counts the ways there and back more than the bytes.
        codeSplitting: {
          groups: [
            { name: "common", test: /node_modules\/@?preact|\/src\/(?!staff|dictionary-staff|dictionary-matters|plate)[^/]+\.(ts|tsx|css)$/, minShareCount: 3, priority: 4 },
            { name: "matters", test: /\/src\/(dictionary-matters\.ts|matters\/ground\.(tsx|css))$/, minShareCount: 2, priority: 3 },
            { name: "staff", test: /\/src\/(staff|dictionary-staff|plate)\.tsx?$/, minShareCount: 2, priority: 2 },
            { name: "lots", test: /\/src\/(public\/|[^/]+\.ts$)|preload-helper/, minShareCount: 2, priority: 1 },
          ],
        },
      },
    },
  },
  worker: { format: "es" },
  server: { proxy },
  preview: { proxy },
});
