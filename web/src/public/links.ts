// Links that hand a lot to a map application, each in the datum and order it wants.
import { toGcj02 } from "../geo.ts";
import type { LonLat } from "../types.ts";

export type MapApp = "amap" | "baidu" | "tencent" | "apple" | "google" | "geo";

const fixed = (degrees: number): string => degrees.toFixed(6);

/** Where a driver should be led: the chosen entrance, else the lot itself. */
export function target(location: LonLat, entrances: LonLat[], place = 0): LonLat {
  return entrances[place] ?? location;
}

/** The link for one application; `at` is WGS-84. */
export function navigationLink(app: MapApp, at: LonLat, name: string): string {
  const [lon, lat] = at;
  const [gcjLon, gcjLat] = toGcj02(at);
  const title = encodeURIComponent(name.replace(/[,;|:]/g, " "));
  switch (app) {
    case "amap":
      return `https://uri.amap.com/navigation?to=${fixed(gcjLon)},${fixed(gcjLat)},${title}&mode=car&src=yunpark&callnative=1`;
    case "baidu":
      return `https://api.map.baidu.com/marker?location=${fixed(lat)},${fixed(lon)}&title=${title}&content=${title}&coord_type=wgs84&output=html&src=webapp.yunpark.parking`;
    case "tencent":
      return `https://apis.map.qq.com/uri/v1/marker?marker=coord:${fixed(gcjLat)},${fixed(gcjLon)};title:${title}&referer=yunpark`;
    case "apple":
      return `https://maps.apple.com/?daddr=${fixed(lat)},${fixed(lon)}&dirflg=d`;
    case "google":
      return `https://www.google.com/maps/dir/?api=1&destination=${fixed(lat)},${fixed(lon)}`;
    case "geo":
      return `geo:${fixed(lat)},${fixed(lon)}?q=${fixed(lat)},${fixed(lon)}(${title})`;
  }
}
