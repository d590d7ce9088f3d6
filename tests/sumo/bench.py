"""What Yunpark's signs are worth to the drivers of Eclipse SUMO, an independent traffic simulator.

SUMO moves the cars and parks them; what the lots count becomes MQTT messages to a running node; drivers obey the text that the node
sends to the signs, read off the wire as a sign reads it. The node's clock runs as fast as the town (at most ten times real time).

    ./run sumo [--seeds 1,2] [--peak 0.97] [--arms none,raw,thresholds,arrival,under_way] [--update 10 --lag 5] [--comply 1]
"""

import argparse
import math
import multiprocessing
import os
import random
import statistics
import subprocess
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor, as_completed

import libsumo
import sumo

from node import Node

SIZE, BLOCK_M = 11, 100
LOTS = [("L1", 2, 2, 15), ("L2", 5, 2, 60), ("L3", 8, 3, 30), ("L4", 3, 5, 40), ("L5", 6, 5, 80), ("L6", 8, 7, 25), ("L7", 2, 8, 50), ("L8", 5, 8, 20)]
PLACES = sum(lot[3] for lot in LOTS)
LENGTH_S, COUNTED_FROM_S = 5400, 1800
MEAN_STAY_S, SHORTEST_STAY_S = 2700, 900
PATIENCE_S, MOST_FULL, REMEMBERS_S, FEAR_S = 900, 5, 600, 420
WALK_M_S, WALK_WEIGHT, BLOCK_S = 1.3, 1.5, 17


def junction(x, y):
    return f"{chr(ord('A') + x)}{y}"


def edge(x, y, to_x, to_y):
    return junction(x, y) + junction(to_x, to_y)


def split(of_edge):
    """Both corners of an edge: letters begin them."""
    second = next(at for at in range(1, len(of_edge)) if of_edge[at].isalpha())
    return [(ord(part[0]) - ord("A"), int(part[1:])) for part in (of_edge[:second], of_edge[second:])]


def blocks(a, b):
    return abs(a[0] - b[0]) + abs(a[1] - b[1])


LOT_EDGE = {name: edge(x, y, x + 1, y) for name, x, y, _ in LOTS}
LOT_AT = {name: (x, y) for name, x, y, _ in LOTS}
SIGNS = sorted(
    (x, y) for x in range(SIZE) for y in range(SIZE)
    if ((x in (0, SIZE - 1) or y in (0, SIZE - 1)) and (x + y) % 2 == 0) or (x % 3 == 1 and y % 3 == 1)
)


def build(folder):
    """The streets with their lots."""
    net, extra = f"{folder}/net.xml", f"{folder}/lots.xml"
    netgenerate = os.path.join(sumo.SUMO_HOME, "bin", "netgenerate")
    subprocess.run([netgenerate, "--grid", "--grid.number", str(SIZE), "--grid.length", str(BLOCK_M), "--default.speed", "8.33",
                    "--default.lanenumber", "2", "-o", net], check=True, stdout=subprocess.DEVNULL)
    with open(extra, "w", encoding="utf-8") as out:
        out.write("<additional>\n")
        for name, _, _, capacity in LOTS:
            out.write(f'  <parkingArea id="{name}" lane="{LOT_EDGE[name]}_0" startPos="30" endPos="65" roadsideCapacity="{capacity}"/>\n')
        out.write("</additional>\n")
    return net, extra


def crowd(seed, peak, comply, apps):
    """Who comes: drawn from the seed alone, so that every arm has the same drivers."""
    dice = random.Random(seed)
    people, now = [], 0.0
    # What stands in the lots varies by its root: the mean that reaches the peak now and then.
    top = (peak * PLACES - 2 * math.sqrt(peak * PLACES)) / MEAN_STAY_S
    while True:
        now += dice.expovariate(2 * top)
        if now >= LENGTH_S:
            return people
        # A rush fills the town to the peak, and then it holds.
        keep = dice.random() < (1.0 if now < MEAN_STAY_S * math.log(2) else 0.5)
        side, along = dice.randrange(4), dice.randrange(1, SIZE - 1)
        last = SIZE - 1
        start = [edge(0, along, 1, along), edge(last, along, last - 1, along), edge(along, 0, along, 1), edge(along, last, along, last - 1)][side]
        # Three in four want to be around the market, the others anywhere in the middle.
        around = lambda centre: centre + dice.randrange(3) + dice.randrange(3) - 2
        middle = lambda: (dice.randrange(1, last) + dice.randrange(1, last)) // 2
        to = (around(5), around(4)) if dice.random() < 0.75 else (middle(), middle())
        person = {
            "enters": int(now), "start": start, "to": to,
            "stay": int(SHORTEST_STAY_S + dice.expovariate(1 / (MEAN_STAY_S - SHORTEST_STAY_S))),
            "complies": dice.random() < comply, "app": dice.random() < apps,
            "taste": {lot[0]: -30 * math.log(-math.log(min(max(dice.random(), 1e-9), 1 - 1e-9))) for lot in LOTS},
        }
        if keep:
            people.append(person)


