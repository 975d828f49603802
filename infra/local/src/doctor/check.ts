/** What a look at one thing found. */
export interface Finding {
  /** `warn`: it works, and something about it is worth knowing */
  status: "ok" | "warn" | "fail";
  text: string;
  /** what to do about it */
  next?: string;
}

/** One thing that the stack needs, or can use. */
export interface Check {
  title: string;
  look(): Promise<Finding>;
}

/** Looks at everything at once; what throws has failed, with its words. */
export async function lookAt(checks: readonly Check[]): Promise<(Finding & { title: string })[]> {
  return await Promise.all(
    checks.map(async ({ title, look }) => {
      try {
        return { title, ...(await look()) };
      } catch (error) {
        return { title, status: "fail" as const, text: error instanceof Error ? error.message : String(error) };
      }
    }),
  );
}
