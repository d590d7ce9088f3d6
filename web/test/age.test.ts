// The age of a number in words, and the city's own day.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ageWords, dayStart, durationWords, secondsSince, stamp } from "../src/age.ts";

test("an age is told in the largest whole unit", () => {
  assert.equal(ageWords(12, "zh"), "12 秒前");
  assert.equal(ageWords(12, "en"), "12 s ago");
  assert.equal(ageWords(59.9, "zh"), "59 秒前");
  assert.equal(ageWords(60, "en"), "1 minute ago");
  assert.equal(ageWords(3599, "zh"), "59 分钟前");
  assert.equal(ageWords(7300, "en"), "2 hours ago");
  assert.equal(ageWords(90_000, "zh"), "1 天前");
});

test("what is seconds old is now, and the future is not a negative age", () => {
  assert.equal(ageWords(2, "zh"), "刚刚");
  assert.equal(durationWords(-5, "en"), "0 s");
  assert.equal(secondsSince("2026-11-23T00:00:10Z", Date.parse("2026-11-23T00:00:00Z")), 0);
});

test("no instant has no age", () => {
  assert.equal(secondsSince(null, 0), null);
  assert.equal(secondsSince("yesterday", 0), null);
});

test("times stand in the city's zone", () => {
  assert.equal(stamp("2026-11-23T16:05:09Z", "Asia/Shanghai"), "2026-11-24 00:05:09");
});

test("the day begins at midnight in the city, not in Greenwich", () => {
  assert.equal(dayStart(Date.parse("2026-11-23T16:05:09.250Z"), "Asia/Shanghai"), "2026-11-23T16:00:00.000Z");
  assert.equal(dayStart(Date.parse("2026-11-23T15:59:59Z"), "Asia/Shanghai"), "2026-11-22T16:00:00.000Z");
});
