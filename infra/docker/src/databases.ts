// Whether Postgres serves; makes the databases of the stack on the way, when they are not there yet.
import { serviceNamed } from "./services.ts";

const postgres = await serviceNamed("postgres");
process.exitCode = (await postgres.isReady()) ? 0 : 1;
