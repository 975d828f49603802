import { type DuckDBConnection, type DuckDBExtractedStatements, StatementType } from "@duckdb/node-api";
import { Refusal } from "./faults.ts";

const ONE_SELECT = "Only one SELECT is run (WITH, VALUES, FROM, DESCRIBE, SHOW, SUMMARIZE and EXPLAIN of one included)";
/** Each text can be read as one in one way only, so that no text takes long. */
const COMMENT = /--[^\r\n]*(?:[\r\n]|$)|\/\*(?:[^*]|\*(?!\/))*\*\//g;
const GAP = `(?:\\s|${COMMENT.source})`;
const EXPLAIN = new RegExp(`^${GAP}*EXPLAIN(?:${GAP}+ANALYZE(?=\\W)|${GAP}*\\([^()]*\\))?${GAP}*`, "i");

/** A statement that DuckDB itself calls a SELECT, or an EXPLAIN of one. */
export interface Statement {
  /** what is run; as long as what was given, so that positions in it are the user's */
  sql: string;
  /** the SELECT that is run or explained */
  select: string;
}

/**
 * Reads what kind of statement it is. DuckDB's word for EXPLAIN says nothing of what is explained, and EXPLAIN ANALYZE
 * runs it, a COPY too. So what stands behind EXPLAIN is given to DuckDB alone, and only what it calls a SELECT there is
 * put behind an EXPLAIN without comments again: a mistake in where EXPLAIN ends can refuse, and let nothing through.
 * @throws Refusal when it is not one statement that only reads
 */
export async function readStatement(connection: DuckDBConnection, given: string): Promise<Statement> {
  const type = await typeOf(connection, given);
  if (type === StatementType.SELECT) return { sql: given, select: given };
  if (type !== StatementType.EXPLAIN) throw refusal(`this is ${StatementType[type] ?? "another one"}`);
  const head = EXPLAIN.exec(given)?.[0];
  if (head === undefined) throw refusal("what this explains cannot be told");
  const select = given.slice(head.length);
  const explained = await explainedType(connection, select);
  if (explained !== StatementType.SELECT) throw refusal(`this explains ${StatementType[explained] ?? "another one"}`);
  const blank = head.replace(COMMENT, (comment) => comment.replace(/[^\r\n]/gu, blankOf));
  return { sql: blank + select, select };
}

async function explainedType(connection: DuckDBConnection, sql: string): Promise<StatementType> {
  try {
    return await typeOf(connection, sql);
  } catch (error) {
    if (error instanceof Refusal) throw error;
    // DuckDB could read it with EXPLAIN in front: then it was not cut where DuckDB cuts it.
    throw refusal("what this explains cannot be told");
  }
}

async function typeOf(connection: DuckDBConnection, sql: string): Promise<StatementType> {
  const statements = await extract(connection, sql);
  if (statements.count !== 1) throw refusal(`there are ${statements.count}`);
  const statement = await statements.prepare(0);
  try {
    return statement.statementType;
  } finally {
    statement.destroySync();
  }
}

async function extract(connection: DuckDBConnection, sql: string): Promise<DuckDBExtractedStatements> {
  try {
    return await connection.extractStatements(sql);
  } catch (error) {
    // Where there is nothing to extract there is no error of DuckDB's either.
    if (String(error).includes("native callback")) throw refusal("there is none");
    throw error;
  }
}

/** As many bytes of nothing. */
function blankOf(character: string): string {
  return " ".repeat(Buffer.byteLength(character));
}

function refusal(here: string): Refusal {
  return new Refusal({ kind: "refused", message: `${ONE_SELECT}; here ${here}.` });
}
