/**
 * kafkajs computes a delay below zero on Node 24, which then warns with every request. That warning is dropped; every
 * other one is shown as Node would show it.
 */
export function silenceKafkajsTimeoutWarning(): void {
  const shown = process.listeners("warning");
  process.removeAllListeners("warning");
  process.on("warning", (warning) => {
    if (warning.name === "TimeoutNegativeWarning") return;
    for (const show of shown) show(warning);
  });
}
