"""A node under test, its broker, and the wire between it and SUMO: counts in, texts of signs out."""

import json
import os
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from datetime import datetime, timedelta, timezone

import paho.mqtt.client as mqtt


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(what, check, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if check():
                return
        except OSError:
            pass
        time.sleep(0.1)
    raise SystemExit(f"waited in vain for {what}")


class Node:
    def __init__(self, asked, arm, lots, lot_at, signs, block_s, folder):
        self.asked, self.arm, self.lots, self.signs = asked, arm, lots, signs
        self.lot_at, self.block_s = lot_at, block_s
        self.folder = tempfile.mkdtemp(dir=folder)
        self.http, self.port = free_port(), free_port()
        self.texts, self.last, self.said_ids = {}, {}, {}
        self.behind_s, self.stale = 0.0, 0
        self.heard_at = {}
        self.waiting = []

    def city(self):
        def feature(x, y, properties):
            return {"type": "Feature", "geometry": {"type": "Point", "coordinates": [119.5 + x / 1000, 28.1 + y / 1000]}, "properties": properties}
        features = [feature(x, y, {"kind": "lot", "id": name, "name": name, "lot_kind": "garage", "capacity": places, "counted_by": "counters",
                                   "stale_after_s": 300}) for name, x, y, places in self.lots]
        for index, (x, y) in enumerate(self.signs):
            travel = lambda name: (abs(x - self.lot_at[name][0]) + abs(y - self.lot_at[name][1])) * self.block_s
            lines = [{"lot": name, "label": name, "travel_time_s": travel(name)} for name, *_ in self.lots]
            # Two panels, so that every line fits.
            panels = [{"id": f"P{part}", "width_px": 160, "height_px": 64, "lines": lines[4 * part:4 * part + 4]} for part in range(2)]
            features.append(feature(x, y, {"kind": "sign", "id": f"G{index}", "name": f"G{index}", "heading_deg": 0, "language": "en",
                                           "link": {"protocol": "mqtt_json"}, "min_interval_ms": self.asked.update * 1000, "panels": panels}))
        return {"type": "FeatureCollection", "yunpark": {"version": 1, "name": "Centre", "time_zone": "Asia/Shanghai", "fictional": True},
                "groups": [], "sensors": [], "features": features}

    def __enter__(self):
        path = lambda name: os.path.join(self.folder, name)
        with open(path("mosquitto.conf"), "w", encoding="utf-8") as out:
            out.write(f"listener {self.port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\nset_tcp_nodelay true\n")
        self.broker = subprocess.Popen(["mosquitto", "-c", path("mosquitto.conf")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        policy = "thresholds" if self.arm in ("thresholds", "raw") else "arrival"
        raw = "full_share = 0.0\nfull_exit_share = 0.0\nfull_free = 0\n" if self.arm == "raw" else ""
        with open(path("yunpark.toml"), "w", encoding="utf-8") as out:
            out.write(f"""
[http]
listen = "127.0.0.1:{self.http}"
[mqtt]
url = "mqtt://127.0.0.1:{self.port}"
[store]
url = "sqlite://{path('yunpark.db')}"
evidence_dir = "{path('evidence')}"
[availability]
journal = "{path('journal')}"
[guidance]
policy = "{policy}"
tick_ms = 50
min_dwell_ms = 0
{raw}
[demand]
per_address = 4000000
per_address_and_lot = 4000000
""")
        with open(path("city.geojson"), "w", encoding="utf-8") as out:
            json.dump(self.city(), out)
        wait_for("mosquitto", lambda: socket.create_connection(("127.0.0.1", self.port), 1).close() is None)
        command = [self.asked.yunpark, "import", "--config", path("yunpark.toml"), path("city.geojson")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(done.stdout + done.stderr)
        self.from_ = datetime.now(timezone.utc)
        self.log = open(path("log"), "w", encoding="utf-8")
        self.process = subprocess.Popen(
            [self.asked.yunpark, "serve", "--config", path("yunpark.toml"), "--rehearse-from", self.from_.isoformat(), "--rehearse-speed", str(self.asked.speed)],
            stdout=self.log, stderr=self.log)
        wait_for("the node", lambda: urllib.request.urlopen(f"http://127.0.0.1:{self.http}/readyz", timeout=2).status == 200)
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="sumo")
        self.client.on_message = self.on_message
        self.client.connect("127.0.0.1", self.port)
        self.client.subscribe("yunpark/v1/sign/+/panel/+/set", 1)
        self.client.loop_start()
        # The town begins now, on the node's own clock.
        self.begins = time.monotonic()
        self.offset_s = (datetime.now(timezone.utc) - self.from_).total_seconds() * self.asked.speed
        return self

    def __exit__(self, *_):
        self.client.loop_stop()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        self.broker.terminate()
        self.broker.wait(10)

    def instant(self, now):
        """The node's time at a second of the town."""
        return self.from_ + timedelta(seconds=self.offset_s + now)

    def on_message(self, _client, _data, message):
        _, _, _, sign, _, panel, _ = message.topic.split("/")
        told = json.loads(message.payload)
        until = told["valid_until"] and datetime.fromisoformat(told["valid_until"].replace("Z", "+00:00"))
        self.texts[(sign, panel)] = (spoken(told["lines"]), until)
        self.client.publish(f"yunpark/v1/sign/{sign}/ack", json.dumps({"panel": panel, "version": told["version"], "ok": True}), 1)

    def guide(self, now, counts, said):
        # Never faster than the town's pace; a town that is behind says so.
        due = self.begins + now / self.asked.speed
        ahead = due - time.monotonic()
        if ahead > 0:
            time.sleep(ahead)
        else:
            self.behind_s = max(self.behind_s, -ahead * self.asked.speed)
        cut = set(self.asked.cut.split(",")) if now > 2700 else set()
        changed = {lot: occupied for lot, occupied in counts.items()
                   if lot not in cut and (self.last.get(lot) != occupied or now % 60 == 0)}
        self.last.update(changed)
        self.waiting.append((now + self.asked.lag, now, changed))
        while self.waiting and self.waiting[0][0] <= now:
            _, at, changed = self.waiting.pop(0)
            for lot, occupied in changed.items():
                self.client.publish(f"yunpark/v1/lot/{lot}/count", json.dumps({"occupied": occupied, "at": self.instant(at).isoformat()}), 1)
                self.heard_at[lot] = at
        if self.arm == "under_way" and now % 5 == 0:
            self.tell(now, said)
        return self.read(now, cut)

    def tell(self, now, said):
        """Apps say where their drivers go: as many stand under way as there are, each with its arrival."""
        wanted = {}
        for lot, arrives in said:
            wanted.setdefault(lot, []).append(arrives)
        for lot, arrivals in wanted.items():
            ids = self.said_ids.setdefault(lot, [])
            while len(ids) < len(arrivals):
                body = json.dumps({"eta_s": max(0, int(sorted(arrivals)[len(ids)] - now))}).encode()
                request = urllib.request.Request(f"http://127.0.0.1:{self.http}/api/v1/lots/{lot}/underway", body, {"Content-Type": "application/json"})
                ids.append(json.load(urllib.request.urlopen(request, timeout=10))["id"])
        for lot, ids in self.said_ids.items():
            while len(ids) > len(wanted.get(lot, [])):
                request = urllib.request.Request(f"http://127.0.0.1:{self.http}/api/v1/underway/{ids.pop(0)}", method="DELETE")
                try:
                    urllib.request.urlopen(request, timeout=10).close()
                except urllib.error.HTTPError as fault:
                    if fault.code != 404:
                        raise

    def read(self, now, cut):
        """What each sign's corner says of each lot: by the letters on it, and nothing once its time is over."""
        told = {}
        here = self.instant(now)
        for index, at in enumerate(self.signs):
            lots = {}
            for part in range(2):
                said, until = self.texts.get((f"G{index}", f"P{part}"), ({}, None))
                if until is not None and until >= here:
                    lots.update(said)
            # Five minutes is the lots' limit.
            self.stale += sum(lots.get(lot) == "open" and now - self.heard_at.get(lot, now) > 300 + self.asked.lag for lot in cut)
            told[at] = lots
        return told


def spoken(lines):
    """What the lines say of each lot: open, full, or nothing."""
    said = {}
    for words in map(str.split, lines):
        if words and (words[-1].isdigit() or words[-1] in ("OPEN", "LOW")):
            said[words[0]] = "open"
        elif words and words[-1] == "FULL":
            said[words[0]] = "full"
    return said
