// What a trial of the pages holds and what not, one line each; it ends in how many faults there were.
import { tell } from "./browser.mjs";

let faults = 0;

/** Says whether something held. */
export function holds(what, held, detail = undefined) {
  faults += Number(!held);
  tell({ event: held ? "held" : "broken", what, ...(detail === undefined ? {} : { detail }) });
}

/** Does something that holds unless it throws. */
export async function attempt(what, act) {
  try {
    await act();
  } catch (error) {
    holds(what, false, String(error));
  }
}

/** Ends the trial; 0 if all of it held. */
export function done() {
  tell({ event: "done", faults });
  process.exit(faults === 0 ? 0 : 1);
}