class Memory:
    """What drivers of other days have learned: how often each lot was full at a time of the day."""

    def __init__(self):
        self.tried, self.full = {}, {}

    def learn(self, lot, now, was_full):
        slot = (lot, int(now // 600))
        self.tried[slot] = self.tried.get(slot, 0) + 1
        self.full[slot] = self.full.get(slot, 0) + was_full

    def chance_full(self, lot, now):
        slot = (lot, int(now // 600))
        return (self.full.get(slot, 0) + 0.5) / (self.tried.get(slot, 0) + 2)


def cost(person, at, lot):
    walk_s = blocks(LOT_AT[lot], person["to"]) * BLOCK_M / WALK_M_S
    return blocks(at, LOT_AT[lot]) * BLOCK_S + WALK_WEIGHT * walk_s - person["taste"][lot]


def choose(person, memory, at, now, told):
    lots = [lot for lot, *_ in LOTS if now >= person.get("full", {}).get(lot, -REMEMBERS_S) + REMEMBERS_S]
    if told is not None:
        is_open = [lot for lot in lots if told.get(lot) == "open"]
        if is_open:
            return min(is_open, key=lambda lot: cost(person, at, lot))
    fear = lambda lot: FEAR_S * memory.chance_full(lot, now + blocks(at, LOT_AT[lot]) * BLOCK_S)
    return min(lots, key=lambda lot: cost(person, at, lot) + fear(lot)) if lots else None


def day(files, people, known, memory, guide=None):
    """Drives one day; `guide` is told the counts every second and gives what each sign's corner says."""
    net, extra = files
    libsumo.start(["sumo", "-n", net, "-a", extra, "--no-step-log", "--no-warnings", "--time-to-teleport", "120", "--seed", "1"])
    people = [dict(person) for person in people]
    cars, done, told, parked, queue = {}, [], {}, {}, list(enumerate(people))
    flips, peak = 0, 0
    try:
        for now in range(LENGTH_S + PATIENCE_S):
            while queue and queue[0][1]["enters"] <= now:
                index, person = queue.pop(0)
                car = f"c{index}"
                person["lot"] = choose(person, known, split(person["start"])[1], now, told.get(split(person["start"])[0]) if person["complies"] else None)
                route = libsumo.simulation.findRoute(person["start"], LOT_EDGE[person["lot"]]).edges
                libsumo.route.add(car, list(route))
                libsumo.vehicle.add(car, car, departLane="best", departSpeed="max")
                libsumo.vehicle.setParkingAreaStop(car, person["lot"], duration=1e6)
                cars[car] = person
            libsumo.simulationStep()
            for car in [car for car, leaves in parked.items() if leaves <= now]:
                del parked[car]
                libsumo.vehicle.remove(car)
            counts = {lot: libsumo.parkingarea.getVehicleCount(lot) for lot, *_ in LOTS}
            peak = max(peak, sum(counts.values()))
            if guide is not None:
                said = [(person["lot"], now + blocks(split(person["edge"])[1], LOT_AT[person["lot"]]) * BLOCK_S)
                        for person in cars.values() if person["app"] and person["complies"] and "edge" in person]
                newest = guide(now, counts, said)
                flipped = {lot for at in newest for lot in newest[at] if at in told
                           and {told[at].get(lot), newest[at][lot]} == {"open", "full"}}
                flips += len(flipped)
                told = newest
            for car in list(cars):
                person = cars[car]
                if step(car, person, known, memory, told, counts, now):
                    del cars[car]
                    if person["end"] == "parked":
                        parked[car] = now + person["stay"]
                    else:
                        libsumo.vehicle.remove(car)
                    if COUNTED_FROM_S <= person["enters"]:
                        done.append(person)
    finally:
        libsumo.close()
    return report(done, flips, peak)


def step(car, person, known, memory, told, counts, now):
    """A driver looks about; whether the search is over."""
    if libsumo.vehicle.isStoppedParking(car):
        memory.learn(person["lot"], now, 0)
        person.update(end="parked", ended=now)
        return True
    place = libsumo.vehicle.getRoadID(car)
    if not place or place.startswith(":"):
        return False
    came = place != person.get("edge")
    person["edge"] = place
    if came and "first_full" in person:
        person["cruised"] = person.get("cruised", 0) + BLOCK_M
    lot = person["lot"]
    here = split(place)
    moved = None
    if place == LOT_EDGE[lot] and libsumo.vehicle.getLanePosition(car) > 10 and counts[lot] >= capacity(lot):
        # The driver sees the gate shut, and drives on.
        memory.learn(lot, now, 1)
        person.setdefault("full", {})[lot] = now
        person.setdefault("first_full", now)
        moved = choose(person, known, here[1], now, None)
    elif came and person["complies"] and here[0] in told:
        moved = choose(person, known, here[1], now, told[here[0]])
    searched = now - person.get("first_full", now)
    if searched >= PATIENCE_S or len(person.get("full", {})) >= MOST_FULL or (moved is None and lot in person.get("full", {})):
        person.update(end="illegal", ended=now)
        return True
    if moved is not None and moved != lot:
        try:
            libsumo.vehicle.rerouteParkingArea(car, moved)
            person["lot"] = moved
        except libsumo.TraCIException:
            pass
    return False


def capacity(lot):
    return next(places for name, _, _, places in LOTS if name == lot)


def report(done, flips, peak):
    search = [person["ended"] - person["first_full"] if "first_full" in person else 0 for person in done]
    return {
        "drivers": len(done), "search": statistics.mean(search),
        "met": statistics.mean("first_full" in person for person in done),
        "cruise": statistics.mean(person.get("cruised", 0) for person in done),
        "door": statistics.mean(person["ended"] - person["enters"] + blocks(LOT_AT[person["lot"]], person["to"]) * BLOCK_M / WALK_M_S for person in done),
        "illegal": statistics.mean(person["end"] == "illegal" for person in done), "flips": flips, "peak": peak / PLACES,
    }


def main():
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--seeds", default="1,2,3,4,5")
    words.add_argument("--peak", type=float, default=0.97)
    words.add_argument("--arms", default="none,thresholds,arrival,under_way")
    words.add_argument("--update", type=int, default=10, help="seconds between updates of a sign")
    words.add_argument("--lag", type=int, default=5, help="seconds till a count is heard")
    words.add_argument("--comply", type=float, default=1.0)
    words.add_argument("--apps", type=float, default=0.5)
    words.add_argument("--speed", type=int, default=10, choices=range(1, 11), metavar="1..10")
    words.add_argument("--cut", default="", help="lots whose feed is cut half-way, such as L2,L5")
    words.add_argument("--taught", type=int, default=10, help="days that teach drivers experience")
    words.add_argument("--yunpark", default="target/release/yunpark")
    words.add_argument("--jobs", type=int, default=5, help="days at once; each takes about a tenth of a core")
    asked = words.parse_args()
    seeds, arms = [int(seed) for seed in asked.seeds.split(",")], asked.arms.split(",")
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(asked.jobs, multiprocessing.get_context("spawn")) as pool:
        files = build(folder)
        taught = {seed: pool.submit(experience, asked, files, seed) for seed in seeds}
        # Seeds first, so that a table that is broken off is paired as far as it goes.
        days = {pool.submit(try_arm, asked, files, folder, seed, arm, taught[seed].result()): (seed, arm) for seed in seeds for arm in arms}
        for done in as_completed(days):
            seed, arm = days[done]
            print(f"seed {seed} {arm:12} " + " ".join(f"{key} {value:.3g}" for key, value in done.result().items()), flush=True)
        rows = {arm: [done.result() for done, (_, of) in days.items() if of == arm] for arm in arms}
    table(rows)


def experience(asked, files, seed):
    """What days without signs have taught."""
    known = Memory()
    for taught in range(asked.taught):
        day(files, crowd(1000 * seed + taught, asked.peak, asked.comply, asked.apps), Memory(), known)
    return known


def try_arm(asked, files, folder, seed, arm, known):
    """One day of one seed under one way of guiding."""
    people = crowd(seed, asked.peak, asked.comply, asked.apps)
    if arm == "none":
        return day(files, people, known, Memory())
    with Node(asked, arm, LOTS, LOT_AT, SIGNS, BLOCK_S, folder) as node:
        result = day(files, people, known, Memory(), node.guide)
        return {**result, "stale": node.stale, "behind_s": node.behind_s}


def table(rows):
    base = rows.get("none")
    print(f"\n{'':12} {'search s':>18} {'cut':>6} {'met full':>9} {'cruise m':>9} {'door s':>7} {'illegal':>8} {'flips':>6} {'peak':>6}")
    for arm, results in rows.items():
        mean = lambda key: statistics.mean(result[key] for result in results)
        search = [result["search"] for result in results]
        cut = f"{100 * (1 - mean('search') / max(statistics.mean(r['search'] for r in base), 1e-9)):.0f} %" if base else "-"
        spread = f"{mean('search'):.0f} [{min(search):.0f}..{max(search):.0f}]"
        print(f"{arm:12} {spread:>18} {cut:>6} {100 * mean('met'):>7.0f} % {mean('cruise'):>9.0f} {mean('door'):>7.0f} {100 * mean('illegal'):>6.1f} % {mean('flips'):>6.0f} {100 * mean('peak'):>4.0f} %")
        if "stale" in results[0]:
            stale, behind = sum(result["stale"] for result in results), max(result["behind_s"] for result in results)
            print(f"{'':12} texts that were older than their limit: {stale}; the town waited for {behind:.1f} s of its time at most")
        if base:
            worse = sum(with_["search"] > without["search"] for with_, without in zip(results, base))
            if worse:
                print(f"{'':12} worse than no signs in {worse} of {len(results)} seeds")


if __name__ == "__main__":
    sys.exit(main())
