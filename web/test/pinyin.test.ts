// Initials of Chinese names by their sound.
import assert from "node:assert/strict";
import { test } from "node:test";
import { initials } from "../src/pinyin.ts";

test("characters give the first letter of their sound, all else stays", () => {
  assert.equal(initials("云和县人民医院停车场"), "yhxrmyytcc");
  assert.equal(initials("中山街 12 号"), "zsj12h");
  assert.equal(initials("Donghuan Garage"), "donghuangarage");
});

test("the ends of each letter's range are on the right side", () => {
  for (const [character, letter] of [["啊", "a"], ["澳", "a"], ["巴", "b"], ["簿", "b"], ["二", "e"], ["发", "f"], ["家", "j"], ["七", "q"], ["群", "q"], ["然", "r"], ["娃", "w"], ["物", "w"], ["西", "x"], ["迅", "x"], ["丫", "y"], ["匝", "z"], ["坐", "z"]]) {
    assert.equal(initials(character ?? ""), letter, character);
  }
});
