// Changes are gathered, the newest of each key, and a crowd of them is drawn a few times a second.
import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { Frame } from "../src/public/map/frame.ts";

test("one that comes alone is drawn with the next frame, a crowd after a rest and together", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  let now = 0;
  mock.method(performance, "now", () => now);
  const pass = (ms: number): void => {
    now += ms;
    mock.timers.tick(ms);
  };
  globalThis.requestAnimationFrame = (draw) => {
    draw(now);
    return 0;
  };
  const drawn: Record<string, number>[] = [];
  const frame = new Frame<number>((changed) => drawn.push(Object.fromEntries(changed)), 200);
  frame.put("a", 1);
  assert.deepEqual(drawn, [{ a: 1 }]);
  pass(50);
  frame.put("a", 2);
  frame.put("b", 3);
  pass(100);
  frame.put("a", 4);
  assert.equal(drawn.length, 1);
  pass(50);
  assert.deepEqual(drawn, [{ a: 1 }, { a: 4, b: 3 }]);
  pass(1000);
  frame.put("b", 5);
  assert.deepEqual(drawn.at(-1), { b: 5 });
  mock.restoreAll();
  mock.timers.reset();
});
