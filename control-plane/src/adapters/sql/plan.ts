import { Refusal } from "./faults.ts";

/** A step of a plan, as `EXPLAIN (FORMAT json)` tells it. */
interface Step {
  name: string;
  children?: Step[];
  extra_info?: { Function?: string };
}

/** Table functions that only compute, or read what may be opened or what the database is made of. */
const READING = new Set([
  "duckdb_columns",
  "duckdb_constraints",
  "duckdb_coordinate_systems",
  "duckdb_databases",
  "duckdb_dependencies",
  "duckdb_extensions",
  "duckdb_functions",
  "duckdb_indexes",
  "duckdb_keywords",
  "duckdb_memory",
  "duckdb_optimizers",
  "duckdb_schemas",
  "duckdb_secrets",
  "duckdb_sequences",
  "duckdb_settings",
  "duckdb_tables",
  "duckdb_temporary_files",
  "duckdb_types",
  "duckdb_variables",
  "duckdb_views",
  "generate_series",
  "glob",
  "icu_calendar_names",
  "json_each",
  "json_tree",
  "parquet_bloom_probe",
  "parquet_file_metadata",
  "parquet_full_metadata",
  "parquet_kv_metadata",
  "parquet_metadata",
  "parquet_scan",
  "parquet_schema",
  "pg_timezone_names",
  "pragma_collations",
  "pragma_database_size",
  "pragma_platform",
  "pragma_show",
  "pragma_table_info",
  "pragma_user_agent",
  "pragma_version",
  "range",
  "read_blob",
  "read_parquet",
  "read_text",
  "repeat",
  "repeat_row",
  "summary",
  "test_all_types",
  "unnest",
]);

/** Steps without anything below them that are no functions: what is known already, or comes from another step. */
const SOURCES = new Set([
  "column_data_scan",
  "cte_scan",
  "delim_scan",
  "dummy_scan",
  "empty_result",
  "expression_scan",
  // of the rows that a correlated subquery is joined with
  "hash_group_by",
  "rec_cte_scan",
  "rec_rec_cte_scan",
]);

/** Steps that write what comes from below them, whatever they are called in full. */
const WRITING = /COPY|EXPORT|INSERT|UPDATE|DELETE|MERGE_INTO|CREATE/;

/**
 * Looks at what DuckDB would do: a function in FROM can change the process it runs in (`enable_logging`), and one that
 * this list does not know may do so in the next release.
 * @param plan by `EXPLAIN (FORMAT json)`
 * @throws Refusal when something in it is not known to read only
 */
export function refuseChange(plan: string): void {
  for (const step of JSON.parse(plan) as Step[]) refuseStep(step);
}

function refuseStep({ name, children = [], extra_info: { Function: called } = {} }: Step): void {
  const own = name.trim().toLowerCase();
  if (called !== undefined) refuseFunction(called.trim().toLowerCase());
  else if (children.length === 0 && !SOURCES.has(own)) refuseFunction(own);
  if (called === undefined && children.length > 0 && WRITING.test(name.trim())) {
    throw new Refusal({ kind: "refused", message: `Only what reads is run; here is ${name.trim()}.` });
  }
  for (const child of children) refuseStep(child);
}

function refuseFunction(called: string): void {
  if (READING.has(called)) return;
  throw new Refusal({ kind: "refused", message: `The function ${called} cannot be called in FROM here.` });
}
