/** Run notice: a message when the service has loaded a newer run than the one the page shows. */

import { get } from "./api.js";
import { toast } from "./toast.js";

const EVERY_MS = 20_000;
/** @type {string | null} */
let shown = null; // the run that the page was drawn with, or that was announced last

/** Check periodically which run is in service, while the page is visible. */
export function watchRun() {
  setInterval(check, EVERY_MS);
  document.addEventListener("visibilitychange", check);
  check();
}

async function check() {
  if (document.hidden) return;
  /** @type {{ run: string } | null} */
  const ready = await get("readyz").catch(() => null); // it is away; the page says so itself
  if (!ready) return;
  if (shown !== null && ready.run !== shown) {
    toast(`A new run is in service: ${ready.run}`, {
      action: "Reload", act: () => location.reload(), stays: true,
    });
  }
  shown = ready.run;
}
