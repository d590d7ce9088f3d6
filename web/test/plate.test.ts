// What the keypad lets stand on a plate.
import assert from "node:assert/strict";
import { test } from "node:test";
import { CELLS, DIGITS, erase, keysAfter, LETTERS, mayFollow, plateForm, press, PROVINCES, showPlate, TAILS, tidyPlate } from "../src/plate.ts";

const type = (keys: string): string => [...keys].reduce(press, "");

test("there are 31 provinces, and neither I nor O among the letters", () => {
  assert.equal(new Set(PROVINCES).size, 31);
  assert.equal(LETTERS.length, 24);
  assert.ok(!LETTERS.includes("I") && !LETTERS.includes("O"));
});

test("a plate starts with a province and goes on with a letter", () => {
  assert.deepEqual(keysAfter(""), ["provinces"]);
  assert.deepEqual(keysAfter("浙"), ["letters"]);
  assert.equal(press("", "K"), "");
  assert.equal(press("浙", "3"), "浙");
});

test("an ordinary and a new-energy plate can be typed", () => {
  assert.equal(type("浙K12345"), "浙K12345");
  assert.equal(type("浙KD12345"), "浙KD12345");
  assert.equal(plateForm("浙K12345"), "ordinary");
  assert.equal(plateForm("浙KD12345"), "new_energy");
  assert.equal(plateForm("浙K12345D"), "new_energy");
});

test("a special character only ends a plate", () => {
  assert.equal(mayFollow("浙K123", "学"), false);
  assert.equal(type("浙K1234学"), "浙K1234学");
  assert.deepEqual(keysAfter("浙K1234学"), []);
  assert.equal(plateForm("浙K1234警"), "ordinary");
});

test("no plate grows beyond its cells, whatever is pressed", () => {
  const keys = [...PROVINCES, ...DIGITS, ...LETTERS, ...TAILS];
  let state = 1;
  for (let round = 0; round < 200; round += 1) {
    let plate = "";
    for (let i = 0; i < 40; i += 1) {
      state = (state * 48_271) % 2_147_483_647;
      plate = press(plate, keys[state % keys.length] ?? "");
    }
    assert.ok([...plate].length <= CELLS, plate);
    assert.ok(!/[IO]/.test(plate), plate);
  }
});

test("erasing takes back the last key, down to nothing", () => {
  assert.equal(erase("浙K1"), "浙K");
  assert.equal(erase("浙"), "");
  assert.equal(erase(""), "");
});

test("a pasted plate is tidied: separators, width, case, I and O", () => {
  assert.equal(tidyPlate(" 浙k·1O2I5 "), "浙K10215");
  assert.equal(tidyPlate("浙Ｋ１２３４５"), "浙K12345");
  assert.equal(tidyPlate("浙K1？34"), "浙K1?34");
});

test("an unusual plate is named unusual, not refused", () => {
  assert.equal(plateForm("浙K12"), "incomplete");
  assert.equal(plateForm("云和A12345"), "other");
});

test("a plate is shown with its dot, an e-bike's as it stands", () => {
  assert.equal(showPlate("浙K12345"), "浙K·12345");
  assert.equal(showPlate("YH00123"), "YH00123");
});
